//! Crashes on `forking`: of the process of one connection, which its worker survives.

use super::quarantine::{banned, host_with_two};
use super::{app, count, crash, crash_at_will, crashing, library, serving, signal, swap, wait_for_report};
use crate::harness::{Client, Host, eventually};
use rustix::process::Signal;
use serde_json::Value;
use std::time::Duration;

/// Connections whose handlers wait until the file `go` is there.
fn blocked(host: &Host, clients: usize) -> Vec<Client> {
    let blocked = (0..clients).map(|_| {
        let mut client = host.connect().patience(Duration::from_secs(30));
        client.send_head("GET", "/block", &[]);
        client
    });
    let blocked = blocked.collect();
    eventually("all are in their handlers", || in_handlers(host) == clients);
    blocked
}

fn in_handlers(host: &Host) -> usize {
    let requests = host.ctl(["requests", "--format", "json"]).json();
    let all = requests["requests"].as_array().cloned().unwrap_or_default();
    all.iter().filter(|request| request["state"] == "in handler").count()
}

#[test]
fn only_what_was_in_flight_in_the_process_that_crashed_is_lost() {
    let host = Host::start(crash_at_will(), "forking");
    let mut others = blocked(&host, 3);
    let report = crash(&host, "/null");
    assert_eq!(
        (&report["lost"], &report["in_flight"][0]["path"]),
        (&1.into(), &"/null".into()),
        "{report:#}"
    );
    assert_eq!((&report["plugin"], &report["generation"]), (&"faulty".into(), &1.into()), "{report:#}");
    host.wait_for_line("lost     1 request in flight");
    assert_eq!(in_handlers(&host), 3, "what was its is gone from the list, and nothing else");
    host.folder().write("go", "");
    others.iter_mut().for_each(|client| assert_eq!(client.read().text(), "unblocked"));
}

#[test]
fn processes_that_crash_at_the_same_time_are_reported_each_with_its_own() {
    // As many reports as the status lists.
    const CLIENTS: u64 = 8;
    let host = Host::start(crash_at_will(), "forking");
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| host.connect()).collect();
    clients.iter_mut().for_each(|client| drop(client.get("/").expect(200)));
    let paths = ["/null", "/abort"];
    for (client, path) in clients.iter_mut().zip(paths.iter().cycle()) {
        client.send_head("GET", path, &[]);
    }
    eventually("all are reported", || count(&host) == CLIENTS);
    let status = host.status();
    let reports = status["crashes"]["last"].as_array().expect("a list");
    for (path, name) in paths.iter().zip(["SIGSEGV", "SIGABRT"]) {
        let of_path = |report: &&Value| report["route"] == format!("GET {path}");
        let found: Vec<&Value> = reports.iter().filter(of_path).collect();
        assert_eq!(found.len(), 4, "{status:#}");
        for report in found {
            assert_eq!(
                (&report["signal"], &report["plugin"]),
                (&name.into(), &"faulty".into()),
                "{report:#}"
            );
            assert_eq!(report["lost"], 1, "{report:#}");
            assert_eq!(report["request"]["path"], *path, "{report:#}");
        }
    }
}

#[test]
fn the_end_of_a_worker_loses_what_its_processes_were_at() {
    let host = Host::start(crash_at_will(), "forking");
    let mut others = blocked(&host, 3);
    signal(host.worker_pid(), Signal::KILL);
    let report = wait_for_report(&host, 0);
    assert_eq!(
        (&report["what"], &report["lost"]),
        (&"was killed by SIGKILL".into(), &3.into()),
        "{report:#}"
    );
    others.iter_mut().for_each(|client| assert!(client.try_read().is_err(), "its process ended with it"));
}

#[test]
fn each_crash_of_a_process_counts_and_what_served_before_takes_over_by_a_roll() {
    let host = host_with_two("forking");
    let (worker, mut other) = (host.worker_pid(), blocked(&host, 1));
    for number in 0..3 {
        assert_eq!(serving(&host), ("version 2".to_owned(), 2), "after {number} crashes");
        crash(&host, "/null");
    }
    // Until the old worker has retired it may answer, too.
    eventually("another worker serves what was before", || serving(&host) == ("version 1".to_owned(), 1));
    assert_ne!(host.worker_pid(), worker);
    let why = "crashed its worker 3 times within 1m, the last time with SIGSEGV in GET /null";
    let said = host.wait_for_line("is in quarantine: it crashed");
    assert!(said.contains(&format!("it {why}; faulty 1 (generation 1) is served instead")), "{said}");
    let ban = banned(&host);
    assert_eq!((&ban["version"], &ban["number"], &ban["why"]), (&"2".into(), &2.into(), &why.into()));
    assert_eq!(host.status()["restarts"]["count"], 0, "no worker has died");
    assert_eq!(swap(&host, &library("2")).code, Some(78), "it is not to run again");
    host.folder().write("go", "");
    assert_eq!(other[0].read().text(), "unblocked", "the process of another connection was left alone");
    assert_eq!(swap(&host, &library("3")).code, Some(0));
    assert_eq!(serving(&host), ("version 3".to_owned(), 3));
}

#[test]
fn what_is_on_disk_by_then_does_not_keep_a_generation_from_being_replaced() {
    let host = host_with_two("forking");
    host.folder().write("app.toml", "spec = ");
    (0..3).for_each(|_| drop(crash(&host, "/null")));
    eventually("another worker serves what was before", || host.get("/").text() == "version 1");
    assert_eq!(banned(&host)["version"], "2");
}

#[test]
fn a_plugin_that_crashes_at_its_start_in_each_process_goes_into_quarantine() {
    let host = Host::start(app(), "forking");
    assert_eq!(swap(&host, &crashing("2", "start")).code, Some(0), "it is started in the processes only");
    for number in 0..3 {
        let report = crash(&host, "/");
        let (version, evidence) = (&report["version"], &report["evidence"]);
        assert_eq!((version, evidence), (&"2".into(), &"life".into()), "{number}: {report:#}");
    }
    eventually("what was before serves", || {
        host.connect().try_get("/").is_ok_and(|answer| answer.text() == "version 1")
    });
    assert_eq!(banned(&host)["version"], "2");
}

#[test]
fn a_crash_in_a_swap_is_blamed_on_what_was_to_be_swapped_in() {
    let host = Host::start(app(), "forking");
    let worker = host.worker_pid();
    for (step, number) in [("constructor", 1), ("create", 2)] {
        let output = swap(&host, &crashing("2", step));
        assert!(
            output.stderr.contains("which was to carry the change out, was killed by SIGABRT"),
            "{output:?}"
        );
        let report = wait_for_report(&host, number - 1);
        assert_eq!((&report["version"], &report["evidence"]), (&"2".into(), &"life".into()), "{report:#}");
        assert_eq!(count(&host), number);
    }
    assert_eq!((serving(&host), host.worker_pid()), (("version 1".to_owned(), 1), worker));
}
