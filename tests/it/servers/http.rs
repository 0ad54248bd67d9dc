//! HTTP/1 as clients use it.

use super::{lab, length_and_sum};
use crate::harness::{Client, Host, Response};
use std::time::Duration;

fn letters(count: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(count).collect()
}

pub(super) fn an_answer_is_complete_and_says_so(server: &'static str) {
    let host = Host::start(lab(), server);
    let answer = host.get("/").expect(200);
    assert_eq!((answer.reason.as_str(), answer.text()), ("OK", "hello\n"));
    assert_eq!(answer.header("content-length"), Some("6"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("connection"), None);
    let date = answer.header("date").expect("a date");
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
}

pub(super) fn a_connection_is_kept_for_request_after_request(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    for round in 0..50 {
        assert_eq!(client.get("/").text(), "hello\n", "round {round}");
        assert_eq!(client.request("POST", "/echo", &[], "body").text(), "body", "round {round}");
    }
}

pub(super) fn close_is_done_when_the_client_asks_for_it(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    let answer = client.request("GET", "/", &[("connection", "close")], "");
    assert_eq!((answer.text(), answer.header("connection")), ("hello\n", Some("close")));
    assert_eq!(client.wait_for_end().1, b"");
}

pub(super) fn pipelined_requests_are_answered_in_their_order(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    let mut requests = String::new();
    for number in 0..40 {
        let body = format!("number {number}");
        let length = body.len();
        requests
            .push_str(&format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}"));
        requests.push_str(&format!("GET /large/{number} HTTP/1.1\r\nhost: a\r\n\r\n"));
    }
    client.send(&requests);
    for number in 0..40 {
        assert_eq!(client.read().expect(200).text(), format!("number {number}"));
        assert_eq!(client.read().expect(200).body, letters(number));
    }
}

pub(super) fn a_head_that_comes_byte_by_byte_is_a_head(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    for byte in b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi" {
        client.send([*byte]);
    }
    assert_eq!(client.read().text(), "hi");
}

pub(super) fn head_is_answered_as_get_without_its_body(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    let answer = client.request("HEAD", "/large/100000", &[], "");
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("100000")));
    let missing = client.request("HEAD", "/missing", &[], "");
    assert_eq!(missing.status, 404);
    // Nothing of either body is in the way of the next answer.
    assert_eq!(client.get("/").text(), "hello\n");
}

pub(super) fn a_chunked_body_reaches_its_handler_decoded(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    let chunked = [("transfer-encoding", "chunked")];
    let body = "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nx-trailer: skipped\r\n\r\n";
    assert_eq!(client.request("POST", "/echo", &chunked, body).text(), "hello world");
    assert_eq!(client.get("/").text(), "hello\n");
}

pub(super) fn a_client_that_expects_100_gets_it_before_it_sends_the_body(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    for _ in 0..2 {
        client.send_head("POST", "/echo", &[("expect", "100-continue"), ("content-length", "5")]);
        client.wait_for_bytes("HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello");
        let answer = client.read();
        assert_eq!((answer.text(), answer.interim.as_slice()), ("hello", &[100][..]));
    }
}

pub(super) fn a_client_that_expects_100_is_refused_before_it_sends_a_body_that_is_too_large(
    server: &'static str,
) {
    expects_100_and_is_refused(server, &[]);
}

/// actix-http says 100 before it shows the request to anybody, and has no way to say otherwise.
pub(super) fn a_client_that_expects_100_is_told_to_go_on_and_then_refused(server: &'static str) {
    expects_100_and_is_refused(server, &[100]);
}

fn expects_100_and_is_refused(server: &str, interim: &[u16]) {
    let host = Host::start(lab().limits("body_bytes = '1KiB'"), server);
    let mut client = host.connect();
    client.send_head("POST", "/echo", &[("expect", "100-continue"), ("content-length", "2000")]);
    let answer = client.read().expect(413);
    assert_eq!((answer.interim.as_slice(), answer.header("connection")), (interim, Some("close")));
    client.wait_for_end();
}

pub(super) fn a_body_of_the_limit_goes_both_ways_unchanged(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    let body = letters(10 << 20);
    // It does not fit in `body_memory`: on its way it lies in a file.
    assert_eq!(client.request("POST", "/length", &[], &body).text(), length_and_sum(&body));
    let answer = client.request("POST", "/echo", &[], &body);
    assert!(
        answer.status == 200 && answer.body == body,
        "{} with {} bytes",
        answer.status,
        answer.body.len()
    );
    let answer = client.get(&format!("/large/{}", 10 << 20));
    assert!(
        answer.status == 200 && answer.body == body,
        "{} with {} bytes",
        answer.status,
        answer.body.len()
    );
    assert_eq!(client.get("/").text(), "hello\n");
}

pub(super) fn a_body_around_the_memory_limit_is_the_same_in_memory_and_in_a_file(server: &'static str) {
    let host = Host::start(lab().limits("body_memory = '4KiB'"), server);
    let mut client = host.connect();
    for count in [0, 1, 4095, 4096, 4097, 70_000] {
        let body = letters(count);
        assert_eq!(client.request("POST", "/length", &[], &body).text(), length_and_sum(&body));
    }
}

pub(super) fn a_body_that_nobody_reads_is_skipped_and_the_connection_goes_on(server: &'static str) {
    for_each_unread(server, |client, answer, rest| {
        assert_eq!(answer.header("connection"), None);
        client.send(rest);
        assert_eq!(client.get("/").text(), "hello\n");
    });
}

pub(super) fn a_body_that_nobody_reads_ends_the_connection_which_says_so(server: &'static str) {
    for_each_unread(server, |client, answer, _| {
        assert_eq!(answer.header("connection"), Some("close"));
        client.wait_for_end();
    });
}

/// Half of a body is sent, the answer comes, and then what has to follow.
fn for_each_unread(server: &str, then: impl Fn(&mut Client, Response, &[u8])) {
    let host = Host::start(lab(), server);
    let body = letters(10_000);
    for (path, status) in [("/unread", 200), ("/missing", 404)] {
        let mut client = host.connect();
        client.send_head("POST", path, &[("content-length", "10000")]).send(&body[..5000]);
        let answer = client.read().expect(status);
        then(&mut client, answer, &body[5000..]);
    }
}

/// A refusal says that it ends the connection, and does.
#[track_caller]
fn refused(host: &Host, request: impl AsRef<[u8]>) -> (u16, String) {
    let mut client = host.connect();
    // A server may have refused before all of it was sent.
    let _ = client.try_send(request.as_ref());
    let answer = client.read();
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    client.wait_for_end();
    (answer.status, answer.text().to_owned())
}

pub(super) fn a_request_past_a_limit_is_refused_with_its_status_and_a_sentence_and_others_go_on(
    server: &'static str,
) {
    let limits = "body_bytes = '1KiB'\nuri_bytes = '100B'\nhead_bytes = '1KiB'\nheaders = 10";
    let host = Host::start(lab().limits(limits), server);
    let long = "x".repeat(1100);
    let chunk = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    for (request, status) in [
        (format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1025\r\n\r\n{}", &long[..1025]), 413),
        (format!("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{chunk}"), 413),
        (format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", &long[..100]), 414),
        (format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x-many: y\r\n".repeat(10)), 431),
    ] {
        let (got, text) = refused(&host, &request);
        assert!(got == status && text.len() > 5, "{got} `{text}` for {request}");
    }
    let exact = format!("POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 1024\r\n\r\n{}", &long[..1024]);
    assert_eq!(
        host.connect().send(exact).read().expect(200).text(),
        length_and_sum(&long.as_bytes()[..1024])
    );
    let exact = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", &long[..99]);
    assert_eq!(host.connect().send(exact).read().status, 404);
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_malformed_request_is_400_with_a_sentence_and_others_go_on(server: &'static str) {
    malformed(server, |text| text.len() > 5);
}

/// actix-http answers these by itself.
pub(super) fn a_malformed_request_is_400_without_a_word_and_others_go_on(server: &'static str) {
    malformed(server, str::is_empty);
}

fn malformed(server: &str, is_expected: fn(&str) -> bool) {
    let host = Host::start(lab(), server);
    for request in ["GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET /\r\n\r\n", "\u{16}\u{3}\u{1}\0\u{5}\r\n\r\n"]
    {
        let (status, text) = refused(&host, request);
        assert!(status == 400 && is_expected(&text), "{status} `{text}` for {request:?}");
    }
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_path_without_a_route_is_404_and_a_method_without_one_405_with_those_that_have_one(
    server: &'static str,
) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    assert_eq!(client.get("/missing").status, 404);
    let answer = client.request("DELETE", "/unread", &[], "").expect(405);
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = client.request("PUT", "/", &[], "").expect(405);
    assert_eq!(answer.header("allow"), Some("GET"));
    // These are answers like others: the connection is kept.
    assert_eq!(client.get("/").text(), "hello\n");
}

pub(super) fn a_client_that_half_closes_after_its_request_still_gets_the_answer(server: &'static str) {
    let host = Host::start(lab(), server);
    for path in ["/", "/large/3000000"] {
        let mut client = host.connect();
        client.send_head("GET", path, &[]).half_close();
        assert_eq!(client.read().status, 200, "{path}");
        assert_eq!(client.wait_for_end().1, b"");
    }
    let mut client = host.connect();
    client.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello").half_close();
    assert_eq!(client.read().text(), "hello");
}

pub(super) fn two_clients_are_served_by_turns(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut first = host.connect();
    assert_eq!(first.get("/").text(), "hello\n");
    // The first keeps its connection, and nobody waits for it.
    let mut second = host.connect().patience(Duration::from_secs(3));
    assert_eq!(second.get("/").text(), "hello\n");
}
