//! `${…}` in strings, and `--set`.

use super::*;

fn name_of(name: &str) -> String {
    let text =
        format!("spec = 1\n[app]\n[[plugin]]\npath = 'x'\nconfig = {{ deep = [{{ value = {name} }}] }}");
    accepted(&text).plugins[0].config["deep"][0]["value"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn references_are_replaced_in_every_string() {
    let cases = [
        ("'${NAME}'", "env-shop"),
        ("'a${NAME}b${N}'", "aenv-shopb4"),
        ("'${NOPE:-x:-y}'", "x:-y"),
        ("'${NOPE:-}'", ""),
        ("'${EMPTY:-x}'", "x"),
        ("'${EMPTY}'", ""),
        ("'${NAME:-x}'", "env-shop"),
        ("'$NAME $ $$ 5$'", "$NAME $ $$ 5$"),
        ("'$${NAME} ${N}'", "${NAME} 4"),
        ("'$$${NAME}'", "$${NAME}"),
        ("'${REFERENCE}'", "${NAME}"),
        ("\"\\u0024{N}\"", "4"),
    ];
    for (text, want) in cases {
        assert_eq!(name_of(text), want, "{text}");
    }
}

#[test]
fn a_file_stands_for_its_text_without_the_last_line_end() {
    let folder = std::env::temp_dir().join(format!("host-spec-reference-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let parse = || {
        let text = "spec = 1\n[app]\n[[plugin]]\npath = 'x'\nconfig = { key = '<${file:secret}>' }";
        Spec::parse(text, "app.toml", &folder, &env, &[]).map(|spec| spec.plugins[0].config["key"].clone())
    };
    for (bytes, want) in
        [("a\n", "<a>"), ("a\r\n", "<a>"), ("a\n\n", "<a\n>"), ("", "<>"), ("${NAME}", "<${NAME}>")]
    {
        std::fs::write(folder.join("secret"), bytes).expect("a file");
        assert_eq!(parse().expect("readable"), want, "{bytes:?}");
    }
    std::fs::write(folder.join("secret"), vec![b'x'; (1 << 20) + 1]).expect("a file");
    let error = parse().expect_err("it is too large").to_string();
    assert!(
        error.starts_with("app.toml:5:20: cannot read") && error.contains("more than 1048576 bytes"),
        "{error}"
    );
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn numbers_may_come_from_references() {
    let spec = accepted(
        "spec = 1\n[app]\n[[plugin]]\npath = 'x'\n[server]\nworkers = '${N}'\n[limits]\nheaders = '${N}'\n\
         body_bytes = '${N}KiB'\n[timeouts]\nhead = '${N}s'",
    );
    assert_eq!((spec.server.workers.or(|| 0), spec.limits.headers, spec.limits.body_bytes), (4, 4, 4096));
    assert_eq!(spec.timeouts.head, Some(Duration::from_secs(4)));
}

#[test]
fn a_set_changes_one_value() {
    let set = |set: &str| parse_with(FULL, &[set]).unwrap_or_else(|error| panic!("{set}: {error}"));
    assert_eq!(set("app.name=other").app.name.value, "other");
    assert_eq!(set("app.name='${NAME}'").app.name.value, "env-shop");
    assert!(!set("app.debug=false").app.debug);
    assert_eq!(set("timeouts.head=5s").timeouts.head, Some(Duration::from_secs(5)));
    assert_eq!(set("server.bind=[':1', 'unix:a']").server.bind[1].to_string(), "unix:shop/a");
    assert_eq!(set("server.options.a.b=[1]").server.options["a"]["b"][0].as_integer(), Some(1));
    assert_eq!(set("plugin.catalog.config.page_size=7").plugins[0].config["page_size"], 7);
    assert_eq!(set("plugin.2.config.a=x").plugins[2].config["a"], "x");
    let last = parse_with(FULL, &["app.name=a", "app.name=b"]).expect("accepted").app.name;
    assert_eq!((last.value.as_str(), last.at.to_string().as_str()), ("b", "--set app.name=b"));
}

#[test]
fn a_bad_set_names_the_flag_and_the_cure() {
    let cases = [
        ("app", "--set app: there is no `=`\nhelp: write `key=value`"),
        ("a b=1", "--set a b=1: `a b` is not a key\nhelp: write `server.name=pool`"),
        ("app.nmae=x", "--set app.nmae=x: unknown key `nmae` in [app]\nhelp: did you mean `name`?"),
        (
            "timeout.head=5s",
            "--set timeout.head=5s: unknown key `timeout` in the spec\nhelp: did you mean `timeouts`?",
        ),
        ("app=3", "--set app=3: expected the table [app], found an integer (3)"),
        ("app.name.x=3", "--set app.name.x=3: there is no key `x` in a string (\"shop\")"),
        ("app.name=a/b.c", "--set app.name=a/b.c: `a/b.c` is not a name"),
        ("app.name='${NOPE}'", "--set app.name='${NOPE}': `${NOPE}` is not set"),
        (
            "plugin.ctalog.mount=/x",
            "--set plugin.ctalog.mount=/x: nothing is named `ctalog`\nhelp: did you mean `catalog`?",
        ),
        (
            "plugin.3.mount=/x",
            "--set plugin.3.mount=/x: nothing is named `3`\nhelp: known: catalog, access-log",
        ),
        (
            "server.bind=:1",
            "--set server.bind=:1: expected an array, found a string (\":1\")\nhelp: write `[\":1\"]`",
        ),
        ("limits.headers=0", "--set limits.headers=0: 0 is out of range\nhelp: it goes from 1 to 1048576"),
        ("spec=2", "--set spec=2: unknown spec version 2\nhelp: this host understands `spec = 1`"),
    ];
    for (set, want) in cases {
        let error = parse_with(FULL, &[set]).expect_err(set);
        assert!(error.to_string().starts_with(want), "{set}\n  found: {error}\n wanted: {want}");
        assert_eq!(error.exit(), crate::error::Exit::Usage, "{set}");
    }
}
