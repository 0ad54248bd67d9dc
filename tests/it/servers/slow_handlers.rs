//! Handlers that take too long, and clients that do not wait for them.

use super::{LATE, begin, dropped, lab, open};
use crate::harness::{Host, eventually, for_each_server, on_servers};

#[test]
fn an_async_handler_answers_when_it_is_ready() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        let mut client = begin(&host, "/pending", "gate");
        host.wait_for_line("INFO pending");
        open(&host, "gate");
        assert_eq!(client.read().text(), "at last\n");
        assert_eq!(client.get("/").text(), "hello\n");
        drop(client);
        assert_eq!(dropped(&host), 0);
    });
}

#[test]
fn pending_handlers_of_many_clients_wait_side_by_side() {
    on_servers(&["threaded", "actix"], |server| {
        let host = Host::start(lab(), server);
        let mut clients: Vec<_> = (0..100).map(|_| begin(&host, "/pending", "gate")).collect();
        eventually("all of them are pending", || host.log().matches("INFO pending").count() == 100);
        open(&host, "gate");
        for client in &mut clients {
            assert_eq!(client.read().text(), "at last\n");
        }
    });
}

#[test]
fn an_async_handler_past_its_deadline_is_dropped_and_answered_with_504() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("handler = '400ms'"), server);
        let mut client = begin(&host, "/pending", "gate");
        let answer = client.read().expect(504);
        let id = host.wait_for_line("the handler did not answer in time");
        let id = id.split("request=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a request id");
        assert!(answer.text().contains(id), "`{id}` is not in {}", answer.text());
        drop(client);
        assert_eq!(dropped(&host), 1);
    });
}

#[test]
fn a_handler_is_dropped_when_its_client_goes_away() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        let client = begin(&host, "/pending", "gate");
        host.wait_for_line("INFO pending");
        drop(client);
        eventually("the handler is dropped", || dropped(&host) == 1);
    });
}

#[test]
fn a_sync_handler_past_its_deadline_is_reported_and_its_client_cut_off() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("handler = '400ms'"), server);
        let mut client = begin(&host, "/block", "gate");
        let answer = client.try_read();
        client.wait_for_end();
        let line = host.wait_for_line("has not returned for");
        match answer {
            Ok(answer) => {
                assert_eq!((answer.status, answer.header("connection")), (504, Some("close")));
                let id = answer.header("x-request-id").expect("an id");
                assert!(line.contains(&format!("request=\"{id}\"")), "{id}: {line}");
            }
            // On `actix` the worker is stuck in the handler: nobody is left who could write.
            Err(why) => assert!(server == "actix", "{why:?}"),
        }
        assert!(line.contains("handler of GET /block (plugin lab 1.0.0)"), "{line}");
        open(&host, "gate");
        assert_eq!(host.get("/").text(), "hello\n");
    });
}

#[test]
fn others_are_served_while_a_sync_handler_is_stuck() {
    // On `actix` it must have said that it blocks.
    for (server, path) in [("threaded", "/block"), ("actix", "/block-elsewhere")] {
        let host = Host::start(lab().timeouts("handler = '400ms'"), server);
        let mut stuck: Vec<_> = (0..8).map(|_| begin(&host, path, "gate")).collect();
        eventually("all of them are stuck", || host.log().matches("INFO blocking").count() == 8);
        for _ in 0..8 {
            assert_eq!(host.connect().patience(LATE).get("/").text(), "hello\n", "on {server}");
        }
        for client in &mut stuck {
            assert_eq!(client.read().status, 504, "on {server}");
        }
        open(&host, "gate");
        assert_eq!(host.stop().code, Some(0), "on {server}");
    }
}

#[test]
fn a_handler_that_says_that_it_blocks_answers_as_others_do() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        let mut client = begin(&host, "/block-elsewhere", "gate");
        host.wait_for_line("INFO blocking");
        open(&host, "gate");
        assert_eq!(client.read().expect(200).text(), "unblocked\n");
        assert_eq!(client.get("/").text(), "hello\n");
    });
}
