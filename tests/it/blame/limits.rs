//! A worker that runs out of memory, or of descriptors.

use super::{crash, crash_at_will, serving};
use crate::harness::{AT_ONCE, Client, Host, eventually, on_servers};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

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
fn without_a_descriptor_left_the_worker_serves_those_that_it_has_says_so_once_and_recovers() {
    on_servers(AT_ONCE, |server| {
        let host = Host::start(crash_at_will(), server);
        let worker = host.worker_pid();
        let mut kept = host.connect();
        kept.get("/").expect(200);
        let open = std::fs::read_dir(format!("/proc/{worker}/fd")).expect("a process").count() as u64;
        limit(worker, Resource::Nofile, Some(open + 2));
        let mut others: Vec<Client> = (0..8).map(|_| host.connect()).collect();
        for client in &mut others {
            client.send_head("GET", "/", &[]);
        }
        host.wait_for_line("cannot accept connections on ");
        assert_eq!(kept.get("/").text(), "version 1", "who was there is served");
        limit(worker, Resource::Nofile, None);
        for client in &mut others {
            assert_eq!(client.read().text(), "version 1", "who waited is served in the end");
        }
        eventually("it was said once", || host.log().matches("cannot accept connections").count() == 1);
        assert_eq!((host.worker_pid(), super::count(&host)), (worker, 0));
    });
}
