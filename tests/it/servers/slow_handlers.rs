//! Handlers that take too long, and clients that do not wait for them.

use super::{LATE, begin, dropped, lab, open};
use crate::harness::{Client, Host, NoAnswer, eventually};
use std::time::Duration;

pub(super) fn an_async_handler_answers_when_it_is_ready(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = begin(&host, "/pending", "gate");
    host.wait_for_line("INFO pending");
    open(&host, "gate");
    assert_eq!(client.read().text(), "at last\n");
    assert_eq!(client.get("/").text(), "hello\n");
    drop(client);
    assert_eq!(dropped(&host), 0);
}

pub(super) fn pending_handlers_of_many_clients_wait_side_by_side(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut clients: Vec<_> = (0..100).map(|_| begin(&host, "/pending", "gate")).collect();
    eventually("all of them are pending", || host.log().matches("INFO pending").count() == 100);
    open(&host, "gate");
    for client in &mut clients {
        assert_eq!(client.read().text(), "at last\n");
    }
}

pub(super) fn a_pending_handler_makes_the_others_wait(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut clients: Vec<_> = (0..3).map(|_| begin(&host, "/pending", "gate")).collect();
    host.wait_for_line("INFO pending");
    assert!(clients[1].is_quiet_for(Duration::from_millis(100)));
    assert_eq!(host.log().matches("INFO pending").count(), 1);
    open(&host, "gate");
    for client in &mut clients {
        assert_eq!(client.read().text(), "at last\n");
    }
}

pub(super) fn an_async_handler_past_its_deadline_is_dropped_and_answered_with_504(server: &'static str) {
    let host = Host::start(lab().timeouts("handler = '1s'"), server);
    let mut client = begin(&host, "/pending", "gate");
    let answer = client.read().expect(504);
    let id = host.wait_for_line("the handler did not answer in time");
    let id = id.split("request=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a request id");
    assert!(answer.text().contains(id), "`{id}` is not in {}", answer.text());
    drop(client);
    assert_eq!(dropped(&host), 1);
}

pub(super) fn a_handler_is_dropped_when_its_client_goes_away(server: &'static str) {
    let host = Host::start(lab(), server);
    let client = begin(&host, "/pending", "gate");
    host.wait_for_line("INFO pending");
    drop(client);
    eventually("the handler is dropped", || dropped(&host) == 1);
}

pub(super) fn a_sync_handler_past_its_deadline_is_reported_and_its_client_answered_with_504(
    server: &'static str,
) {
    let host = Host::start(lab().timeouts("handler = '1s'"), server);
    let mut client = begin(&host, "/block", "gate");
    let answer = client.read().expect(504);
    assert_eq!(answer.header("connection"), Some("close"));
    let id = answer.header("x-request-id").expect("an id");
    let line = is_cut_off_and_reported(&host, client);
    assert!(line.contains(&format!("request=\"{id}\"")), "{id}: {line}");
}

pub(super) fn a_sync_handler_past_its_deadline_is_reported_and_its_client_cut_off(server: &'static str) {
    let host = Host::start(lab().timeouts("handler = '1s'"), server);
    let mut client = begin(&host, "/block", "gate");
    assert_eq!(client.try_read(), Err(NoAnswer::Ended));
    is_cut_off_and_reported(&host, client);
    let line = host.wait_for_line("\"GET /block ");
    assert!(line.contains("\" 504 - "), "{line}");
}

#[track_caller]
fn is_cut_off_and_reported(host: &Host, mut client: Client) -> String {
    client.wait_for_end();
    let line = host.wait_for_line("has not returned for");
    assert!(line.contains("handler of GET /block (plugin lab 1.0.0)"), "{line}");
    open(host, "gate");
    assert_eq!(host.get("/").text(), "hello\n");
    line
}

pub(super) fn others_are_served_while_sync_handlers_are_stuck(server: &'static str) {
    others_are_served_while_stuck_at("/block", server);
}

pub(super) fn others_are_served_while_handlers_are_stuck_that_said_that_they_block(server: &'static str) {
    others_are_served_while_stuck_at("/block-elsewhere", server);
    others_wait_while_a_sync_handler_is_stuck(server);
}

fn others_are_served_while_stuck_at(path: &str, server: &str) {
    let host = Host::start(lab().timeouts("handler = '1s'"), server);
    let mut stuck: Vec<_> = (0..8).map(|_| begin(&host, path, "gate")).collect();
    eventually("all of them are stuck", || host.log().matches("INFO blocking").count() == 8);
    for _ in 0..8 {
        assert_eq!(host.connect().patience(LATE).get("/").text(), "hello\n");
    }
    for client in &mut stuck {
        assert_eq!(client.read().status, 504);
    }
    open(&host, "gate");
    assert_eq!(host.stop().code, Some(0));
}

pub(super) fn others_wait_while_a_sync_handler_is_stuck(server: &'static str) {
    // Alone, so that no other worker takes over.
    let host = Host::with(lab().timeouts("handler = '500ms'"), server);
    let host = host.arg("--workers=1").arg("--no-supervisor").start();
    let _stuck = begin(&host, "/block", "gate");
    host.wait_for_line("has not returned for");
    let mut other = host.connect();
    assert!(other.send_head("GET", "/", &[]).is_quiet_for(Duration::from_millis(200)), "it was served");
    open(&host, "gate");
    assert!(other.try_read().is_ok_and(|answer| answer.text() == "hello\n"));
}

pub(super) fn a_handler_that_says_that_it_blocks_answers_as_others_do(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = begin(&host, "/block-elsewhere", "gate");
    host.wait_for_line("INFO blocking");
    open(&host, "gate");
    assert_eq!(client.read().expect(200).text(), "unblocked\n");
    assert_eq!(client.get("/").text(), "hello\n");
}
