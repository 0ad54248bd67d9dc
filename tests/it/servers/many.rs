//! Many clients, and the limits of how many.

use super::{LATE, begin, lab, open};
use crate::harness::{Client, Host, eventually};
use std::time::Duration;

pub(super) fn five_hundred_requests_on_fifty_connections_are_all_answered(server: &'static str) {
    let host = Host::start(lab(), server);
    std::thread::scope(|threads| {
        for client in 0..50 {
            let host = &host;
            threads.spawn(move || {
                let mut connection = host.connect();
                let requests: String = (0..10)
                    .map(|number| format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n{client:02} {number:02}"))
                    .collect();
                connection.send(requests);
                for number in 0..10 {
                    assert_eq!(connection.read().expect(200).text(), format!("{client:02} {number:02}"));
                }
            });
        }
    });
}

pub(super) fn a_connection_past_the_limit_waits_and_is_served_when_another_ends(server: &'static str) {
    let host = Host::start(lab().limits("connections = 2"), server);
    let mut first = begin(&host, "/pending", "gate.1");
    let second = begin(&host, "/pending", "gate.2");
    eventually("both are being served", || host.log().matches("INFO pending").count() == 2);
    let mut third = host.connect();
    third.send_head("GET", "/", &[]);
    assert!(
        third.is_quiet_for(Duration::from_millis(200)),
        "a third connection was served past the limit of two"
    );
    open(&host, "gate.1");
    assert_eq!(first.read().text(), "at last\n");
    drop(first);
    assert_eq!(third.read().text(), "hello\n");
    open(&host, "gate.2");
    drop(second);
}

pub(super) fn a_second_connection_waits_whatever_the_limit_is(server: &'static str) {
    let host = Host::start(lab().limits("connections = 2"), server);
    let mut first = begin(&host, "/pending", "gate");
    host.wait_for_line("INFO pending");
    let mut second = host.connect();
    second.send_head("GET", "/", &[]);
    assert!(second.is_quiet_for(Duration::from_millis(200)), "a second connection was served");
    open(&host, "gate");
    assert_eq!(first.read().text(), "at last\n");
    assert_eq!(second.read().text(), "hello\n");
}

pub(super) fn a_connection_that_only_waits_for_its_next_request_gives_way(server: &'static str) {
    let (host, _kept) = full(server);
    // Both would be kept for a minute.
    assert_eq!(host.connect().patience(LATE).get("/").text(), "hello\n");
}

pub(super) fn a_connection_that_is_kept_gives_way_when_it_ends(server: &'static str) {
    let (host, kept) = full(server);
    let mut third = host.connect();
    third.send_head("GET", "/", &[]);
    assert!(third.is_quiet_for(Duration::from_millis(200)), "a kept connection gave way");
    drop(kept);
    assert_eq!(third.read().text(), "hello\n");
}

/// A host with as many connections as it may have, which wait for their next requests.
fn full(server: &str) -> (Host, [Client; 2]) {
    let host = Host::start(lab().limits("connections = 2"), server);
    let mut kept = [host.connect(), host.connect()];
    for client in &mut kept {
        assert_eq!(client.get("/").text(), "hello\n");
    }
    (host, kept)
}

pub(super) fn a_request_past_the_limit_in_flight_is_answered_with_503(server: &'static str) {
    // Event loops share the limit out among them.
    let host = Host::with(lab().limits("in_flight = 2"), server).arg("--workers=1").start();
    let mut running = [begin(&host, "/pending", "gate"), begin(&host, "/pending", "gate")];
    eventually("both are pending", || host.log().matches("INFO pending").count() == 2);
    let answer = host.get("/").expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    open(&host, "gate");
    for client in &mut running {
        assert_eq!(client.read().text(), "at last\n");
    }
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_request_past_the_limit_in_flight_waits_for_its_connection(server: &'static str) {
    a_second_connection_waits_whatever_the_limit_is(server);
}
