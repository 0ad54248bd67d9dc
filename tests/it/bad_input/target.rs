//! Targets that name what is not there, or name it as something else.

use super::{Files, Plugin, assert_checked, assert_told};
use crate::harness::Spec;

/// The apps `admin` and `api`, the factory `make`, the middleware `gzip` and `log`.
fn shop() -> Plugin {
    let names = |table: &str, names: &[&str]| -> String {
        names.iter().map(|name| format!("[[{table}]]\nname = \"{name}\"\n")).collect()
    };
    let manifest = names("app", &["api", "admin"]) + "[[app]]\nname = \"make\"\nfactory = true\n";
    Plugin::registering("shop", "return READY_OF(name);")
        .before("#define READY_OF(name) (name.ptr ? PA_READY : PA_ERR)")
        .tables(&(manifest + &names("middleware", &["gzip", "log"])))
}

fn spec() -> Spec {
    Spec::new().plugin("shop", "libshop.so".as_ref()).text("mount = '/shop'")
}

#[track_caller]
fn assert_mounted(title: &str, target: &str) {
    let mount = format!("[[mount]]\nat = \"/x\"\ntarget = \"{target}\"");
    assert_checked(title, &Files::of(&[&shop()], spec().text(&mount)));
}

#[track_caller]
fn assert_used(title: &str, target: &str) {
    let middleware = format!("[[middleware]]\nuse = \"{target}\"");
    assert_checked(title, &Files::of(&[&shop()], spec().text(&middleware)));
}

#[test]
fn an_app_that_is_unknown() {
    assert_mounted("an unknown app", "shop:amdin");
}

#[test]
fn a_factory_that_is_unknown() {
    assert_mounted("an unknown factory", "shop:mkae(title = 'x')");
}

#[test]
fn a_library_that_is_unknown() {
    assert_mounted("an unknown library", "shpo:admin");
}

#[test]
fn a_path_that_is_unknown() {
    assert_mounted("an unknown path", "./libshpo.so");
}

#[test]
fn an_app_that_is_called() {
    assert_mounted("an app that is called", "shop:admin(title = 'x')");
}

#[test]
fn a_factory_that_is_not_called() {
    assert_mounted("a factory that is not called", "shop:make");
}

#[test]
fn a_middleware_as_an_app() {
    assert_mounted("a middleware as an app", "shop:gzip");
}

#[test]
fn an_app_as_a_middleware() {
    assert_used("an app as a middleware", "shop:admin");
}

#[test]
fn a_middleware_that_is_unknown() {
    assert_used("an unknown middleware", "shop:zip");
}

#[test]
fn one_of_several_middleware_without_its_name() {
    assert_used("a middleware without its name", "shop");
}

#[test]
fn a_middleware_that_is_called() {
    assert_used("a middleware that is called", "shop:gzip(level = 9)");
}

#[test]
fn code_instead_of_data() {
    assert_mounted("code instead of data", "shop:make(title = open('x'))");
}

#[test]
fn a_target_on_the_command_line() {
    let files = Files::of(&[&shop()], spec());
    assert_told("an unknown app on the command line", &files.run(&["check", "--app", "./libshop.so:amdin"]));
    assert_told(
        "a target that does not parse",
        &files.run(&["check", "--app", "shop:make(title = Back Office)"]),
    );
    assert_told("an unknown library on the command line", &files.run(&["check", "--app", "libshpo.so"]));
}
