//! What cannot be tried, and what is left out.

use super::{Receipt, app, pages};
use crate::harness::{Host, Output, Spec, example_plugin, run, workspace_plugin};

#[track_caller]
fn refused<const N: usize>(host: &Host, args: [&str; N]) -> (Option<i32>, String) {
    let control = host.folder().join("host/test.sock");
    let control = control.to_str().expect("a path of a test");
    let Output { code, stdout, stderr, .. } = run(["prove", "--control", control].into_iter().chain(args));
    assert_eq!(stdout, "");
    (code, stderr)
}

#[test]
fn what_cannot_be_tried_says_why() {
    let host = Host::with(app(), "threaded").start_quietly();
    for (args, code, said) in [
        (["--plugin", "page"], 2, "host: no plugin `page` is served\nhelp: there are: pages\n"),
        (["--with", "shop=a.so"], 2, "host: no plugin `shop` is served\nhelp: there are: pages\n"),
        (["--with", "pages=/no/such.so"], 78, "such.so: cannot"),
        (
            ["--path", "/none"],
            1,
            "host: no answer names its generation: there is no header `x-host-generation`\nhelp: ",
        ),
        (
            ["--path", "PO ST"],
            2,
            "error: invalid value 'PO ST' for '--path <PATH>': `ST` does not begin with `/`",
        ),
        (
            ["--url", "https://localhost/"],
            2,
            "host: --url: `https://localhost/` is no address of a host\nhelp: ",
        ),
        (["--url", "http://127.0.0.1:1/"], 1, "host: http://127.0.0.1:1/: cannot connect: "),
        (["--swaps", "0"], 2, "error: invalid value '0' for '--swaps <N>'"),
    ] {
        let (ended, text) = refused(&host, args);
        assert!(ended == Some(code) && text.contains(said), "{args:?}: {ended:?}: {text}");
    }
    // Each of them left it as it was.
    assert_eq!(host.get("/").header("x-host-generation"), None);
}

#[test]
fn a_host_that_does_not_start_says_why_in_its_own_words() {
    let bad = run(["prove", "--app", "no-such.toml"]);
    assert_eq!((bad.code, bad.stderr.contains("no-such.toml")), (Some(78), true), "{bad:?}");
    let nothing = run(["prove"]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(nothing.stderr.contains("host prove --app FILE|TARGET --server NAME"), "{nothing:?}");
}

#[test]
fn answers_without_an_end_and_failures_are_left_out_and_said_to_be() {
    let spec = Spec::new().plugin("endless", &example_plugin("endless"));
    let spec = spec.plugin("errors", &workspace_plugin("errors")).text("mount = '/errors'");
    let host = Host::with(spec, "threaded").start_quietly();
    let args = ["--swaps=2", "--timeout=1s", "--plugin=endless"];
    let receipt = Receipt::on(&host, &host.urls()[0], args);
    let left_out = receipt.data["left_out"].as_array().expect("a list");
    let why = |request: &str| {
        let one = left_out.iter().find(|one| one["request"] == request);
        one.and_then(|one| one["why"].as_str()).unwrap_or_else(|| panic!("{request}: {left_out:#?}"))
    };
    let endless = ["does not end within 1s", "malformed: more than 67108864 bytes"];
    assert!(endless.contains(&why("GET /stream")), "{left_out:#?}");
    assert_eq!(why("GET /spin"), "does not end within 1s");
    assert_eq!(why("GET /errors/panic"), "is answered with 500");
    receipt.proved();
    let named = refused(&host, ["--path=/errors/panic"]);
    assert_eq!(
        named,
        (Some(1), "host: GET /errors/panic cannot be driven: is answered with 500\n".to_owned())
    );
}

#[test]
fn a_host_is_left_as_it_was() {
    let host = Host::with(app(), "actix").start_quietly();
    let with = format!("--with=pages={}", pages('B').display());
    Receipt::on(&host, &host.urls()[0], ["--swaps=3", "--path=/", &with]).proved();
    let answer = host.get("/");
    assert_eq!(answer.text().trim_matches('A'), "", "its own build answers");
    assert_eq!(answer.header("x-host-generation"), None);
}
