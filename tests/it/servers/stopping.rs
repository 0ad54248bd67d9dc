//! Stopping: what runs is finished, the port is free, and nothing hangs but a sync handler that never returns.

use super::{LATE, begin, lab, open};
use crate::harness::{Address, Client, Host, NoAnswer, Output, eventually};
use rustix::process::Signal;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// It ended by itself, said nothing bad, and gave its port back.
#[track_caller]
fn ended_well(host: &Host, output: &Output) {
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!output.stderr.contains("host: ") && !output.stderr.contains("ERROR"), "{output:?}");
    let Address::Tcp(address) = host.address() else { return };
    TcpListener::bind(address).unwrap_or_else(|cause| panic!("{address} is not free: {cause}"));
}

pub(super) fn sigterm_and_sigint_end_the_server_with_code_0_and_free_its_port(server: &'static str) {
    for signal in [Signal::TERM, Signal::INT] {
        let host = Host::start(lab(), server);
        assert_eq!(host.get("/").text(), "hello\n");
        host.signal(signal);
        ended_well(&host, &host.wait());
    }
}

pub(super) fn a_handler_can_stop_the_server_and_its_own_answer_still_goes_out(server: &'static str) {
    let host = Host::start(lab(), server);
    assert_eq!(host.get("/stop").text(), "stopping\n");
    ended_well(&host, &host.wait());
}

pub(super) fn what_runs_is_finished_before_the_end(server: &'static str) {
    for (path, log, text) in
        [("/block", "INFO blocking", "unblocked\n"), ("/pending", "INFO pending", "at last\n")]
    {
        let host = Host::start(lab(), server);
        let mut client = begin(&host, path, "gate");
        host.wait_for_line(log);
        host.signal(Signal::TERM);
        assert!(client.is_quiet_for(Duration::from_millis(100)), "{path} was cut off");
        open(&host, "gate");
        let answer = client.read().expect(200);
        assert_eq!(answer.text(), text);
        client.wait_for_end();
        ended_well(&host, &host.wait());
    }
}

pub(super) fn a_body_and_a_stream_under_way_are_finished_before_the_end(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    client.send_head("POST", "/read", &[("content-length", "8")]).send("half");
    host.wait_for_line("INFO read 4 bytes");
    host.signal(Signal::TERM);
    assert!(client.is_quiet_for(Duration::from_millis(100)));
    assert!(client.send("half").read().expect(200).text().starts_with("8 "));
    ended_well(&host, &host.wait());

    let host = Host::start(lab(), server);
    let mut client = begin(&host, "/write/1", "gate");
    client.wait_for_bytes("begin\n");
    host.signal(Signal::TERM);
    open(&host, "gate.0");
    assert_eq!(client.read().text(), "begin\nchunk 0\n");
    ended_well(&host, &host.wait());
}

pub(super) fn connections_are_refused_while_the_server_finishes(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = begin(&host, "/pending", "gate");
    host.wait_for_line("INFO pending");
    host.signal(Signal::TERM);
    let address = host.address();
    eventually("connections are refused", || Client::try_connect(&address).is_none());
    open(&host, "gate");
    assert_eq!(client.read().text(), "at last\n");
    ended_well(&host, &host.wait());
}

pub(super) fn connections_without_a_request_do_not_delay_the_end(server: &'static str) {
    end_without_delay(server, |host| {
        // They are accepted: another one that came later was served.
        assert_eq!(host.get("/").text(), "hello\n");
    });
}

pub(super) fn connections_that_wait_to_be_accepted_do_not_delay_the_end(server: &'static str) {
    end_without_delay(server, |_| ());
}

fn end_without_delay(server: &str, accepted: impl Fn(&Host)) {
    // The shutdown deadline is its default: 30 seconds.
    let host = Host::start(lab(), server);
    let mut kept = host.connect();
    assert_eq!(kept.get("/").text(), "hello\n");
    let mut silent: Vec<Client> = (0..3).map(|_| host.connect()).collect();
    accepted(&host);
    let began = Instant::now();
    let output = host.stop();
    assert!(began.elapsed() < LATE, "took {:?}", began.elapsed());
    ended_well(&host, &output);
    kept.wait_for_end();
    for client in &mut silent {
        client.wait_for_end();
    }
}

pub(super) fn a_handler_that_is_pending_past_the_shutdown_deadline_is_dropped(server: &'static str) {
    let host = Host::start(lab().timeouts("shutdown = '500ms'"), server);
    let mut client = begin(&host, "/pending", "gate");
    host.wait_for_line("INFO pending");
    let began = Instant::now();
    let output = host.stop();
    assert!(began.elapsed() < LATE, "took {:?}", began.elapsed());
    assert_eq!(output.code, Some(0), "{output:?}");
    client.wait_for_end();
}

pub(super) fn a_client_that_does_not_read_does_not_keep_the_server_past_its_deadline(server: &'static str) {
    let host = Host::start(lab().timeouts("shutdown = '500ms'"), server);
    let mut narrow = Client::connect_narrow(&host.address());
    narrow.send_head("GET", "/flood", &[]);
    narrow.wait_for_bytes("200 OK");
    let began = Instant::now();
    let output = host.stop();
    assert!(began.elapsed() < LATE, "took {:?}", began.elapsed());
    assert_eq!(output.code, Some(0), "{output:?}");
}

pub(super) fn a_sync_handler_that_never_returns_is_named_and_left_behind(server: &'static str) {
    let host = Host::start(lab().timeouts("shutdown = '500ms'"), server);
    let _client = begin(&host, "/block", "gate");
    host.wait_for_line("INFO blocking");
    let began = Instant::now();
    let output = host.stop();
    assert!(began.elapsed() < LATE, "took {:?}", began.elapsed());
    assert_eq!(output.code, Some(1), "{output:?}");
    let named = "stopped, but left behind what never returned: GET /block (plugin lab 1.0.0) for ";
    assert!(output.stderr.contains(named), "{output:?}");
}

pub(super) fn a_second_signal_ends_the_process_at_once(server: &'static str) {
    let host = Host::start(lab(), server);
    let _client = begin(&host, "/block", "gate");
    host.wait_for_line("INFO blocking");
    host.signal(Signal::TERM);
    // Two that come before the first is seen are one.
    eventually("it stops", || host.status()["state"] == "stopping");
    assert!(host.wait_for_end(Duration::from_millis(200)).is_none());
    assert_eq!(host.stop().code, None);
}

pub(super) fn a_stop_under_load_loses_no_request_that_was_begun(server: &'static str) {
    let host = Host::start(lab(), server);
    let address = host.address();
    let (answered, has_ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                while !has_ended.load(Ordering::Relaxed) {
                    let Some(mut client) = Client::try_connect(&address) else { return };
                    while client.try_get("/").is_ok_and(|answer| answer.text() == "hello\n") {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    // Half an answer is one that was lost.
                    assert_eq!(String::from_utf8_lossy(client.received()), "");
                }
            });
        }
        eventually("clients are served", || answered.load(Ordering::Relaxed) > 200);
        let output = host.stop();
        has_ended.store(true, Ordering::Relaxed);
        ended_well(&host, &output);
    });
    // Each one that the server says it answered has reached its client.
    let lines = host.log().matches("\"GET / HTTP/1.1\" 200 6 ").count();
    assert_eq!(answered.load(Ordering::Relaxed), lines);
}

pub(super) fn every_connection_that_was_accepted_before_the_stop_is_served(server: &'static str) {
    // Where the handler runs on the one event loop, that has begun with none of them.
    let host = Host::with(lab(), server).arg("--workers=1").start();
    let mut busy = begin(&host, "/block", "gate");
    host.wait_for_line("INFO blocking");
    let mut clients: Vec<Client> = (0..20).map(|_| host.connect()).collect();
    for client in &mut clients {
        client.send_head("GET", "/", &[]);
    }
    eventually("all are accepted", || not_accepted(&host) == 0);
    host.signal(Signal::TERM);
    let address = host.address();
    eventually("connections are refused", || Client::try_connect(&address).is_none());
    open(&host, "gate");
    for client in &mut clients {
        assert_eq!(client.read().text(), "hello\n");
    }
    assert_eq!(busy.read().text(), "unblocked\n");
    ended_well(&host, &host.wait());
}

pub(super) fn a_connection_that_waits_to_be_accepted_ends_with_the_server(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut busy = begin(&host, "/block", "gate");
    host.wait_for_line("INFO blocking");
    let mut other = host.connect();
    other.send_head("GET", "/", &[]);
    eventually("it waits to be accepted", || not_accepted(&host) == 1);
    host.signal(Signal::TERM);
    assert_eq!(other.try_read(), Err(NoAnswer::Ended));
    open(&host, "gate");
    assert_eq!(busy.read().text(), "unblocked\n");
    ended_well(&host, &host.wait());
}

/// How many connections wait in the queue of its first listener: the kernel lists that as what a listening socket has
/// received.
fn not_accepted(host: &Host) -> u32 {
    let Address::Tcp(address) = host.address() else { panic!("not a TCP listener") };
    let port = format!(":{:04X}", address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[1].ends_with(&port) && row[3] == "0A").expect("a listening socket");
    let (_, received) = row[4].split_once(':').expect("two queues");
    u32::from_str_radix(received, 16).expect("a number")
}
