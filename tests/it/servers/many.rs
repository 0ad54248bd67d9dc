//! Many clients, and the limits of how many.

use super::{LATE, begin, lab, open};
use crate::harness::{Host, eventually, for_each_server, on_servers};
use std::time::Duration;

#[test]
fn five_hundred_requests_on_fifty_connections_are_all_answered() {
    for_each_server(|server| {
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
    });
}

#[test]
fn a_connection_past_the_limit_waits_and_is_served_when_another_ends() {
    let host = Host::start(lab().limits("connections = 2"), "threaded");
    let mut first = begin(&host, "/block", "gate.1");
    let second = begin(&host, "/block", "gate.2");
    eventually("both are being served", || host.log().matches("INFO blocking").count() == 2);
    let mut third = host.connect();
    third.send_head("GET", "/", &[]);
    assert!(
        third.is_quiet_for(Duration::from_millis(200)),
        "a third connection was served past the limit of two"
    );
    open(&host, "gate.1");
    assert_eq!(first.read().text(), "unblocked\n");
    assert_eq!(third.read().text(), "hello\n");
    open(&host, "gate.2");
    drop(second);
}

#[test]
fn a_connection_that_only_waits_for_its_next_request_gives_way() {
    let host = Host::start(lab().limits("connections = 2"), "threaded");
    let mut kept = [host.connect(), host.connect()];
    for client in &mut kept {
        assert_eq!(client.get("/").text(), "hello\n");
    }
    // Both would be kept for a minute.
    assert_eq!(host.connect().patience(LATE).get("/").text(), "hello\n");
}

#[test]
fn a_request_past_the_limit_in_flight_is_answered_with_503() {
    on_servers(&["threaded", "actix"], |server| {
        // The limit is shared out among the workers of `actix`.
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
    });
}
