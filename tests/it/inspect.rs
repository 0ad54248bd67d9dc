//! What the commands answer that serve nothing: `inspect`, `check`, `routes`, `servers`, `completions`.

use crate::harness::{Output, run, workspace_plugin};
use crate::load::{Files, Plugin, declared, only};

/// A plugin that would show that it was run, in its constructor.
fn plugin() -> Plugin {
    let manifest = r#"[[route]]
        method = "GET"
        rule = "/hello/<name>"
        handler = "hello"
        [[route]]
        method = "POST"
        rule = "/order"
        handler = "order"
        body = "whole"
        blocking = true
        app = "admin"
        [[error]]
        status = 404
        handler = "lost"
        [[app]]
        name = "admin"
        [[app]]
        name = "make"
        factory = true
        args = ["title", "size"]
        [[middleware]]
        name = "gzip"
    "#;
    let constructor = "#include <fcntl.h>
        __attribute__((constructor)) static void runs(void) { close(open(\"it-was-run\", O_CREAT | O_WRONLY, 0600)); }";
    let plugin = Plugin::with_a_route("looked-at").tables(manifest).before(constructor);
    let plugin = plugin.keys("description = \"Shows everything\"").keys("requires = [\"pa.timer/1\"]");
    let plugin =
        plugin.keys("state_schema = 2").keys("state_accepts = [1, 2]").keys("watch = [\"templates\"]");
    plugin.keys("config = [\"greeting\"]").keys("dynamic = true")
}

fn files() -> Files {
    Files::of(&[&plugin()], only("looked-at"))
}

/// The lines of a report without those that depend on the compiler and the machine.
fn portable(report: &str) -> String {
    let varies = ["size ", "sha256 ", "build id ", "machine ", "glibc ", "hardening "];
    let kept = report.lines().filter(|line| !varies.iter().any(|label| line.starts_with(label)));
    kept.map(|line| format!("{line}\n")).collect()
}

#[test]
fn inspect_prints_what_a_plugin_says_of_itself_and_runs_nothing_of_it() {
    let files = files();
    let output = files.run(&["inspect", "liblooked-at.so"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    let wanted = "\
file        liblooked-at.so
needs       libc.so.6
exports     pa_plugin_v1
plugin      looked-at 1
about       Shows everything
abi         1.1
routes      GET   /              index, body none
            GET   /hello/<name>  hello, body none
            POST  /order         order, body whole, blocking, of app admin
            more are made when it is loaded
errors      404 lost
apps        admin
            make(title, size)
middleware  gzip
requires    pa.timer/1
config      greeting
state       schema 2, accepts 1, 2
watch       templates
loads here  yes
unloads     yes
";
    assert!(portable(&output.stdout) == wanted, "{output:?}");
    assert!(!files.path().join("it-was-run").exists());
    // The same file does show it once it is loaded.
    files.run(&["check", "--app", "liblooked-at.so"]);
    assert!(files.path().join("it-was-run").exists());
}

#[test]
fn inspect_has_the_same_facts_for_programs() {
    let output = files().run(&["inspect", "liblooked-at.so", "--format", "json"]);
    let facts: serde_json::Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("JSON: {output:?}"));
    let manifest = &facts["manifest"];
    assert_eq!(
        (&facts["file"], &facts["loads_here"], &facts["unloads"]),
        (&"liblooked-at.so".into(), &true.into(), &true.into())
    );
    assert_eq!((&manifest["id"], &manifest["routes"][2]["app"]), (&"looked-at".into(), &"admin".into()));
    assert_eq!(manifest["apps"][1]["args"], serde_json::json!(["title", "size"]));
    assert_eq!(
        (&manifest["state_schema"], &manifest["state_accepts"], &manifest["watch"]),
        (&2.into(), &serde_json::json!([1, 2]), &serde_json::json!(["templates"]))
    );
    assert_eq!(facts["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn inspect_says_why_a_file_cannot_be_loaded_and_that_is_no_failure() {
    let files = Files::new().file("notes.txt", "some notes");
    let output = files.run(&["inspect", "notes.txt"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    let wanted = "loads here  no - not a shared library: it is text that starts with `some notes`\n";
    assert!(output.stdout.contains(wanted), "{output:?}");
    let output = files.run(&["inspect", "none.so"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(78), ""), "{output:?}");
    assert!(
        output.stderr.starts_with("host: none.so: cannot read the library: no such file\n"),
        "{output:?}"
    );
}

#[test]
fn inspect_reads_a_plugin_in_rust() {
    let file = workspace_plugin("hello");
    let output = run(["inspect".as_ref(), file.as_os_str()]);
    for line in ["plugin      hello ", "sdk         rust ", "exports     pa_plugin_v1\n", "loads here  yes\n"]
    {
        assert!(output.stdout.contains(line), "no `{line}`: {output:?}");
    }
}

#[test]
fn check_loads_everything_and_serves_nothing() {
    let spec = declared(only("a").text("mount = '/a'"), "b").text("mount = '/b'");
    let files = Files::of(&[&Plugin::with_a_route("a"), &Plugin::with_a_route("b")], spec);
    let commands: [&[&str]; 3] = [
        &["check", "--app", "app.toml"],
        &["--check", "--app", "app.toml"],
        // The address is not even looked at.
        &["--check", "--app", "app.toml", "--bind", "192.0.2.1:80"],
    ];
    for command in commands {
        let output = files.run(command);
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "test: ok, 2 routes\n"), "{output:?}");
        assert_eq!(output.stderr, "");
    }
}

#[test]
fn routes_lists_each_route_with_its_place_and_its_plugin() {
    let longer = Plugin::with_a_route("longer").route("/long/<rule:path>").route("/x");
    let spec = declared(only("longer"), "a").text("mount = '/a'\nhosts = ['b.example', 'a.example']");
    let files = Files::of(&[&Plugin::with_a_route("a"), &longer], spec);
    let output = files.run(&["routes", "--app", "app.toml"]);
    let wanted = "  GET  /                  longer 1
  GET  /long/<rule:path>  longer 1
  GET  /x                 longer 1
  GET  a.example/a/       a 1
  GET  b.example/a/       a 1
";
    assert!(output.stdout == wanted, "{output:?}");
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[test]
fn completions_know_the_commands_and_their_flags() {
    let completed = |shell: &str| -> Output {
        let output = run(["completions", shell]);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
        output
    };
    let script = completed("bash").stdout;
    for word in
        ["_host()", "inspect", "check", "routes", "servers", "completions", "--app", "--server", "--bind"]
    {
        assert!(script.contains(word), "no `{word}` in\n{script}");
    }
    for shell in ["elvish", "fish", "powershell", "zsh"] {
        assert!(completed(shell).stdout.contains("inspect"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut host = std::process::Command::new(first_word(&run(["--version"]).command));
    let mut child =
        host.args(["completions", "bash"]).stdout(std::process::Stdio::piped()).spawn().expect("the program");
    drop(child.stdout.take());
    assert!(child.wait().expect("its end").success());
}
