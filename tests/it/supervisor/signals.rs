//! Signals, to one process or to all of them.

use super::{crash, pid_that_answers, signal};
use crate::harness::{Host, Spec, eventually, for_each_server, plugin_from_c};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use std::time::Duration;

/// As the terminal does it, or whoever stops a service with all its processes.
fn signal_all(host: &Host, signal: Signal) {
    let group = Pid::from_raw(host.pid().cast_signed()).expect("a group of its own");
    kill_process_group(group, signal).expect("processes of our own");
}

#[test]
fn a_signal_to_the_whole_group_ends_the_host_with_code_0() {
    for_each_server(|server| {
        for signal in [Signal::INT, Signal::TERM] {
            let host = Host::start(crash(), server);
            host.connect().send_head("GET", "/block", &[]);
            host.wait_for_line("INFO blocking");
            signal_all(&host, signal);
            assert!(host.wait_for_end(Duration::from_millis(100)).is_none(), "a request is under way");
            host.folder().write("gate", "");
            let output = host.wait();
            assert_eq!(output.code, Some(0), "{output:?}");
            assert!(!output.stderr.contains("another") && !output.stderr.contains("ERROR"), "{output:?}");
        }
    });
}

#[test]
fn a_signal_to_the_whole_group_while_it_loads_ends_the_host() {
    for signal in [Signal::INT, Signal::TERM] {
        for _ in 0..5 {
            let host = Host::with(crash(), "threaded").spawn();
            eventually("it takes signals", || takes_signals(host.pid()));
            signal_all(&host, signal);
            let output = host.wait();
            assert_eq!(output.code, Some(0), "{output:?}");
            assert!(!output.stderr.contains("another"), "{output:?}");
        }
    }
}

/// Whether the process has handlers for SIGINT and SIGTERM.
fn takes_signals(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    [Signal::INT, Signal::TERM].iter().all(|signal| caught >> (signal.as_raw() - 1) & 1 == 1)
}

#[test]
fn sigterm_to_a_worker_alone_lets_it_finish_and_starts_another() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let pid = host.worker_pid();
        let mut client = host.connect();
        client.send_head("GET", "/block", &[]);
        host.wait_for_line("INFO blocking");
        signal(pid, Signal::TERM);
        // Once it accepts no more, a connection waits until the new one is there. An event loop of actix that is blocked
        // may have accepted it before, and drops it.
        let mut next = host.connect();
        if server != "actix" {
            eventually("it accepts no more", || {
                next = host.connect();
                next.send_head("GET", "/pid", &[]).is_quiet_for(Duration::from_millis(500))
            });
        }
        host.folder().write("gate", "");
        assert_eq!(client.read().text(), "unblocked\n");
        if server != "actix" {
            assert_ne!(next.read().expect(200).text(), pid.to_string());
        }
        eventually("another one answers", || pid_that_answers(&host) != pid);
        host.wait_for_line(&format!("worker {pid} asked to be started again; starting another"));
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_second_signal_kills_the_worker_at_once() {
    let host = Host::start(crash(), "threaded");
    let worker = host.worker_pid();
    host.connect().send_head("GET", "/block", &[]);
    host.wait_for_line("INFO blocking");
    host.signal(Signal::INT);
    // Two that come before the first is seen are one.
    eventually("it stops", || host.status()["state"] == "stopping");
    assert!(host.wait_for_end(Duration::from_millis(100)).is_none());
    host.signal(Signal::INT);
    assert_eq!(host.wait().code, None, "it ends as by the signal");
    assert!(super::is_gone(worker));
    assert!(super::files_in(&host.folder().join("host")).is_empty(), "the control socket is removed");
}

#[test]
fn a_worker_that_does_not_end_in_time_is_killed_and_the_host_says_so() {
    let spec = crash().timeouts("shutdown = '100ms'");
    let host = Host::start(spec, "threaded");
    let worker = host.worker_pid();
    signal(worker, Signal::STOP);
    let output = host.stop();
    assert_eq!(output.code, Some(1), "{output:?}");
    let said = format!("host: worker {worker} did not end in time, and was killed\n");
    assert!(output.stderr.ends_with(&said), "{output:?}");
    assert!(super::is_gone(worker));
}

#[test]
fn other_signals_end_neither_process() {
    let host = Host::start(crash(), "threaded");
    let worker = host.worker_pid();
    for pid in [host.pid(), worker] {
        for harmless in [Signal::PIPE, Signal::XFSZ, Signal::HUP] {
            signal(pid, harmless);
        }
    }
    signal(worker, Signal::INT);
    assert_eq!(pid_that_answers(&host), worker);
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn a_full_disk_is_an_error_of_one_request() {
    let lab = plugin_from_c("lab", include_str!("../servers/lab.c"));
    let spec = Spec::new().plugin("lab", &lab).limits("body_memory = '1KiB'");
    let host = Host::start(spec, "threaded");
    let worker = host.worker_pid();
    let pid = Pid::from_raw(worker.cast_signed()).expect("a process id");
    let body = vec![b'x'; 100 << 10];
    host.request("POST", "/echo", &[], &body).expect(200);
    let limit = Rlimit { current: Some(0), maximum: None };
    prlimit(Some(pid), Resource::Fsize, limit).expect("a process of our own");
    host.request("POST", "/echo", &[], &body).expect(507);
    assert_eq!((host.get("/").text(), host.worker_pid()), ("hello\n", worker));
}
