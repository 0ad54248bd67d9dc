//! Plugins that fail, panic or hang while they are loaded.

use super::{Files, Plugin, assert_checked, assert_refused, only};
use crate::harness::example_plugin;

/// A plugin whose `create` is this.
fn creating(body: &str) -> Plugin {
    let create =
        format!("static int32_t creates(pa_slice config, pa_buf *err) {{ {body} }}\n#define CREATE creates");
    Plugin::with_a_route("x").code(&create)
}

/// What is said when it may take a second.
#[track_caller]
fn assert_late(title: &str, plugin: &Plugin) {
    assert_checked(title, &Files::of(&[plugin], only("x").timeouts("load = \"1s\"")));
}

#[test]
fn a_create_that_fails() {
    assert_refused(
        "create fails",
        &creating("return fail(err, \"cannot open `shop.db`: permission denied\");"),
    );
}

#[test]
fn a_create_that_fails_without_a_reason() {
    assert_refused("create fails without a reason", &creating("return PA_ERR;"));
}

#[test]
fn a_create_that_panics() {
    assert_refused("create panics", &creating("return PA_PANIC;"));
}

#[test]
fn a_create_that_does_not_return() {
    assert_late("create does not return", &creating("for (;;) pause(); return PA_READY;"));
}

#[test]
fn a_constructor_that_does_not_return() {
    let hangs = "__attribute__((constructor)) static void hangs(void) { for (;;) pause(); }";
    assert_late("a constructor does not return", &Plugin::with_a_route("x").code(hangs));
}

#[test]
fn a_start_that_fails() {
    let start = "static int32_t starts(void *self, pa_buf *err) { return fail(err, \"port 5432: connection refused\"); }";
    assert_refused("start fails", &Plugin::with_a_route("x").code(start).code("#define START starts"));
}

#[test]
fn a_start_that_does_not_return() {
    let start = "static int32_t starts(void *self, pa_buf *err) { for (;;) pause(); return PA_READY; }\n#define START starts";
    assert_late("start does not return", &Plugin::with_a_route("x").code(start));
}

#[test]
fn a_registration_that_fails() {
    assert_refused("registering fails", &Plugin::registering("x", "return fail(err, \"no table `users`\");"));
}

#[test]
fn a_registration_that_panics() {
    assert_refused("registering panics", &Plugin::registering("x", "return PA_PANIC;"));
}

#[test]
fn a_registration_that_does_not_return() {
    assert_late(
        "registering does not return",
        &Plugin::registering("x", "for (;;) pause(); return PA_READY;"),
    );
}

#[test]
fn a_panic_in_rust_ends_its_step_and_is_in_the_log_with_its_place() {
    for step in ["create", "start", "register"] {
        let spec = only("x").text(&format!("config = {{ panics_in = \"{step}\" }}"));
        assert_checked(
            &format!("a panic in {step}"),
            &Files::new().spec(spec).library("libx.so", &example_plugin("faulty")),
        );
    }
}

#[test]
fn a_configuration_that_does_not_fit() {
    let spec = only("x").text("config = { panics_in = 5 }");
    assert_checked(
        "a configuration that does not fit",
        &Files::new().spec(spec).library("libx.so", &example_plugin("faulty")),
    );
}
