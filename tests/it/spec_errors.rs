//! Mistakes in a spec, through the real program: each with its place, carets, and the cure. Every kind of them is a test of
//! the host's own (`host/src/spec/tests`); these are the ones that users make most.

use crate::harness::{Folder, Output, run_in};

/// A spec, `----`, and standard error as a whole; `====` between two of them.
const TOLD: &str = include_str!("spec_errors.txt");

fn check(spec: &str) -> Output {
    let folder = Folder::new();
    folder.write("app.toml", spec);
    run_in(folder.path(), ["check", "--app", "app.toml"])
}

#[test]
fn every_mistake_is_shown_with_its_place_and_its_cure() {
    for case in TOLD.split("====\n") {
        let (spec, wanted) = case.split_once("----\n").expect("a spec and its error");
        let output = check(spec);
        assert!(output.stderr == wanted, "{output:?}\n--- spec\n{spec}--- wanted\n{wanted}---");
        assert_eq!((output.code, output.stdout.as_str()), (Some(78), ""), "{output:?}");
    }
}

#[test]
fn a_reference_to_the_environment_is_replaced() {
    let folder = Folder::new();
    folder.write(
        "app.toml",
        "spec = 1\n[app]\nname = '${TESTED:-nobody} ${file:who.txt}'\n[[plugin]]\npath = 'libx.so'\n",
    );
    folder.write("who.txt", "5\n");
    let output = run_in(folder.path(), ["check", "--app", "app.toml"]);
    assert!(output.stderr.contains("`nobody 5`"), "{output:?}");
}

#[test]
fn a_file_that_is_not_utf8_is_shown_with_its_place() {
    let folder = Folder::new();
    folder.write("app.toml", b"spec = 1\n[app]\nname = 'sh\xffp'\n");
    let output = run_in(folder.path(), ["check", "--app", "app.toml"]);
    assert!(output.stderr.starts_with("host: app.toml:3:11: this is not UTF-8\n"), "{output:?}");
    assert_eq!(output.code, Some(78), "{output:?}");
}
