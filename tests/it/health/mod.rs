//! Whether a host works and whether its app is to be asked: on its control socket, and where it serves.

mod optional;
mod served;

use crate::harness::{Address, Client, Host, Response, Spec, eventually, plugin_from_c};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::path::PathBuf;

fn late() -> Spec {
    Spec::new().plugin("late", &late_library())
}

fn late_library() -> PathBuf {
    plugin_from_c("late", include_str!("late.c"))
}

/// As `curl --unix-socket` does it.
fn over_http(host: &Host, method: &str, path: &str, accept: &str) -> Response {
    let socket = Address::Unix(host.folder().join("host/test.sock"));
    Client::connect(&socket).request(method, path, &[("accept", accept)], "")
}

/// The answer of the control socket, once there is one: exit code and text.
fn asked(host: &Host, command: &str) -> (Option<i32>, String) {
    let mut output = None;
    eventually("it answers", || {
        let answered = host.ctl([command]);
        let is_there = !answered.stderr.contains("no control socket") && !answered.stderr.contains("no host");
        output = is_there.then_some(answered);
        output.is_some()
    });
    let output = output.expect("an answer");
    (output.code, format!("{}{}", output.stdout, output.stderr))
}

#[test]
fn a_host_is_live_at_once_and_ready_when_its_plugins_are_loaded() {
    let host = Host::with(late(), "threaded").spawn();
    assert_eq!(asked(&host, "health"), (Some(0), "live\n".to_owned()));
    let (code, text) = asked(&host, "ready");
    assert!(code == Some(1) && text.starts_with("host: not ready: worker "), "{text}");
    assert!(text.ends_with(" is loading\n"), "{text}");
    assert_eq!(over_http(&host, "GET", "/healthz", "*/*").expect(200).text(), "live\n");
    let not_ready = over_http(&host, "GET", "/readyz", "application/json").expect(503);
    let not_ready: Value = serde_json::from_str(not_ready.text()).expect("JSON");
    assert_eq!(not_ready["status"], "not ready");
    host.folder().write("gate", "");
    eventually("it is ready", || asked(&host, "ready").0 == Some(0));
    let ready = over_http(&host, "GET", "/readyz", "application/json").expect(200);
    let ready: Value = serde_json::from_str(ready.text()).expect("JSON");
    assert_eq!(ready, json!({ "status": "ready", "why": null }));
    let output = host.ctl(["ready", "--format", "json"]);
    assert_eq!(output.json(), json!({ "status": "ready", "why": null, "exit": 0 }));
}

#[test]
fn a_host_without_its_worker_is_live_and_not_ready() {
    let host = Host::with(late(), "threaded").file("gate", "").start();
    std::fs::remove_file(host.folder().join("gate")).expect("our own file");
    let worker = Pid::from_raw(host.worker_pid().cast_signed()).expect("a process id");
    kill_process(worker, Signal::KILL).expect("a process of our own");
    eventually("it is not ready", || asked(&host, "ready").0 == Some(1));
    assert_eq!(asked(&host, "health").0, Some(0));
    host.folder().write("gate", "");
    eventually("it is ready again", || asked(&host, "ready").0 == Some(0));
}

#[test]
fn a_host_that_stops_is_not_ready_and_says_so() {
    for alone in ["HOST_NO_SUPERVISOR", "UNUSED"] {
        let host = Host::with(late(), "threaded").env(alone, "1").file("gate", "").start();
        std::fs::remove_file(host.folder().join("gate")).expect("our own file");
        host.connect().send_head("GET", "/block", &[]);
        host.wait_for_line("INFO blocking");
        host.signal(Signal::TERM);
        let said = "host: not ready: the host stops\n".to_owned();
        eventually("it is not ready", || asked(&host, "ready") == (Some(1), said.clone()));
        assert_eq!(over_http(&host, "GET", "/healthz", "*/*").expect(200).text(), "live\n");
        host.folder().write("gate", "");
        assert_eq!(host.wait().code, Some(0));
    }
}

#[test]
fn http_on_the_control_socket_is_for_health_alone() {
    let host = Host::with(late(), "threaded").file("gate", "").start();
    over_http(&host, "HEAD", "/readyz", "*/*").expect(200);
    let other = over_http(&host, "GET", "/stop", "*/*").expect(404);
    assert_eq!(other.text(), "there are /healthz and /readyz\n");
    over_http(&host, "POST", "/readyz", "*/*").expect(405);
    let socket = Address::Unix(host.folder().join("host/test.sock"));
    let mut client = Client::connect(&socket);
    client.send("GET /readyz HTTP/1.1\r\nbad header\r\n\r\n");
    client.read().expect(400);
    // And so is a half of one, which is nobody's to wait for.
    Client::connect(&socket).send("GET /readyz HTTP/1.1\r\n").half_close().wait_for_end();
    assert_eq!(asked(&host, "ready").0, Some(0));
}
