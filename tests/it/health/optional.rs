//! Plugins that the app can be served without.

use super::{asked, late, late_library};
use crate::harness::{Host, PROCESSES, Spec, all_servers, eventually, for_each_server, workspace_plugin};

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
    let rolled = host.ctl(["rollback", "late"]);
    assert_eq!(rolled.code, Some(1), "{rolled:?}");
    assert!(rolled.stderr.contains("help: `host ctl swap late` tries again"), "{rolled:?}");
}

/// Sees that a swap does not bring `late` back, and says why.
#[track_caller]
fn stays_down(host: &Host, why: &str) {
    let swapped = host.ctl(["swap", "late"]);
    assert!(swapped.code != Some(0) && swapped.stderr.contains(why), "{swapped:?}");
    assert!(swapped.stderr.contains("help: the app is still served without it"), "{swapped:?}");
    is_down(host, why);
}

#[track_caller]
fn is_up(host: &Host) {
    assert_eq!(host.get("/late").expect(200).text(), "here at last\n");
    host.get("/late/anything").expect(404);
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
            is_up(&host);
            host.swap("late");
            assert_eq!(host.stop().code, Some(0));
        }
    });
}

#[test]
fn a_swap_of_a_plugin_that_is_down_brings_it_back_when_it_can_be_loaded() {
    for server in all_servers() {
        for (file, why) in [("fail-at-create", "it is told to fail"), ("fail-at-bind", "late")] {
            let host = Host::with(app(), server).file("gate", "").file(file, "").start();
            stays_down(&host, why);
            std::fs::remove_file(host.folder().join(file)).expect("our own file");
            let back = host.ctl(["swap", "late"]);
            assert!(back.code == Some(0) && back.stdout.starts_with("late 1.0.0 (generation "), "{back:?}");
            assert!(back.stdout.contains(") added: "), "{back:?}");
            is_up(&host);
            assert_eq!(host.stop().code, Some(0));
        }
    }
}

#[test]
fn a_reload_of_the_spec_brings_a_plugin_back_also_where_what_is_served_changes_with_the_processes() {
    for server in PROCESSES {
        let host = Host::with(app(), server).file("gate", "").file("fail-at-create", "").start();
        std::fs::remove_file(host.folder().join("fail-at-create")).expect("our own file");
        let back = host.ctl(["reload-spec"]);
        assert!(back.stdout.starts_with("late 1.0.0 (generation 1) added: "), "{back:?}");
        is_up(&host);
        assert_eq!(host.ctl(["reload-spec"]).stdout, "nothing differs\n");
        assert_eq!(host.stop().code, Some(0));
    }
}

#[test]
fn an_optional_plugin_that_fails_its_self_test_is_down_until_it_passes() {
    let spec = app().text("self_test = ['/late']");
    for server in all_servers() {
        let host = Host::with(spec.clone(), server).file("gate", "").file("fail-at-request", "").start();
        is_down(&host, "self-test: GET /late was answered with 500");
        stays_down(&host, "self-test: GET /late was answered with 500");
        std::fs::remove_file(host.folder().join("fail-at-request")).expect("our own file");
        assert_eq!(host.ctl(["swap", "late"]).code, Some(0));
        is_up(&host);
        assert_eq!(host.stop().code, Some(0));
    }
}

#[test]
fn under_watch_a_plugin_that_is_down_comes_back_when_its_file_is_repaired() {
    let spec = Spec::new()
        .plugin("hello", &workspace_plugin("hello"))
        .text("[[plugin]]\npath = 'liblate.so'\noptional = true\nmount = '/late'");
    for server in all_servers() {
        for broken in [None, Some("not a library")] {
            let host = Host::with(spec.clone(), server).arg("--watch").file("gate", "");
            let host = broken.into_iter().fold(host, |host, text| host.file("liblate.so", text)).start();
            host.get("/late").expect(503);
            let whole = std::fs::read(late_library()).expect("a library");
            let new = host.folder().write("new.so", whole);
            std::fs::rename(new, host.folder().join("liblate.so")).expect("our own files");
            host.wait_for_line("liblate.so has changed: plugin `late`, which is down, is tried again");
            // Before that, of a server that has processes, those without it answer, too.
            host.wait_for_line("INFO late 1.0.0 (generation 1) added: ");
            is_up(&host);
            assert_eq!(host.stop().code, Some(0));
        }
    }
}

#[test]
fn under_watch_a_plugin_that_is_down_is_tried_again_when_what_it_reads_has_changed() {
    let spec = app().text("self_test = ['/late']\nwatch = ['data']");
    let host = Host::with(spec, "threaded").arg("--watch").file("gate", "").file("fail-at-create", "");
    let host = host.file("data", "1").start();
    is_down(&host, "it is told to fail");
    std::fs::rename(host.folder().join("fail-at-create"), host.folder().join("fail-at-request"))
        .expect("our own file");
    host.folder().write("data", "2");
    // Nobody asks: its log says why it is down now, and so does the status.
    host.wait_for_line("late: cannot load: ");
    is_down(&host, "self-test: GET /late was answered with 500");
    std::fs::remove_file(host.folder().join("fail-at-request")).expect("our own file");
    host.folder().write("data", "3");
    eventually("it is back", || host.get("/late").status == 200);
    is_up(&host);
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
