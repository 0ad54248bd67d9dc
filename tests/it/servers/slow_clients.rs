//! Clients that are slow on purpose: the essay's, who connects and sends nothing, and his friends.

use super::{LATE, lab};
use crate::harness::{Client, Host, PATIENCE, SERVERS, eventually, for_each_server, on_servers};
use std::time::{Duration, Instant};

/// Shorter than a pause between two bytes may be in a deadline of ours, so that a drip is never quiet for long.
const DRIP: Duration = Duration::from_millis(40);

/// Servers on which a slow client makes nobody wait.
const CONCURRENT: &[&str] = &["threaded", "actix"];

/// Sends a byte now and then until the server ends the connection; what it said before.
#[track_caller]
fn drip(client: &mut Client) -> String {
    let began = Instant::now();
    while began.elapsed() < LATE {
        let _ = client.try_send(b"x");
        if !client.is_quiet_for(DRIP) && client.has_ended() {
            return String::from_utf8_lossy(client.received()).into_owned();
        }
    }
    panic!("one byte every {DRIP:?} was enough to hold a connection for {LATE:?}");
}

/// Nothing, or 408: what a client is told that was too slow.
#[track_caller]
fn is_timed_out(said: &str) {
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
}

#[test]
fn a_client_that_sends_nothing_makes_nobody_wait() {
    on_servers(CONCURRENT, |server| {
        // The deadlines are the defaults: 30 seconds.
        let host = Host::start(lab(), server);
        let mut silent: Vec<Client> = (0..8).map(|_| host.connect()).collect();
        for _ in 0..8 {
            let mut other = host.connect().patience(LATE);
            assert_eq!(other.get("/").text(), "hello\n");
        }
        assert!(silent.iter_mut().all(|client| client.is_quiet_for(Duration::from_millis(1))));
    });
}

#[test]
fn a_client_that_sends_nothing_makes_the_others_wait_until_the_head_deadline_on_single() {
    let host = Host::start(lab().timeouts("head = '400ms'"), "single");
    let mut silent = host.connect();
    let mut other = host.connect();
    assert_eq!(other.get("/").text(), "hello\n");
    silent.wait_for_end();
}

#[test]
fn a_client_that_sends_nothing_is_closed_after_the_head_deadline() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("head = '400ms'"), server);
        let (took, said) = host.connect().wait_for_end();
        assert!((Duration::from_millis(300)..LATE).contains(&took), "{took:?}");
        is_timed_out(&String::from_utf8_lossy(&said));
    });
}

#[test]
fn a_deadline_of_zero_is_none() {
    for_each_server(|server| {
        let off =
            "head = '0s'\nbody = '0s'\nhandler = '0s'\nwrite = '0s'\nkeep_alive = '0s'\nshutdown = '0s'";
        let host = Host::start(lab().timeouts(off), server);
        let mut client = host.connect();
        assert!(client.is_quiet_for(Duration::from_millis(300)));
        assert_eq!(client.get("/").text(), "hello\n");
        assert!(client.is_quiet_for(Duration::from_millis(300)));
        assert_eq!(client.request("POST", "/echo", &[], "body").text(), "body");
    });
}

#[test]
fn a_first_head_that_drips_in_is_cut_off_and_makes_nobody_wait() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("head = '600ms'"), server);
        let mut client = host.connect();
        client.send("GET / HTTP/1.1\r\nx: ");
        if CONCURRENT.contains(&server) {
            assert_eq!(host.get("/").text(), "hello\n");
        }
        is_timed_out(&drip(&mut client));
        assert_eq!(host.get("/").text(), "hello\n");
    });
}

#[test]
fn a_later_head_that_drips_in_is_cut_off_and_makes_nobody_wait() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("head = '600ms'\nkeep_alive = '600ms'"), server);
        let mut client = host.connect();
        for _ in 0..2 {
            assert_eq!(client.get("/").text(), "hello\n");
        }
        client.send("GET / HTTP/1.1\r\nx: ");
        if CONCURRENT.contains(&server) {
            assert_eq!(host.get("/").text(), "hello\n");
        }
        is_timed_out(&drip(&mut client));
        assert_eq!(host.get("/").text(), "hello\n");
    });
}

#[test]
fn a_body_that_drips_in_is_cut_off_and_makes_nobody_wait() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("body = '600ms'"), server);
        for framing in ["content-length: 100000\r\n\r\n", "transfer-encoding: chunked\r\n\r\nfffff\r\n"] {
            let mut client = host.connect();
            client.send(format!("POST /echo HTTP/1.1\r\nhost: a\r\n{framing}"));
            if CONCURRENT.contains(&server) {
                assert_eq!(host.get("/").text(), "hello\n");
            }
            let said = drip(&mut client);
            assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        }
        assert_eq!(host.get("/").text(), "hello\n");
    });
}

#[test]
fn a_body_that_comes_fast_and_then_stops_is_cut_off() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("body = '600ms'"), server);
        let mut client = host.connect().patience(LATE);
        client.send_head("POST", "/echo", &[("content-length", "2000000")]).send(vec![b'x'; 1_900_000]);
        assert_eq!(client.read().status, 408);
    });
}

#[test]
fn a_body_that_takes_longer_than_its_deadline_but_comes_steadily_is_read() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("body = '500ms'"), server);
        let mut client = host.connect();
        client.send_head("POST", "/length", &[("content-length", "100000")]);
        for _ in 0..19 {
            client.send(vec![b'x'; 5000]);
            assert!(client.is_quiet_for(DRIP));
        }
        client.send(vec![b'x'; 5000]);
        assert!(client.read().expect(200).text().starts_with("100000 "));
    });
}

#[test]
fn a_client_that_never_reads_is_cut_off_and_makes_nobody_wait() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("write = '600ms'"), server);
        let mut narrow = Client::connect_narrow(&host.address());
        narrow.send_head("GET", "/large/30000000", &[]).wait_for_bytes("200 OK");
        assert_eq!(host.connections(), 1);
        if CONCURRENT.contains(&server) {
            assert_eq!(host.connect().patience(LATE).get("/").text(), "hello\n");
        }
        eventually("the server ends the connection that nobody reads", || host.connections() == 0);
        assert_eq!(host.get("/").text(), "hello\n");
    });
}

#[test]
fn a_client_that_reads_slowly_but_steadily_gets_all() {
    for_each_server(|server| {
        let host =
            Host::start(lab().timeouts("write = '600ms'\nhead = '500ms'\nkeep_alive = '500ms'"), server);
        let mut narrow = Client::connect_narrow(&host.address());
        narrow.send_head("GET", "/large/6000000", &[]);
        for _ in 0..30 {
            narrow.receive_up_to(100_000);
            std::thread::sleep(DRIP);
        }
        assert_eq!(narrow.read().expect(200).body.len(), 6_000_000);
    });
}

#[test]
fn a_connection_without_a_next_request_is_closed_after_keep_alive() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("keep_alive = '500ms'"), server);
        let mut client = host.connect();
        assert_eq!(client.get("/").text(), "hello\n");
        let (took, said) = client.wait_for_end();
        assert!((Duration::from_millis(300)..LATE).contains(&took), "{took:?}");
        is_timed_out(&String::from_utf8_lossy(&said));
    });
}

#[test]
fn the_slow_ones_all_at_once_make_nobody_wait() {
    on_servers(CONCURRENT, |server| {
        let host = Host::start(lab(), server);
        let mut slow = Vec::new();
        for _ in 0..20 {
            let (mut head, mut body, mut reader) =
                (host.connect(), host.connect(), Client::connect_narrow(&host.address()));
            head.send("GET / HT");
            body.send_head("POST", "/echo", &[("content-length", "100")]).send("x");
            reader.send_head("GET", "/large/9000000", &[]);
            slow.push((host.connect(), head, body, reader));
        }
        let mut client = host.connect().patience(LATE);
        for _ in 0..20 {
            assert_eq!(client.get("/").text(), "hello\n");
        }
    });
    assert!(SERVERS.len() == CONCURRENT.len() + 1 && LATE < PATIENCE);
}
