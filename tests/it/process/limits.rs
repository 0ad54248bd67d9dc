//! Limits of a worker, and what becomes of one that reaches them.

use super::{line_of, rights};
use crate::harness::{Client, Host, at_once, eventually, for_each_server, on_servers};
use serde_json::Value;

/// More than a host takes that has nothing to do, with the stacks of all its threads.
const ADDRESS_SPACE: &str = "address_space = '4GiB'";
const MORE: u64 = 8 << 30;

fn limit(pid: u32, name: &str) -> String {
    line_of(&format!("/proc/{pid}/limits"), name)
}

#[test]
fn a_worker_has_the_limits_of_the_spec_and_its_supervisor_its_own() {
    let process = "nofile = 512\nnproc = 4000\ncore = 0\naddress_space = '4GiB'";
    let host = rights(process, "threaded").start();
    let (worker, bytes) = (host.worker_pid(), 4_u64 << 30);
    assert_eq!(limit(worker, "Max open files"), "512 512 files");
    assert_eq!(limit(worker, "Max processes"), "4000 4000 processes");
    assert_eq!(limit(worker, "Max core file size"), "0 0 bytes");
    assert_eq!(limit(worker, "Max address space"), format!("{bytes} {bytes} bytes"));
    assert!(!limit(host.pid(), "Max address space").starts_with(&bytes.to_string()));
}

#[test]
fn memory_past_the_limit_is_refused_to_the_handler_that_asks_for_it() {
    for_each_server(|server| {
        let host = rights(ADDRESS_SPACE, server).start();
        let worker = host.worker_pid();
        assert_eq!(host.get("/take/1000000").expect(200).text(), "taken");
        host.get(&format!("/take/{MORE}")).expect(503);
        host.get("/").expect(200);
        assert_eq!(host.worker_pid(), worker);
    });
}

#[test]
fn a_handler_that_dies_of_it_costs_its_worker_and_no_connection_that_waits() {
    for_each_server(|server| {
        let host = rights(ADDRESS_SPACE, server).start();
        let worker = host.worker_pid();
        assert!(host.connect().try_get(&format!("/take-or-die/{MORE}")).is_err(), "nobody is left to answer");
        host.get("/").expect(200);
        host.wait_for_line(&format!("worker {worker} was killed by SIGABRT; starting another"));
        let restarts = &host.status()["restarts"];
        assert_eq!(restarts["count"], Value::from(1), "{restarts}");
    });
}

#[test]
fn whoever_finds_no_descriptor_left_waits_and_is_served() {
    on_servers(&at_once(), |server| {
        let host: Host = rights("nofile = 128", server).start();
        let worker = host.worker_pid();
        let mut clients: Vec<Client> = (0..200).map(|_| host.connect()).collect();
        host.wait_for_line("cannot accept connections");
        // Each that leaves makes room for one that waits.
        while let Some(mut client) = clients.pop() {
            clients.drain(..clients.len().min(1));
            client.send_head("GET", "/", &[]);
            if clients.is_empty() {
                client.read().expect(200);
            }
        }
        eventually("it serves", || host.connect().try_get("/").is_ok_and(|answer| answer.status == 200));
        assert_eq!(host.worker_pid(), worker);
    });
}
