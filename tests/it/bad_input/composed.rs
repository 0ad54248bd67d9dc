//! Plugins that are good alone, and do not fit together.

use super::{Files, Plugin, assert_checked, assert_refused, declared, only};
use crate::harness::Spec;

fn with_rule(rule: &str) -> Plugin {
    Plugin::with_a_route("x").route(rule)
}

#[test]
fn a_rule_that_does_not_parse() {
    assert_refused("a rule that does not parse", &with_rule("/user/<name:re:[>"));
}

#[test]
fn a_wildcard_twice() {
    assert_refused("a wildcard twice", &with_rule("/<a>/<a>"));
}

#[test]
fn a_filter_that_is_unknown() {
    assert_refused("an unknown filter", &with_rule("/user/<id:itn>"));
}

#[test]
fn a_rule_that_is_made_at_load_and_does_not_parse() {
    assert_refused(
        "a rule that is made at load",
        &Plugin::registering("x", "return ROUTE(app, \"/user/<id:nmber>\", \"\");"),
    );
}

#[test]
fn two_plugins_of_one_name() {
    let spec = declared(only("x"), "x").text("mount = \"/x\"");
    assert_checked("two plugins of one name", &Files::of(&[&Plugin::with_a_route("x")], spec));
}

#[test]
fn two_plugins_of_one_id() {
    let spec =
        Spec::new().text("[[plugin]]\npath = \"libx.so\"\n[[plugin]]\npath = \"libx.so\"\nmount = \"/x\"");
    assert_checked("two plugins of one id", &Files::of(&[&Plugin::with_a_route("x")], spec));
}

#[test]
fn one_route_of_two_plugins_at_one_place() {
    let files = [&Plugin::with_a_route("x"), &Plugin::with_a_route("y")];
    assert_checked("one route of two plugins", &Files::of(&files, declared(only("x"), "y")));
}

#[test]
fn a_key_of_the_configuration_that_the_plugin_does_not_know() {
    let x = Plugin::with_a_route("x").keys("config = [\"greeting\", \"page_size\"]");
    assert_checked(
        "an unknown key of the configuration",
        &Files::of(&[&x], only("x").text("config = { greetign = \"hi\" }")),
    );
}

#[test]
fn a_middleware_to_skip_that_there_is_none_of() {
    let spec = only("x").text("skip = [\"acces-log\"]");
    assert_checked("an unknown name to skip", &Files::of(&[&Plugin::with_a_route("x")], spec));
}
