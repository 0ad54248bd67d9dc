//! Every example does what the comment at its beginning says: the commands in it are run, and print what stands there.
//!
//! A line `#   $ COMMAND` is a command, the line below that of `curl` the first line of what it prints.

use crate::harness::{Host, root};
use std::process::Command;

const SERVE: &str = "cargo run --release -- ";
const ADDRESS: &str = "http://127.0.0.1:8080";

/// What a reader does, and what he sees.
enum Step {
    Ask { path: String, header: Option<(String, String)>, answer: String },
    Command { args: Vec<String>, answer: String },
}

#[test]
fn each_example_answers_as_its_comment_says() {
    let folders =
        std::fs::read_dir(root().join("examples")).expect("examples").map(|entry| entry.expect("an entry"));
    let mut names: Vec<String> = folders
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    assert!(names.len() >= 5, "{names:?}");
    let readme = std::fs::read_to_string(root().join("examples/README.md")).expect("examples/README.md");
    for name in names {
        assert!(
            readme.contains(&format!("]({name}/app.toml)")),
            "examples/README.md does not tell of `{name}`"
        );
        check(&name);
    }
}

fn check(name: &str) {
    let file = format!("examples/{name}/app.toml");
    let text = std::fs::read_to_string(root().join(&file)).unwrap_or_else(|cause| panic!("{file}: {cause}"));
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    let commands: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
    commands.iter().filter(|command| command.starts_with("cc ")).for_each(|command| compile(command));
    let serve = commands.iter().find_map(|command| command.strip_prefix(SERVE));
    let args = serve.unwrap_or_else(|| panic!("{file} does not say how to serve it"));
    assert!(args.contains(&format!("--app {file} ")), "{file} serves another file: {args}");
    let host = Host::with_args(args.split(' ')).start();
    let steps = steps(&lines);
    assert!(!steps.is_empty(), "{file} asks nothing");
    for step in steps {
        match step {
            Step::Ask { path, header, answer } => {
                let headers: Vec<(&str, &str)> =
                    header.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let got = host.request("GET", &path, &headers, "");
                assert_eq!(got.text().lines().next(), Some(answer.as_str()), "{file}: {path}");
            }
            Step::Command { args, answer } => {
                let output = host.ctl(args.iter().map(String::as_str));
                let got = output.stdout.lines().next().map(uncounted);
                assert_eq!(got, Some(uncounted(&answer)), "{file}: {output:?}");
            }
        }
    }
    assert_eq!(host.stop().code, Some(0), "{file}");
}

/// A line of proof without the number of requests: one that was answered a moment before is counted when its thread gets to it.
fn uncounted(line: &str) -> String {
    match line.split_once(" requests during the swap") {
        Some((before, after)) => format!("{}…{after}", before.trim_end_matches(|c: char| c.is_ascii_digit())),
        None => line.to_owned(),
    }
}

fn compile(command: &str) {
    let output =
        Command::new("sh").args(["-c", command]).current_dir(root()).output().expect("a shell can be run");
    assert!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn steps(lines: &[&str]) -> Vec<Step> {
    let step = |command: &str, answer: &str| {
        let command = command.strip_prefix("$ ")?;
        if let Some(curl) = command.strip_prefix("curl ") {
            return Some(ask(curl, answer));
        }
        let args = command.strip_prefix(SERVE)?.strip_prefix("ctl ")?;
        Some(Step::Command { args: args.split(' ').map(str::to_owned).collect(), answer: answer.to_owned() })
    };
    lines.windows(2).filter_map(|pair| step(pair[0], pair[1])).collect()
}

/// `[-H 'NAME: VALUE'] URL`.
fn ask(command: &str, answer: &str) -> Step {
    let (header, url) = match command.strip_prefix("-H '").and_then(|rest| rest.split_once("' ")) {
        Some((header, url)) => (header.split_once(": "), url),
        None => (None, command),
    };
    let path = url.strip_prefix(ADDRESS).unwrap_or_else(|| panic!("`{command}` asks somebody else"));
    let header = header.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Step::Ask { path: path.to_owned(), header, answer: answer.to_owned() }
}
