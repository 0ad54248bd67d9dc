//! What a crash costs: the requests in that process, and no others.

use super::{crash_at_will, in_place, wait_for_report};
use crate::harness::{Client, Host, eventually, for_each_server, on_servers};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// Requests that are in a handler when another one crashes; a server that has one at a time has none.
fn others(server: &str) -> usize {
    if server == "single" { 0 } else { 3 }
}

/// How many requests are in flight, if all of them are in a handler.
fn in_handlers(host: &Host) -> usize {
    let requests = host.ctl(["requests", "--format", "json"]).json();
    let all = requests["requests"].as_array().cloned().unwrap_or_default();
    let in_handler = all.iter().filter(|request| request["state"] == "in handler").count();
    if in_handler == all.len() { in_handler } else { usize::MAX }
}

#[test]
fn the_requests_in_the_process_are_lost_and_counted_and_no_others() {
    on_servers(&in_place(), |server| {
        let host = Host::start(crash_at_will(), server);
        let mut kept = host.connect();
        kept.get("/").expect(200);
        let mut blocked: Vec<Client> = (0..others(server)).map(|_| host.connect()).collect();
        for client in &mut blocked {
            client.send_head("GET", "/block", &[]);
        }
        eventually("all of them are in their handler, and nobody else", || {
            in_handlers(&host) == blocked.len()
        });
        assert!(host.connect().try_get("/null").is_err());
        // Whoever comes now waits for the next worker.
        assert_eq!(host.get("/").text(), "version 1");
        let report = wait_for_report(&host, 0);
        let lost = blocked.len() + 1;
        assert_eq!(report["lost"], lost, "{report:#}");
        host.wait_for_line(&format!("lost     {lost} request"));
        let in_flight = report["in_flight"].as_array().expect("a list");
        let in_block = in_flight.iter().filter(|one| one["path"] == "/block" && one["state"] == "in handler");
        assert_eq!(in_block.count(), blocked.len(), "{report:#}");
        for client in &mut blocked {
            assert!(client.try_read().is_err(), "it was in that process");
        }
        assert!(kept.try_get("/").is_err(), "a connection that was kept was there, too; it had no request");
    });
}

/// Under load: what the clients saw fail is what was in that process.
#[test]
fn under_load_no_connection_is_refused_and_each_client_loses_one_request_at_most() {
    const CLIENTS: usize = 4;
    for_each_server(|server| {
        let host = Host::start(crash_at_will(), server);
        let (address, is_over) = (host.address(), AtomicBool::new(false));
        let (lost, refused, answered) = std::thread::scope(|threads| {
            let call = || {
                let (mut lost, mut refused, mut answered) = (0, 0, 0);
                while !is_over.load(Ordering::Relaxed) {
                    match Client::try_connect(&address).map(|mut client| client.try_get("/")) {
                        None => refused += 1,
                        Some(Ok(answer)) if answer.text() == "version 1" => answered += 1,
                        Some(_) => lost += 1,
                    }
                }
                (lost, refused, answered)
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| threads.spawn(call)).collect();
            let crashed = catch_unwind(AssertUnwindSafe(|| {
                super::crash(&host, "/null");
                assert_eq!(host.get("/").text(), "version 1");
            }));
            is_over.store(true, Ordering::Relaxed);
            let seen = clients.into_iter().map(|client| client.join().expect("no panic"));
            let sum = seen.fold((0, 0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2));
            crashed.unwrap_or_else(|panic| resume_unwind(panic));
            sum
        });
        assert_eq!(refused, 0);
        assert!(lost <= CLIENTS && answered > 0, "{lost} were lost, and {answered} answered");
    });
}
