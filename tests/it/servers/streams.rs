//! Bodies that pass piece by piece, in either direction.

use super::{LATE, begin, dropped, lab, length_and_sum, open};
use crate::harness::{Client, Host, NoAnswer, eventually};
use std::time::Duration;

pub(super) fn a_streamed_body_reaches_its_handler_as_it_was_sent(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    for count in [0, 1, 1000, 1_000_000] {
        let body = vec![b'y'; count];
        let answer = client.request("POST", "/read", &[], &body);
        assert_eq!(answer.expect(200).text(), length_and_sum(&body));
    }
    let chunked = [("transfer-encoding", "chunked")];
    let answer = client.request("POST", "/read", &chunked, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    assert_eq!(answer.expect(200).text(), length_and_sum(b"hello world"));
    client.send_head("POST", "/read", &[("expect", "100-continue"), ("content-length", "5")]);
    client.wait_for_bytes("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.send("hello").read().expect(200).text(), length_and_sum(b"hello"));
}

pub(super) fn a_streamed_body_arrives_while_it_is_sent(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    client.send_head("POST", "/read", &[("content-length", "12")]);
    for (part, so_far) in [("one ", 4), ("two ", 8)] {
        client.send(part);
        host.wait_for_line(&format!("INFO read {so_far} bytes"));
    }
    assert_eq!(client.send("fin.").read().text(), length_and_sum(b"one two fin."));
}

pub(super) fn a_client_sends_no_faster_than_the_handler_reads(server: &'static str) {
    const BYTES: usize = 32 << 20;
    let host = Host::start(lab().limits("body_bytes = '64MiB'"), server);
    let gate = host.folder().join("gate").display().to_string();
    let body = vec![b'z'; BYTES];
    let mut client = host.connect();
    client.send_head("POST", "/read", &[("content-length", &BYTES.to_string()), ("x-gate", &gate)]);
    let sent = client.send_until_stuck(&body, Duration::from_millis(400));
    // What lies in the buffers of two sockets, and little more.
    assert!(sent < BYTES * 3 / 4, "{sent} bytes were taken, and the handler had read one chunk");
    open(&host, "gate");
    client.send(&body[sent..]);
    assert_eq!(client.read().expect(200).text(), length_and_sum(&body));
}

pub(super) fn a_streamed_body_past_the_limit_is_refused(server: &'static str) {
    let host = Host::start(lab().limits("body_bytes = '1KiB'"), server);
    for framing in ["content-length: 2000\r\n\r\n", "transfer-encoding: chunked\r\n\r\n7d0\r\n"] {
        let mut client = host.connect();
        let _ = client
            .try_send(format!("POST /read HTTP/1.1\r\nhost: a\r\n{framing}{}", "x".repeat(2000)).as_bytes());
        assert_eq!(client.read().status, 413, "{framing}");
        client.wait_for_end();
    }
}

pub(super) fn a_handler_is_dropped_when_the_client_goes_away_within_its_body(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    client.send_head("POST", "/read", &[("content-length", "100")]).send("some");
    host.wait_for_line("INFO read 4 bytes");
    drop(client);
    eventually("the handler is dropped", || dropped(&host) == 1);
}

pub(super) fn a_streamed_body_that_never_ends_is_cut_off_with_its_handler(server: &'static str) {
    let host = Host::start(lab().timeouts("handler = '500ms'"), server);
    let mut client = host.connect().patience(LATE);
    client.send_head("POST", "/read", &[("content-length", "100")]).send("some");
    let answer = client.try_read();
    assert!(matches!(&answer, Ok(answer) if matches!(answer.status, 408 | 504)), "{answer:?}");
    drop(client);
    assert_eq!(dropped(&host), 1);
}

pub(super) fn a_streamed_answer_arrives_piece_by_piece(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = begin(&host, "/write/3", "gate");
    client.wait_for_bytes("begin\n");
    for number in 0..3 {
        let chunk = format!("chunk {number}\n");
        assert!(!String::from_utf8_lossy(client.received()).contains(&chunk));
        open(&host, &format!("gate.{number}"));
        client.wait_for_bytes(&chunk);
    }
    let answer = client.read().expect(200);
    assert_eq!(answer.text(), "begin\nchunk 0\nchunk 1\nchunk 2\n");
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert_eq!(client.get("/").text(), "hello\n");
}

pub(super) fn a_streamed_answer_of_many_pieces_is_complete(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    for _ in 0..2 {
        let text: String = (0..5000).map(|number| format!("chunk {number}\n")).collect();
        assert_eq!(client.get("/write/5000").expect(200).text(), format!("begin\n{text}"));
    }
}

pub(super) fn a_streamed_answer_ends_with_the_connection_for_http_1_0_and_is_left_out_for_head(
    server: &'static str,
) {
    let host = Host::start(lab(), server);
    let mut old = host.connect();
    let answer = old.send("GET /write/2 HTTP/1.0\r\n\r\n").read().expect(200);
    assert_eq!(answer.text(), "begin\nchunk 0\nchunk 1\n");
    assert_eq!(answer.header("transfer-encoding"), None);
    let mut client = host.connect();
    assert_eq!(client.request("HEAD", "/write/2", &[], "").body, b"");
    assert_eq!(client.get("/").text(), "hello\n");
}

pub(super) fn a_streamed_answer_that_fails_is_cut_short_so_that_its_client_notices(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = host.connect();
    client.send_head("GET", "/write-broken", &[]);
    assert_eq!(client.try_read(), Err(NoAnswer::Ended));
    host.wait_for_line("the handler's stream failed");
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_stream_is_dropped_when_its_client_goes_away(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut client = begin(&host, "/write/2", "gate");
    client.wait_for_bytes("begin\n");
    drop(client);
    eventually("the stream is dropped", || dropped(&host) == 1);
}

pub(super) fn a_stream_is_dropped_when_its_client_does_not_read(server: &'static str) {
    let host = Host::start(lab().timeouts("write = '500ms'"), server);
    let mut narrow = Client::connect_narrow(&host.address());
    narrow.send_head("GET", "/flood", &[]);
    narrow.wait_for_bytes("200 OK");
    eventually("the stream is dropped", || dropped(&host) == 1);
}
