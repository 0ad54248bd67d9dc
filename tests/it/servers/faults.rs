//! Handlers that fail: the client gets a 500 with an id, the log the cause with the same id, and the server goes on.

use super::{begin, lab};
use crate::harness::{Host, Response, Spec, eventually, happens_within, workspace_plugin};
use std::time::Duration;

/// The id in the log's line is in the client's answer.
#[track_caller]
fn is_reported(host: &Host, answer: &Response, cause: &str) {
    let line = host.wait_for_line(cause);
    let id = line
        .split("request=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a request id in the log");
    assert!(answer.text().contains(id), "`{id}` of the log is not in the answer: {}", answer.text());
    assert!(!answer.text().contains(cause), "the cause is for the log: {}", answer.text());
}

pub(super) fn a_handler_that_fails_is_a_500_with_the_id_of_its_line_in_the_log(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    let answer = client.get("/fail").expect(500);
    is_reported(&host, &answer, "the handler failed with code -1");
    assert_eq!(client.get("/").text(), "hello\n");
}

pub(super) fn a_handler_that_panics_is_a_500_and_its_worker_goes_on(server: &'static str) {
    let spec = Spec::new().plugin("errors", &workspace_plugin("errors"));
    let host = Host::with(spec, server).arg("--workers=1").start();
    let mut client = host.connect();
    for _ in 0..20 {
        let answer = client.get("/panic").expect(500);
        assert!(
            !answer.text().contains("this handler panics"),
            "the message is for the log: {}",
            answer.text()
        );
    }
    client.get("/").expect(200);
    let line = host.wait_for_line("this handler panics");
    assert!(line.contains("plugins/errors/src/lib.rs:") && line.contains("request=\""), "{line}");
    host.wait_for_line("GET /panic: the handler panicked");
    assert_eq!(host.stop().code, Some(0));
}

pub(super) fn a_header_that_would_split_the_answer_is_not_sent(server: &'static str) {
    let host = Host::start(lab(), server);
    let answer = host.get("/broken-header").expect(500);
    assert_eq!((answer.header("x-injected"), answer.header("x-broken")), (None, None));
    host.wait_for_line("cannot send the answer of the handler");
    assert_eq!(host.get("/").text(), "hello\n");
}

/// However many threads it has: they are taken one after the other, until the server says that it cannot go on.
pub(super) fn a_server_that_has_no_thread_left_has_another_worker_take_over(server: &'static str) {
    let spec = lab().timeouts("handler = '200ms'\ndrain = '300ms'\nshutdown = '300ms'");
    let host = Host::with(spec, server).arg("--threads=2").arg("--workers=1").start();
    let (worker, mut stuck) = (host.worker_pid(), Vec::new());
    let asks = |host: &Host| host.log().contains(&format!("worker {worker} asks to be replaced: "));
    while !asks(&host) {
        stuck.push(begin(&host, "/block", "gate"));
        eventually("one more is stuck", || host.log().matches("has not returned for").count() == stuck.len());
        // It asks at once, if it does; one more would be the next worker's.
        let _ = happens_within(Duration::from_millis(500), || asks(&host));
    }
    eventually("another worker serves", || host.status()["worker"]["pid"] != worker);
    // The old one may accept for a moment still, and has nobody who could answer.
    eventually("it answers", || host.get("/").status == 200);
    host.wait_for_line("host: stopped, but left behind what never returned: GET /block");
    assert_eq!(host.log().matches("asks to be replaced").count(), 1);
    assert_eq!(host.stop().code, Some(0));
}
