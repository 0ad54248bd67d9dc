//! What a bad spec is told.

use super::*;

/// Every kind of mistake: a text, `----`, the whole error; `====` between two of them.
const REFUSED: &str = include_str!("refused.txt");

#[test]
fn every_mistake_is_shown_with_its_place_and_its_cure() {
    for case in REFUSED.split("====\n") {
        let (text, want) = case.split_once("\n----\n").expect("a text and its error");
        let error = refused(text);
        assert_eq!(format!("{error}\n"), want, "\n--- spec\n{text}\n--- found\n{error}\n--- wanted\n{want}");
        assert_eq!(error.exit().code(), 78, "{text}");
    }
}

#[test]
fn the_example_of_the_design_looks_as_decided() {
    let error = refused("spec = 1\n\n\n\n\n\n\n\n\n\n[app]\nnmae = \"shop\"\n");
    let want = [
        "shop/app.toml:12:1: unknown key `nmae` in [app]",
        "   |",
        "12 | nmae = \"shop\"",
        "   | ^^^^ did you mean `name`?",
    ];
    assert_eq!(error.to_string(), want.join("\n"));
}

#[test]
fn a_placed_error_keeps_its_cures_and_its_exit_code() {
    let spec = accepted(SMALLEST);
    let at = &spec.plugins[0].source.at;
    let error = at.place(&Error::failed("cannot open it").help("build it").help("or else"));
    let want = [
        "shop/app.toml:4:8: cannot open it",
        "  |",
        "4 | path = 'libshop.so'",
        "  |        ^^^^^^^^^^^^ build it",
        "help: or else",
    ];
    assert_eq!((error.to_string(), error.exit().code()), (want.join("\n"), 1));
    assert_eq!(at.place(&Error::usage("no")).exit().code(), 78, "in a file it is the spec's fault");
}
