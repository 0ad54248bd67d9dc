//! Workers that are replaced because they have served for long enough.

use super::{answers, crash, workers};
use crate::harness::{Callers, eventually};

#[test]
fn a_worker_that_has_answered_enough_is_replaced_and_no_request_fails() {
    let host = crash("2").arg("--set").arg("server.options.max_requests=100").start();
    let before = workers(&host, 2);
    let callers = Callers::of(host.address(), "/pid");
    callers.call(4, || {
        eventually("two more have answered", || callers.texts().len() >= 4);
    });
    host.wait_for_line("requests (`max_requests`)");
    let restarts = host.status()["restarts"]["last"][0]["cause"].to_string();
    assert!(restarts.contains("asks to be replaced: it has answered"), "{restarts}");
    eventually("they are new", || workers(&host, 2).intersection(&before).count() == 0);
    assert!(!host.log().contains("starting another"), "no death: {}", host.log());
}

#[test]
fn a_worker_that_has_served_for_long_enough_is_replaced() {
    let host = crash("2").arg("--set").arg("server.options.max_age=300ms").start();
    // One or the other is always being replaced: there may be no moment with two, and nobody else.
    let pids = || {
        let workers = host.status()["workers"].as_array().cloned().unwrap_or_default();
        workers.iter().filter_map(|worker| worker["pid"].as_u64()).collect::<Vec<_>>()
    };
    let before = pids();
    assert!(!before.is_empty());
    eventually("they are new", || pids().iter().all(|pid| !before.contains(pid)));
    host.wait_for_line("(`max_age`)");
    assert!(!answers(&host, "/pid", 4).is_empty());
}

#[test]
fn a_worker_that_has_become_too_large_is_replaced() {
    let host = crash("1").arg("--set").arg("server.options.max_memory=1MiB").start();
    // The first one to answer has too much: before that it has what every worker has.
    assert_eq!(host.get("/").status, 200);
    host.wait_for_line("MiB of memory (`max_memory`)");
    host.wait_for_line("finishes what it began");
    assert_eq!(host.get("/").status, 200);
}
