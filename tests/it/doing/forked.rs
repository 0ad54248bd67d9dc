//! The same on `forking`, where each connection has a process of its own.

use super::stacks::{frames, of_plugin};
use super::watchdog::{REPORT, reports, running, wait_for_report};
use super::{begin, ctl, lab, open, requests, signal, wait_for_none, wait_for_one};
use crate::harness::{Host, eventually};
use rustix::process::Signal;
use std::collections::BTreeSet;

#[test]
fn a_request_in_a_connections_own_process_is_listed_with_that_process() {
    let host = Host::start(lab(), "forking");
    let mut client = begin(&host, "/block?secret=1");
    let request = wait_for_one(&host, "in handler");
    let (worker, pid, thread) = (host.worker_pid(), &request["pid"], &request["thread"]);
    assert_ne!(*pid, worker);
    assert!(std::path::Path::new(&format!("/proc/{pid}/task/{thread}")).exists(), "{request}");
    assert_eq!((&request["method"], &request["path"]), (&"GET".into(), &"/block".into()));
    assert_eq!(request["route"], serde_json::json!({ "method": "GET", "rule": "/block" }));
    assert_eq!(
        (&request["plugin"], &request["version"], &request["generation"]),
        (&"lab".into(), &"1.0.0".into(), &1.into())
    );
    assert!(request["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")), "{request}");
    assert!(request["age_ms"].is_u64(), "{request}");
    let text = host.ctl(["requests"]).stdout;
    assert!(text.contains(&format!("{pid}, thread {thread}")), "{text}");
    open(&host);
    assert_eq!(client.read().text(), "unblocked\n");
    wait_for_none(&host);
}

#[test]
fn what_reads_waits_or_writes_is_listed_as_on_other_servers() {
    let host = Host::start(lab(), "forking");
    let mut waiting = begin(&host, "/pending");
    assert!(wait_for_one(&host, "waiting")["thread"].is_null());
    open(&host);
    assert_eq!(waiting.read().text(), "at last\n");
    wait_for_none(&host);
    let mut reading = host.connect();
    reading.send("POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabc");
    wait_for_one(&host, "reading");
    reading.send("de");
    assert!(reading.read().text().starts_with("5 "));
    wait_for_none(&host);
    let mut writing = crate::harness::Client::connect_narrow(&host.address());
    writing.send_head("GET", "/large/30000000", &[]);
    wait_for_one(&host, "writing");
    drop(writing);
    wait_for_none(&host);
}

#[test]
fn requests_of_all_processes_are_listed_and_what_a_process_had_that_was_killed_is_not() {
    let host = Host::start(lab(), "forking");
    let mut clients: Vec<_> = (0..3).map(|_| begin(&host, "/block")).collect();
    running(&host, 3);
    let all = requests(&host);
    let pids: BTreeSet<i32> = all.iter().filter_map(|one| one["pid"].as_i64()?.try_into().ok()).collect();
    let ids: BTreeSet<&str> = all.iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!((pids.len(), ids.len()), (3, 3), "{all:#?}");
    let killed = *pids.first().expect("three");
    signal(killed.cast_unsigned(), Signal::KILL);
    eventually("its request is not listed any more", || requests(&host).len() == 2);
    assert!(requests(&host).iter().all(|one| one["pid"] != killed));
    open(&host);
    let answered = clients.iter_mut().filter_map(|client| client.try_read().ok());
    assert_eq!(answered.filter(|answer| answer.text() == "unblocked\n").count(), 2);
}

#[test]
fn the_stack_of_a_handler_is_that_of_its_process() {
    let host = Host::start(lab(), "forking");
    let mut client = begin(&host, "/block");
    let request = wait_for_one(&host, "in handler");
    let frames = frames(&host);
    let frame = of_plugin(&frames, "lab");
    assert_eq!((&frame["function"], &frame["generation"]), (&"block".into(), &1.into()), "{frame}");
    let (id, pid) = (request["id"].as_str().expect("text"), &request["pid"]);
    let text = host.ctl(["stack", id]).stdout;
    for part in [id, &format!("GET /block, lab/1 1.0.0, process {pid}, thread "), "  lab/1  block\n"] {
        assert!(text.contains(part), "`{part}` is missing:\n{text}");
    }
    open(&host);
    assert_eq!(client.read().text(), "unblocked\n", "it went on");
}

#[test]
fn stacks_of_several_processes_are_had_at_once() {
    let host = Host::start(lab(), "forking");
    let mut clients: Vec<_> = (0..3).map(|_| begin(&host, "/block")).collect();
    running(&host, 3);
    let stacks = ctl(&host, &["stack"]);
    let stacks = stacks["stacks"].as_array().expect("a list");
    let pids: BTreeSet<String> = stacks.iter().map(|stack| stack["pid"].to_string()).collect();
    assert_eq!(pids.len(), 3, "{stacks:#?}");
    for stack in stacks {
        let frames = stack["frames"].as_array().unwrap_or_else(|| panic!("no frames: {stack:#}"));
        assert_eq!(of_plugin(frames, "lab")["function"], "block");
    }
    open(&host);
    clients.iter_mut().for_each(|client| assert_eq!(client.read().text(), "unblocked\n"));
}

#[test]
fn each_handler_that_is_stuck_in_its_process_is_reported_once_with_its_stack() {
    let host = Host::start(lab().timeouts("stuck_after = '300ms'"), "forking");
    let mut clients = Vec::new();
    for count in 1..=3 {
        clients.push(begin(&host, "/block"));
        let ids = running(&host, count);
        wait_for_report(&host, &ids[count - 1]);
        // The first one was stuck for longer than the limit again and again.
        assert!(ids.iter().all(|id| reports(&host, id) == 1), "{ids:?}");
    }
    let line = host.wait_for_line(REPORT);
    assert!(line.contains("WARN the handler of "), "{line}");
    host.wait_for_line("  lab/1  block");
    open(&host);
    clients.iter_mut().for_each(|client| assert_eq!(client.read().text(), "unblocked\n"));
}

#[test]
fn sigusr1_says_what_processes_are_at_with_their_stacks() {
    let host = Host::start(lab(), "forking");
    let mut client = begin(&host, "/block");
    eventually("it has been running for a second", || {
        wait_for_one(&host, "in handler")["age_ms"].as_u64() > Some(1100)
    });
    host.signal(Signal::USR1);
    host.wait_for_line("1 request in flight");
    host.wait_for_line("stacks of handlers:");
    host.wait_for_line("  lab/1  block");
    open(&host);
    assert_eq!(client.read().text(), "unblocked\n");
}
