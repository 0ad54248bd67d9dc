//! A worker that answers nobody, not even its supervisor.

use super::{app_of, count, in_place, library, serving, signal, wait_for_report};
use crate::harness::{Host, happens_within, on_servers};
use rustix::process::Signal;
use serde_json::Value;
use std::time::Duration;

/// How long stacks may take: after twenty seconds what there is of them is said.
const STACKS_MAX: Duration = Duration::from_secs(40);

#[test]
fn a_worker_that_does_not_answer_its_supervisor_is_reported_and_replaced() {
    on_servers(&in_place(), |server| {
        let host = Host::start(app_of(&library("1"), "heartbeat = '2s'"), server);
        let worker = host.worker_pid();
        let mut client = host.connect();
        client.send_head("GET", "/block", &[]);
        host.wait_for_line("INFO blocking");
        signal(worker, Signal::STOP);
        host.wait_for_line(&format!("worker {worker} has not answered for 2s, and is killed"));
        let report = wait_for_report(&host, 0);
        assert_eq!(
            (&report["what"], &report["plugin"], &report["lost"]),
            (&"did not answer for 2s, and was killed".into(), &Value::Null, &1.into()),
            "{report:#}"
        );
        assert_eq!(report["in_flight"][0]["path"], "/block");
        assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    });
}

#[test]
fn the_stacks_of_a_worker_that_does_not_answer_are_said() {
    let host = Host::start(app_of(&library("1"), "heartbeat = '2s'"), "single");
    let worker = host.worker_pid();
    host.connect().send_head("GET", "/block", &[]);
    host.wait_for_line("INFO blocking");
    signal(worker, Signal::STOP);
    // They may be cut short by its end, and take their time on a busy machine.
    let line = format!("stacks of worker {worker}:");
    assert!(happens_within(STACKS_MAX, || host.log().contains(&line)), "{}", host.log());
}

#[test]
fn a_handler_that_never_returns_is_no_hang_of_the_worker() {
    let host = Host::start(app_of(&library("1"), "heartbeat = '1500ms'"), "threaded");
    let worker = host.worker_pid();
    host.connect().send_head("GET", "/block", &[]);
    host.wait_for_line("INFO blocking");
    // Longer than the heartbeat: each of these waits for the worker's own answer.
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert_eq!(host.worker_pid(), worker);
    }
    assert_eq!(count(&host), 0);
}
