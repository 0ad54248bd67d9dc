//! A worker that runs out of memory, or of descriptors.

use super::{crash, crash_at_will, serving, signal};
use crate::harness::Host;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

/// Sets a limit of a process, which has had ours.
fn limit(pid: u32, resource: Resource, most: Option<u64>) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    let ours = getrlimit(resource);
    let limit = Rlimit { current: most.or(ours.current), maximum: ours.maximum };
    prlimit(Some(pid), resource, limit).expect("a process of our own");
}

/// What a line of `/proc/PID/status` says, in kibibytes.
fn kib(pid: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with(what)).expect("a line");
    line.split_ascii_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn a_plugin_that_is_out_of_memory_and_aborts_is_blamed_and_another_worker_serves() {
    let host = Host::start(crash_at_will(), "threaded");
    let worker = host.worker_pid();
    limit(worker, Resource::As, Some((kib(worker, "VmSize:") << 10) + (64 << 20)));
    let report = crash(&host, "/allocate");
    assert_eq!((&report["signal"], &report["plugin"]), (&"SIGABRT".into(), &"faulty".into()), "{report:#}");
    assert_eq!(report["route"], "GET /allocate", "{report:#}");
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
}

#[test]
fn a_supervisor_without_a_descriptor_left_says_so_and_starts_a_worker_when_there_is_one_again() {
    let host = Host::start(crash_at_will(), "threaded");
    let (supervisor, worker) = (host.pid(), host.worker_pid());
    // No number above those of standard input, output and error.
    limit(supervisor, Resource::Nofile, Some(3));
    signal(worker, Signal::KILL);
    host.wait_for_line("cannot start a worker: ");
    // Who comes waits, and is not refused.
    let mut client = host.connect();
    client.send_head("GET", "/", &[]);
    limit(supervisor, Resource::Nofile, None);
    assert_eq!(client.read().text(), "version 1");
}
