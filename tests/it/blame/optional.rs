//! What crashes too often and is optional is not to run any more, also where there is nothing to serve instead.

use super::{app_of, crash, crashing, library, put};
use crate::harness::{Folder, Host, Spec, all_servers, eventually, workspace_plugin};
use std::path::Path;

/// An app that can be served without the plugin `faulty`, at `/faulty`.
fn app(library: &Path, supervisor: &str) -> Spec {
    let faulty = app_of(library, supervisor)
        .as_str()
        .replace("path = ", "optional = true\nmount = '/faulty'\npath = ");
    Spec::exactly(faulty).plugin("hello", &workspace_plugin("hello"))
}

/// Sees that `faulty` is down, and banned for that, and that the rest is served.
#[track_caller]
fn is_banned(host: &Host, why: &str) {
    assert_eq!(host.get("/hello/World").expect(200).text(), "Hello World!");
    host.get("/faulty/").expect(503);
    let said = host.wait_for_line("is in quarantine: it crashed its worker");
    let goes_on = "the app goes on without it, because it is optional";
    assert!(said.contains(why) && said.ends_with(goes_on), "{said}");
    let status = host.ctl(["status"]).stdout;
    assert!(status.contains("\n  quarantine  faulty 1 (") && status.contains(goes_on), "{status}");
    let rows = host.status()["generations"].as_array().cloned().unwrap_or_default();
    let row = rows.iter().find(|row| row["plugin"] == "faulty").expect("its row");
    assert_eq!(row["state"], "down", "{row:#}");
    assert!(row["why"].as_str().is_some_and(|said| said.contains("is in quarantine: it crashed")), "{row:#}");
    assert_eq!(host.ctl(["ready"]).code, Some(0));
}

#[test]
fn an_optional_plugin_that_crashes_too_often_while_it_serves_is_down_until_that_is_lifted() {
    for server in all_servers() {
        let host = Host::start(app(&library("1"), ""), server);
        (0..3).for_each(|_| drop(crash(&host, "/faulty/null")));
        eventually("it is down", || host.get("/faulty/").status == 503);
        is_banned(&host, "3 times within 1m, the last time with SIGSEGV in GET /faulty/null");
        let refused = host.ctl(["swap", "faulty"]);
        assert!(refused.code == Some(78) && refused.stderr.contains("is in quarantine"), "{refused:?}");
        let lifted = host.ctl(["quarantine", "lift", "faulty"]);
        assert!(lifted.stdout.contains("`host ctl swap faulty` loads what its file has"), "{lifted:?}");
        let back = host.ctl(["swap", "faulty"]);
        assert!(back.code == Some(0) && back.stdout.starts_with("faulty 1 (generation "), "{back:?}");
        assert_eq!(host.get("/faulty/").expect(200).text(), "version 1");
        assert_eq!(host.stop().code, Some(0));
    }
}

#[test]
fn an_optional_plugin_that_crashes_its_worker_at_each_load_does_not_keep_the_host_from_starting() {
    for step in ["constructor", "create", "start"] {
        let host = Host::start(app(&crashing("1", step), ""), "threaded");
        is_banned(&host, "3 times within 1m, the last time with SIGABRT");
        assert_eq!(host.ctl(["quarantine", "lift", "faulty"]).code, Some(0));
        host.folder().write("no-crash", "");
        assert_eq!(host.ctl(["restart"]).code, Some(0));
        // The worker before accepts until it has heard of that.
        eventually("it is back", || host.get("/faulty/").status == 200);
        assert_eq!(host.get("/faulty/").text(), "version 1");
        assert_eq!(host.stop().code, Some(0));
    }
}

#[test]
fn it_stays_down_when_the_host_is_started_again_and_another_build_is_taken_at_once() {
    let (folder, state) = (Folder::new(), Folder::new());
    let spec = app(&put(&folder, &library("1")), "crashes = 1");
    let start = || {
        let host = Host::with(spec.clone(), "threaded").arg("--watch");
        host.env("XDG_STATE_HOME", &state.path().display().to_string()).start()
    };
    let host = start();
    crash(&host, "/faulty/null");
    is_banned(&host, "once within 1m with SIGSEGV in GET /faulty/null");
    assert_eq!(host.stop().code, Some(0));
    let host = start();
    assert_eq!(host.get("/hello/World").expect(200).text(), "Hello World!");
    host.get("/faulty/").expect(503);
    host.wait_for_line("ERROR optional plugin `faulty` is down: ");
    put(&folder, &library("2"));
    eventually("it is back", || host.get("/faulty/").status == 200);
    assert_eq!(host.get("/faulty/").text(), "version 2");
}
