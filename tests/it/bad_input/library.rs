//! Files that are no plugin for this host. Nothing of them runs.

use super::{Files, Plugin, assert_checked, assert_refused, only};
use std::path::PathBuf;

fn good() -> Plugin {
    Plugin::with_a_route("x")
}

/// What `host check` says of the bytes of a good plugin after a change.
#[track_caller]
fn assert_patched(title: &str, patch: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(good().build()).expect("a library");
    patch(&mut bytes);
    assert_checked(title, &Files::new().spec(only("x")).file("libx.so", bytes));
}

/// Where the content of the manifest's note begins: ABI major, ABI minor, flags, text.
fn note(bytes: &[u8]) -> usize {
    const OWNER: &[u8] = b"plugin-api\0\0";
    bytes.windows(OWNER.len()).position(|window| window == OWNER).expect("a note") + OWNER.len()
}

/// A library from other C than the usual.
fn other(code: &str) -> PathBuf {
    crate::harness::plugin_from_c("x", &format!("#include \"plugin_api.h\"\n{code}\n"))
}

#[test]
fn a_file_that_is_missing() {
    assert_checked("no such file", &Files::new().spec(only("x")));
}

#[test]
fn a_file_that_is_no_library() {
    let files = Files::new().spec(only("x")).file("libx.so", "#!/bin/sh\necho hello\n");
    assert_checked("not a shared library", &files);
}

#[test]
fn a_folder() {
    assert_checked("a folder", &Files::new().spec(only("x")).file("libx.so/readme", ""));
}

#[test]
fn a_library_that_was_cut_off() {
    let files = Files::new()
        .spec(only("x"))
        .file("libx.so", &std::fs::read(good().build()).expect("a library")[..2000]);
    let output = files.run(&["check", "--app", "app.toml"]);
    // Where it ends depends on the linker.
    let said = output.stderr.split(|c: char| c.is_ascii_digit()).collect::<Vec<_>>();
    assert!(output.stderr.contains("libx.so: truncated: its segments end at byte "), "{said:?}");
    assert_eq!(output.code, Some(78), "{output:?}");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_library_for_another_machine() {
    const MACHINE: usize = 18;
    assert_patched("wrong machine", |bytes| {
        bytes[MACHINE..MACHINE + 2].copy_from_slice(&243u16.to_le_bytes())
    });
}

#[test]
fn a_library_without_a_manifest() {
    assert_checked("no manifest", &Files::new().spec(only("x")).library("libx.so", &other("int unused;")));
}

#[test]
fn a_library_without_an_entry() {
    let library = other("PA_NOTE(\"id = 'x'\\nversion = '1'\\n\");\nint unused;");
    assert_checked("no entry", &Files::new().spec(only("x")).library("libx.so", &library));
}

#[test]
fn a_library_whose_entry_is_a_function() {
    let code = "PA_NOTE(\"id = 'x'\\nversion = '1'\\n\");\nvoid entry(void) __asm__(\"pa_plugin_v1\");\nvoid entry(void) {}";
    assert_checked("an entry that is code", &Files::new().spec(only("x")).library("libx.so", &other(code)));
}

#[test]
fn a_library_of_a_newer_abi() {
    assert_patched("wrong ABI major", |bytes| {
        let at = note(bytes);
        bytes[at] = 2;
    });
}

#[test]
fn a_library_whose_manifest_and_entry_disagree() {
    let code = good().code("#define pa_plugin_v1 pa_plugin_v1 = { .size = sizeof(pa_plugin), .abi_major = 7, .create = create, .destroy = destroy }; static const pa_plugin unused __attribute__((unused))");
    assert_refused("an entry of another ABI", &code);
}

#[test]
fn a_library_that_was_built_with_panic_abort() {
    assert_patched("panic abort", |bytes| {
        let at = note(bytes);
        bytes[at + 4] = 1;
    });
}

#[test]
fn a_manifest_that_does_not_parse() {
    assert_refused("a manifest that does not parse", &good().tables("[[route]"));
}

#[test]
fn a_manifest_with_a_wrong_type() {
    assert_refused("a manifest with a wrong type", &good().keys("dynamic = \"yes\""));
}

#[test]
fn a_manifest_that_requires_what_the_host_has_not() {
    let x = good().keys("requires = [\"pa.timer/2\", \"pa.run/1\"]");
    assert_refused("a missing extension of the host", &x);
}

#[test]
fn a_library_with_an_undefined_symbol() {
    let x = good().before("int missing(void);\nint calls(void);\nint calls(void) { return missing(); }");
    assert_refused("an undefined symbol", &x);
}

#[test]
fn a_handler_that_the_manifest_names_and_the_library_has_not() {
    let bind = "static int32_t bind(void *self, pa_slice name, pa_handler *out) { return PA_DECLINED; }\n#define BIND bind";
    assert_refused("a handler that is missing", &Plugin::new("x").route("/").code(bind));
}
