//! What `pool` alone promises: clients of any speed hold no thread, handlers hold no loop, and the queue has an end.

use super::{LATE, begin, dropped, lab, open};
use crate::harness::{Client, Host, eventually};

/// A host with so many threads, one event loop, and that much room in its queue.
fn small(threads: usize, queue: usize) -> Host {
    let spec = lab().text(&format!("[server.options]\nqueue = {queue}"));
    Host::with(spec, "pool").arg("--workers=1").arg(&format!("--threads={threads}")).start()
}

/// A host with one thread, so that a handler of more than a second keeps all others from it; no other worker takes over.
fn one_thread_alone() -> Host {
    let spec = lab().timeouts("handler = '1s'");
    Host::with(spec, "pool").arg("--workers=1").arg("--threads=1").arg("--no-supervisor").start()
}

#[test]
fn what_finds_the_queue_full_is_answered_with_503_at_once_and_said_now_and_then() {
    let host = small(2, 3);
    let mut held: Vec<Client> = (0..2).map(|_| begin(&host, "/block", "gate")).collect();
    eventually("both threads are held", || host.log().matches("INFO blocking").count() == 2);
    held.extend((0..3).map(|_| begin(&host, "/block", "gate")));
    eventually("the queue is full", || {
        let requests = host.ctl(["requests", "--format", "json"]).json();
        let all = requests["requests"].as_array().cloned().unwrap_or_default();
        all.iter().filter(|request| request["state"] == "waiting").count() == 3
    });
    for _ in 0..20 {
        let answer = host.connect().patience(LATE).get("/").expect(503);
        assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), None));
    }
    open(&host, "gate");
    for client in &mut held {
        assert_eq!(client.read().text(), "unblocked\n");
    }
    assert_eq!(host.get("/").text(), "hello\n");
    assert_eq!(host.status()["refused"], 20);
    let status = host.ctl(["status"]).stdout;
    assert!(status.contains("\n  refused     20 requests, with 503: "), "{status}");
    let said = "requests are answered with 503: 3 wait already for one of 2 handler threads";
    assert_eq!(host.log().matches(said).count(), 1, "{}", host.log());
}

#[test]
fn a_request_that_waits_for_a_thread_longer_than_a_handler_may_take_is_not_begun() {
    let host = one_thread_alone();
    let mut stuck = begin(&host, "/block", "gate");
    host.wait_for_line("INFO blocking");
    let mut waiting = begin(&host, "/block", "gate");
    assert_eq!(stuck.read().status, 504);
    let answer = waiting.read().expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    open(&host, "gate");
    assert_eq!(host.get("/").text(), "hello\n");
    assert_eq!(host.log().matches("INFO blocking").count(), 1, "it was begun all the same");
}

#[test]
fn a_request_that_waits_while_no_thread_can_end_it_is_answered_and_said_all_the_same() {
    let host = one_thread_alone();
    let mut pending = begin(&host, "/pending", "other");
    host.wait_for_line("INFO pending");
    let _stuck = begin(&host, "/block", "gate");
    host.wait_for_line("INFO blocking");
    let answer = pending.read().expect(504);
    let line = host.wait_for_line("GET /pending: the handler did not answer in time: no handler thread came");
    let id = answer.header("x-request-id").expect("an id");
    assert!(line.contains(&format!("request=\"{id}\"")), "{id}: {line}");
    open(&host, "gate");
    eventually("its work is dropped", || dropped(&host) == 1);
}

#[test]
fn slow_clients_hold_no_thread() {
    let host = small(1, 1);
    let mut slow = Vec::new();
    for _ in 0..10 {
        let (mut body, mut reader) = (host.connect(), Client::connect_narrow(&host.address()));
        body.send_head("POST", "/echo", &[("content-length", "100")]).send("x");
        reader.send_head("GET", "/large/9000000", &[]).wait_for_bytes("200 OK");
        slow.push((host.connect(), body, reader));
    }
    for _ in 0..20 {
        assert_eq!(host.connect().patience(LATE).get("/").text(), "hello\n");
    }
}

#[test]
fn handlers_that_wait_asynchronously_hold_no_thread() {
    let host = small(1, 1);
    let mut pending: Vec<Client> = Vec::new();
    for number in 1..=20 {
        pending.push(begin(&host, "/pending", "gate"));
        eventually("it is pending", || host.log().matches("INFO pending").count() == number);
    }
    let mut streamed = begin(&host, "/write/1", "gate");
    streamed.wait_for_bytes("begin\n");
    assert_eq!(host.connect().patience(LATE).get("/").text(), "hello\n");
    open(&host, "gate");
    open(&host, "gate.0");
    for client in &mut pending {
        assert_eq!(client.read().text(), "at last\n");
    }
    assert_eq!(streamed.read().text(), "begin\nchunk 0\n");
}

/// Streams that never end, behind clients that read all they can: each has a turn.
#[test]
fn streams_that_always_have_more_leave_the_thread_to_others() {
    let host = small(1, 8);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let mut client = host.connect();
                client.send_head("GET", "/flood", &[]);
                client.receive_up_to(50 << 20);
            });
        }
        for _ in 0..20 {
            assert_eq!(host.connect().patience(LATE).get("/").text(), "hello\n");
        }
    });
}
