//! Deadlines and limits that a new spec changes while the host runs, and what waits for a restart.

use super::{lab, start};
use crate::harness::{Host, at_once, for_each_server};
use serde_json::json;

#[test]
fn deadlines_and_limits_count_from_the_next_request_on() {
    for_each_server(|server| {
        let host = Host::start(lab(""), server);
        let mut kept = host.connect();
        assert_eq!(kept.request("POST", "/echo", &[], "12345").text(), "12345");
        let spec = lab("").timeouts("handler = '1s'").limits("body_bytes = 4");
        let data = host.reload_spec(&spec).json();
        assert_eq!(data["settings"], json!(["timeouts.handler", "limits.body_bytes"]), "{data:#}");
        // Its table is the old one until its next request: then the deadline is the new one.
        let gate = host.folder().join("gate").display().to_string();
        kept.request("GET", "/pending", &[("x-gate", &gate)], "").expect(504);
        drop(kept);
        host.connect().request("POST", "/echo", &[], "12345").expect(413);
        assert_eq!(host.connect().request("POST", "/echo", &[], "1234").text(), "1234");
    });
}

#[test]
fn a_sync_handler_is_held_to_the_new_deadline() {
    for_each_server(|server| {
        let host = Host::start(lab("").timeouts("handler = '0s'"), server);
        host.reload_spec(&lab("").timeouts("handler = '1s'")).json();
        let gate = host.folder().join("gate").display().to_string();
        let mut client = host.connect();
        client.send_head("GET", "/block", &[("x-gate", &gate)]);
        let line = host.wait_for_line("has not returned for");
        assert!(line.contains("handler of GET /block (plugin lab 1.0.0)"), "{line}");
        client.wait_for_end();
        host.folder().write("gate", "");
    });
}

#[test]
fn causes_are_shown_when_the_new_spec_says_so() {
    for_each_server(|server| {
        let host = Host::start(lab(""), server);
        assert!(!host.get("/fail").text().contains("the handler failed with code"));
        let data = host.reload_spec(&lab("").text("[app]").text("")).code;
        assert_eq!(data, Some(78), "twice the same table");
        let text = lab("").as_str().replace("name = \"test\"", "name = \"test\"\ndebug = true");
        let data = host.reload_spec(&text.as_str().into()).json();
        assert_eq!(data["settings"], json!(["app.debug"]), "{data:#}");
        assert_eq!(data["after_restart"], json!(["app.debug for the log"]), "{data:#}");
        assert!(
            host.get("/fail").text().contains("the handler failed with code"),
            "{}",
            host.get("/fail").text()
        );
    });
}

#[test]
fn the_number_of_connections_can_be_raised_and_lowered() {
    for server in at_once() {
        let host = Host::start(lab("").limits("connections = 1"), server);
        let mut first = host.connect();
        assert_eq!(first.get("/").text(), "hello\n");
        let gate = host.folder().join("gate").display().to_string();
        first.send_head("GET", "/pending", &[("x-gate", &gate)]);
        host.wait_for_line("INFO pending");
        let mut second = host.connect();
        second.send_head("GET", "/", &[]);
        assert!(second.is_quiet_for(std::time::Duration::from_millis(100)), "there is no room for it");
        host.reload_spec(&lab("").limits("connections = 2")).json();
        assert_eq!(second.read().text(), "hello\n");
        host.folder().write("gate", "");
        assert_eq!(first.read().text(), "at last\n");
    }
}

#[test]
fn what_waits_for_a_restart_is_said_until_there_was_one() {
    let host = start(lab("bind = ['127.0.0.1:0']"), "threaded");
    let spec = lab("bind = ['127.0.0.1:0']\nworkers = 7\nthreads = 9").text("[supervisor]\nfailures = 3");
    for _ in 0..2 {
        let data = host.reload_spec(&spec).json();
        assert_eq!(data["after_restart"], json!(["server.workers", "server.threads"]), "{data:#}");
        assert_eq!(data["after_start"], json!(["supervisor"]), "{data:#}");
    }
    let output = host.ctl(["reload-spec"]);
    let text = "counts after `host ctl restart`: server.workers, server.threads\n\
                counts when the host is started again: supervisor\n";
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), text), "{output:?}");
    assert_eq!(host.ctl(["restart"]).code, Some(0));
    let output = host.ctl(["reload-spec"]);
    assert_eq!(output.stdout, "nothing differs\n", "{output:?}");
}

#[test]
fn a_server_or_an_option_that_does_not_exist_is_an_error_as_at_the_start() {
    let host = Host::with(lab("bind = ['127.0.0.1:0']"), "threaded").bind_by_spec().start();
    let output = host.reload_spec(&lab("bind = ['127.0.0.1:0']\noptions = { colour = 'red' }"));
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(output.stdout.contains("unknown key `colour`"), "{output:?}");
    assert_eq!(host.get("/").text(), "hello\n");
}
