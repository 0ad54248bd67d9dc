//! Plugins that the app can be served without.

use super::{asked, late, late_library};
use crate::harness::{Host, Spec, for_each_server, workspace_plugin};

/// An app that can be served without the plugin `late`, at `/late`.
fn app() -> Spec {
    Spec::new()
        .plugin("hello", &workspace_plugin("hello"))
        .plugin("late", &late_library())
        .text("optional = true\nmount = '/late'")
}

/// Sees that `late` is down, and that the rest is served.
#[track_caller]
fn is_down(host: &Host, why: &str) {
    assert_eq!(host.get("/hello/World").expect(200).text(), "Hello World!");
    host.get("/late").expect(503);
    host.get("/late/anything").expect(503);
    host.get("/nothing").expect(404);
    assert_eq!(asked(host, "ready").0, Some(0));
    let status = host.status();
    let rows = status["generations"].as_array().expect("rows");
    let down = rows.iter().find(|row| row["plugin"] == "late").expect("its row");
    assert_eq!(down["state"], "down");
    assert!(down["why"].as_str().is_some_and(|said| said.contains(why)), "{down}");
    host.wait_for_line("ERROR optional plugin `late` is down: ");
    let swapped = host.ctl(["swap", "late"]);
    assert_eq!(swapped.code, Some(1), "{swapped:?}");
    assert!(swapped.stderr.contains("help: `host ctl reload-spec` tries again"), "{swapped:?}");
}

#[test]
fn an_optional_plugin_that_cannot_be_loaded_is_down_until_it_can() {
    for_each_server(|server| {
        for (file, why) in [("fail-at-create", "it is told to fail"), ("fail-at-bind", "late")] {
            let host = Host::with(app(), server).file("gate", "").file(file, "").start();
            is_down(&host, why);
            let again = host.ctl(["reload-spec"]);
            assert_eq!(again.code, Some(0), "{again:?}");
            is_down(&host, why);
            std::fs::remove_file(host.folder().join(file)).expect("our own file");
            let again = host.ctl(["reload-spec"]);
            assert_eq!(again.code, Some(0), "{again:?}");
            assert_eq!(host.get("/late").expect(200).text(), "here at last\n");
            host.get("/late/anything").expect(404);
            host.swap("late");
            assert_eq!(host.stop().code, Some(0));
        }
    });
}

#[test]
fn a_file_that_is_missing_is_a_plugin_that_is_down() {
    let spec = Spec::new()
        .plugin("hello", &workspace_plugin("hello"))
        .text("[[plugin]]\npath = 'liblate.so'\noptional = true\nmount = '/late'");
    let host = Host::with(spec, "threaded").file("gate", "").start();
    is_down(&host, "cannot read the library");
    std::fs::copy(late_library(), host.folder().join("liblate.so")).expect("a library");
    assert_eq!(host.ctl(["reload-spec"]).code, Some(0));
    assert_eq!(host.get("/late").expect(200).text(), "here at last\n");
}

#[test]
fn an_optional_plugin_that_is_up_is_not_taken_down_by_a_change_that_fails() {
    let host = Host::with(app(), "threaded").file("gate", "").start();
    host.folder().write("fail-at-create", "");
    let spec =
        Spec::exactly(app().as_str().replace("mount = '/late'", "mount = '/late'\nconfig = { a = 1 }"));
    let refused = host.reload_spec(&spec);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert_eq!(host.get("/late").expect(200).text(), "here at last\n");
}

#[test]
fn a_plugin_that_is_not_optional_keeps_the_host_from_starting() {
    let output = Host::with(late(), "threaded").file("gate", "").file("fail-at-create", "").spawn().wait();
    assert_eq!(output.code, Some(78), "{output:?}");
}

#[test]
fn an_optional_plugin_whose_middleware_is_used_has_to_be_loaded() {
    let spec = app().text("[[middleware]]\nuse = 'late'");
    let output = Host::with(spec, "threaded").file("gate", "").file("fail-at-create", "").spawn().wait();
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(output.stderr.contains("help: its middleware is used"), "{output:?}");
}
