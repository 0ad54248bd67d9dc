//! Asynchronous handlers, as the SDK makes them: `plugins/clock`.

use crate::harness::{Client, Host, NoAnswer, Spec, for_each_server, on_servers, workspace_plugin};
use std::time::{Duration, Instant};

fn clock() -> Spec {
    Spec::new().plugin("clock", &workspace_plugin("clock"))
}

#[test]
fn a_handler_waits_and_then_answers() {
    for_each_server(|server| {
        let host = Host::start(clock(), server);
        let began = Instant::now();
        assert_eq!(host.get("/wait/50").expect(200).text(), "waited 50 ms\n");
        assert!(began.elapsed() >= Duration::from_millis(50));
    });
}

#[test]
fn a_hundred_handlers_wait_side_by_side_on_one_thread() {
    on_servers(&["actix"], |server| {
        let host = Host::with(clock(), server).arg("--workers").arg("1").start();
        let began = Instant::now();
        let mut clients: Vec<Client> = (0..100).map(|_| host.connect()).collect();
        clients.iter_mut().for_each(|client| {
            client.send_head("GET", "/wait/300", &[]);
        });
        clients.iter_mut().for_each(|client| assert_eq!(client.read().expect(200).text(), "waited 300 ms\n"));
        // One after the other, they would take 30 s.
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    });
}

#[test]
fn a_handler_past_its_deadline_is_a_504() {
    for_each_server(|server| {
        let host = Host::start(clock().timeouts("handler = \"100ms\""), server);
        let mut client = host.connect();
        client.get("/wait/600000").expect(504);
        // The next one is served as if nothing had been.
        assert_eq!(host.get("/wait/1").expect(200).text(), "waited 1 ms\n");
    });
}

#[test]
fn a_handler_whose_client_is_gone_is_dropped_and_holds_up_nobody() {
    for_each_server(|server| {
        let host = Host::start(clock(), server);
        let mut client = host.connect();
        client.send_head("GET", "/wait/600000", &[]);
        assert!(client.is_quiet_for(Duration::from_millis(50)));
        drop(client);
        // On `single` the next client is served only when the handler was dropped.
        assert_eq!(host.get("/wait/1").expect(200).text(), "waited 1 ms\n");
        assert_eq!(host.stop().code, Some(0), "nothing keeps the host");
    });
}

#[test]
fn a_stream_is_sent_tick_by_tick() {
    for_each_server(|server| {
        let host = Host::start(clock(), server);
        assert_eq!(host.get("/ticks/3?ms=1").expect(200).text(), "tick 1\ntick 2\ntick 3\n");
        // The first tick is there long before the second is due.
        let mut client = host.connect();
        client.send_head("GET", "/ticks/2?ms=600000", &[]);
        client.wait_for_bytes("tick 1\n");
    });
}

#[test]
fn a_stream_of_many_pieces_is_complete_for_a_client_that_takes_little_at_a_time() {
    for_each_server(|server| {
        let host = Host::start(clock(), server);
        let mut client = Client::connect_narrow(&host.address());
        client.send_head("GET", "/ticks/3000", &[]);
        client.wait_for_bytes("tick 1\n");
        let answer = client.read().expect(200);
        assert!(answer.text().ends_with("tick 2999\ntick 3000\n"));
    });
}

#[test]
fn a_large_body_is_counted_as_it_comes() {
    for_each_server(|server| {
        let host = Host::start(clock().limits("body_bytes = \"64MiB\"\nbody_memory = \"64KiB\""), server);
        let body = vec![b'x'; 8 << 20];
        assert_eq!(
            host.request("POST", "/count", &[], &body).expect(200).text(),
            format!("{}\n", body.len())
        );
        let chunked = [("transfer-encoding", "chunked")];
        let answer = host.request("POST", "/count", &chunked, "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
        assert_eq!(answer.expect(200).text(), "7\n");
    });
}

#[test]
fn a_stop_from_a_handler_still_sends_its_answer_and_ends_the_host() {
    for_each_server(|server| {
        let host = Host::start(clock(), server);
        let mut client = host.connect();
        let answer = client.request("POST", "/stop", &[], "").expect(200);
        assert!(answer.text().starts_with("stop: "), "{}", answer.text());
        assert_eq!(host.wait().code, Some(0));
        assert_eq!(client.try_read(), Err(NoAnswer::Ended));
    });
}
