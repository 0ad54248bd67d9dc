//! Plugins that leave something behind: a proof finds it, and says what it is.

use super::Receipt;
use crate::harness::{Folder, Spec, example_plugin, plugin_from_cpp};
use std::path::Path;

fn proof(library: &Path, config: &str, swaps: &str) -> Receipt {
    let folder = Folder::new();
    let spec = Spec::new().plugin("guilty", library).text(config).text("[swap]\nkeep = 0");
    let app = folder.write("app.toml", spec.as_str());
    let app = app.to_str().expect("a path of a test");
    Receipt::by(["--app", app, "--server=threaded", "--path=/", "--pause=5ms", swaps])
}

#[test]
fn sixty_four_kilobytes_a_generation_are_found() {
    let receipt = proof(&example_plugin("lodger"), "config = { kind = 'leaked-memory' }", "--swaps=50");
    let reasons = receipt.reasons();
    let [leak] = reasons.as_slice() else { panic!("{reasons:?}") };
    let bytes =
        leak.strip_prefix("there is a leak: heap +").and_then(|rest| rest.strip_suffix(" bytes a swap"));
    let bytes: f64 = bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("{leak}"));
    assert!((bytes - 65536.0).abs() < 4096.0, "{leak}");
    assert_eq!(receipt.failed(), []);
}

#[test]
fn a_thread_that_is_left_is_found_and_named() {
    let receipt = proof(&example_plugin("lodger"), "config = { kind = 'leaked-thread' }", "--swaps=2");
    assert_eq!(receipt.reasons(), ["3 generations stay mapped"], "with that of the rehearsal");
    assert_eq!(receipt.number("/generations/unloaded"), 0);
    let mapped = receipt.data["generations"]["mapped"].as_array().expect("generations");
    for one in mapped {
        let why = one["why"].as_str().expect("a reason");
        assert!(why.starts_with("thread ") && why.contains("has not ended"), "{why}");
    }
}

#[test]
fn a_unique_symbol_of_cpp_is_found() {
    let library = plugin_from_cpp("unique", include_str!("unique.cpp"));
    let receipt = proof(&library, "", "--swaps=5");
    assert_eq!(
        receipt.reasons(),
        ["a generation stays mapped"],
        "the first one has the symbol for all of them"
    );
    assert_eq!(receipt.data["generations"]["mapped"][0]["why"], "the loader keeps it");
}
