//! Clients that are slow on purpose: the essay's, who connects and sends nothing, and his friends.

use super::{LATE, lab};
use crate::harness::{Client, Host, eventually};
use std::time::{Duration, Instant};

/// Shorter than a pause between two bytes may be in a deadline of ours, so that a drip is never quiet for long.
const DRIP: Duration = Duration::from_millis(40);

/// What another client sees while a slow one is served.
#[derive(Clone, Copy)]
enum Others {
    AreServed,
    Wait,
}

impl Others {
    #[track_caller]
    fn see(self, host: &Host) {
        let mut other = host.connect().patience(LATE);
        match self {
            Self::AreServed => assert_eq!(other.get("/").text(), "hello\n"),
            Self::Wait => assert!(other.send_head("GET", "/", &[]).is_quiet_for(DRIP * 2), "nobody waits"),
        }
    }
}

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

pub(super) fn a_client_that_sends_nothing_makes_nobody_wait(server: &'static str) {
    // The deadlines are the defaults: 30 seconds.
    let host = Host::start(lab(), server);
    let mut silent: Vec<Client> = (0..8).map(|_| host.connect()).collect();
    for _ in 0..8 {
        let mut other = host.connect().patience(LATE);
        assert_eq!(other.get("/").text(), "hello\n");
    }
    assert!(silent.iter_mut().all(|client| client.is_quiet_for(Duration::from_millis(1))));
}

pub(super) fn a_client_that_sends_nothing_makes_the_others_wait_until_the_head_deadline(
    server: &'static str,
) {
    let host = Host::start(lab().timeouts("head = '400ms'"), server);
    let mut silent = host.connect();
    Others::Wait.see(&host);
    assert_eq!(host.connect().get("/").text(), "hello\n");
    silent.wait_for_end();
}

pub(super) fn a_client_that_sends_nothing_is_closed_after_the_head_deadline(server: &'static str) {
    let host = Host::start(lab().timeouts("head = '400ms'"), server);
    let began = Instant::now();
    let (_, said) = host.connect().wait_for_end();
    assert!((Duration::from_millis(300)..LATE).contains(&began.elapsed()), "{:?}", began.elapsed());
    is_timed_out(&String::from_utf8_lossy(&said));
}

pub(super) fn a_deadline_of_zero_is_none(server: &'static str) {
    let off = "head = '0s'\nbody = '0s'\nhandler = '0s'\nwrite = '0s'\nkeep_alive = '0s'\nshutdown = '0s'";
    let host = Host::start(lab().timeouts(off), server);
    let mut client = host.connect();
    assert!(client.is_quiet_for(Duration::from_millis(300)));
    assert_eq!(client.get("/").text(), "hello\n");
    assert!(client.is_quiet_for(Duration::from_millis(300)));
    assert_eq!(client.request("POST", "/echo", &[], "body").text(), "body");
}

pub(super) fn a_first_head_that_drips_in_is_cut_off_and_makes_nobody_wait(server: &'static str) {
    first_head_drips(server, Others::AreServed);
}

pub(super) fn a_first_head_that_drips_in_is_cut_off_and_the_others_wait(server: &'static str) {
    first_head_drips(server, Others::Wait);
}

fn first_head_drips(server: &str, others: Others) {
    let host = Host::start(lab().timeouts("head = '1s'"), server);
    let mut client = host.connect();
    client.send("GET / HTTP/1.1\r\nx: ");
    others.see(&host);
    is_timed_out(&drip(&mut client));
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_later_head_that_drips_in_is_cut_off_and_makes_nobody_wait(server: &'static str) {
    later_head_drips(server, Others::AreServed);
}

pub(super) fn a_later_head_that_drips_in_is_cut_off_and_the_others_wait(server: &'static str) {
    later_head_drips(server, Others::Wait);
}

fn later_head_drips(server: &str, others: Others) {
    let host = Host::start(lab().timeouts("head = '1s'\nkeep_alive = '1s'"), server);
    let mut client = host.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/").text(), "hello\n");
    }
    client.send("GET / HTTP/1.1\r\nx: ");
    others.see(&host);
    is_timed_out(&drip(&mut client));
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_body_that_drips_in_is_cut_off_and_makes_nobody_wait(server: &'static str) {
    body_drips(server, Others::AreServed);
}

pub(super) fn a_body_that_drips_in_is_cut_off_and_the_others_wait(server: &'static str) {
    body_drips(server, Others::Wait);
}

fn body_drips(server: &str, others: Others) {
    let host = Host::start(lab().timeouts("body = '1s'"), server);
    for framing in ["content-length: 100000\r\n\r\n", "transfer-encoding: chunked\r\n\r\nfffff\r\n"] {
        let mut client = host.connect();
        client.send(format!("POST /echo HTTP/1.1\r\nhost: a\r\n{framing}"));
        others.see(&host);
        let said = drip(&mut client);
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    }
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_body_that_comes_fast_and_then_stops_is_cut_off(server: &'static str) {
    let host = Host::start(lab().timeouts("body = '600ms'"), server);
    let mut client = host.connect().patience(LATE);
    client.send_head("POST", "/echo", &[("content-length", "2000000")]).send(vec![b'x'; 1_900_000]);
    assert_eq!(client.read().status, 408);
}

pub(super) fn a_body_that_takes_longer_than_its_deadline_but_comes_steadily_is_read(server: &'static str) {
    let host = Host::start(lab().timeouts("body = '500ms'"), server);
    let mut client = host.connect();
    client.send_head("POST", "/length", &[("content-length", "100000")]);
    for _ in 0..19 {
        client.send(vec![b'x'; 5000]);
        assert!(client.is_quiet_for(DRIP));
    }
    client.send(vec![b'x'; 5000]);
    assert!(client.read().expect(200).text().starts_with("100000 "));
}

pub(super) fn a_client_that_never_reads_is_cut_off_and_makes_nobody_wait(server: &'static str) {
    never_reads(server, Others::AreServed);
}

pub(super) fn a_client_that_never_reads_is_cut_off_and_the_others_wait(server: &'static str) {
    never_reads(server, Others::Wait);
}

fn never_reads(server: &str, others: Others) {
    let host = Host::start(lab().timeouts("write = '1500ms'"), server);
    let mut narrow = Client::connect_narrow(&host.address());
    narrow.send_head("GET", "/large/30000000", &[]).wait_for_bytes("200 OK");
    assert_eq!(host.connections(), 1);
    others.see(&host);
    eventually("the server ends the connection that nobody reads", || host.connections() == 0);
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_client_that_reads_slowly_but_steadily_gets_all(server: &'static str) {
    let host = Host::start(lab().timeouts("write = '1500ms'\nhead = '1s'\nkeep_alive = '1s'"), server);
    let mut narrow = Client::connect_narrow(&host.address());
    narrow.send_head("GET", "/large/6000000", &[]);
    for _ in 0..50 {
        narrow.receive_up_to(60_000);
        std::thread::sleep(DRIP);
    }
    assert_eq!(narrow.read().expect(200).body.len(), 6_000_000);
}

pub(super) fn a_connection_without_a_next_request_is_closed_after_keep_alive(server: &'static str) {
    let host = Host::start(lab().timeouts("keep_alive = '500ms'"), server);
    let mut client = host.connect();
    let began = Instant::now();
    assert_eq!(client.get("/").text(), "hello\n");
    let (_, said) = client.wait_for_end();
    assert!((Duration::from_millis(300)..LATE).contains(&began.elapsed()), "{:?}", began.elapsed());
    is_timed_out(&String::from_utf8_lossy(&said));
}

pub(super) fn the_slow_ones_all_at_once_make_nobody_wait(server: &'static str) {
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
}

pub(super) fn the_slow_ones_are_waited_for_one_after_the_other(server: &'static str) {
    let host = Host::start(lab().timeouts("head = '200ms'\nbody = '200ms'\nwrite = '200ms'"), server);
    let (mut head, mut body) = (host.connect(), host.connect());
    head.send("GET / HT");
    body.send_head("POST", "/echo", &[("content-length", "100")]).send("x");
    Others::Wait.see(&host);
    assert_eq!(host.connect().get("/").text(), "hello\n");
    for client in [&mut head, &mut body] {
        assert_eq!(client.read().status, 408);
    }
}

pub(super) fn a_client_that_goes_away_within_its_answer_is_no_failure(server: &'static str) {
    let host = Host::start(lab(), server);
    for _ in 0..5 {
        let mut client = Client::connect_narrow(&host.address());
        client.send_head("GET", "/large/9000000", &[]).wait_for_bytes("200 OK");
        drop(client);
    }
    eventually("their connections end", || host.connections() == 0);
    assert_eq!(host.get("/").text(), "hello\n");
    let output = host.stop();
    assert!(output.code == Some(0) && !output.stderr.contains("ERROR"), "{output:?}");
}
