//! What happens between requests: the next one, unread bodies, `100 Continue`, idling, closing.

use super::driver::{Event, OK, Plan, serve};
use crate::h1::{
    BUFFER_BYTES_MAX, BodyLength, BodyPart, Connection, DRAIN_BYTES_MAX, Head, HeadPoll, Limits, Next,
};

struct Client {
    connection: Connection,
    head: Head,
    out: Vec<u8>,
}

impl Client {
    fn new() -> Self {
        let limits = Limits { body_bytes_max: 10 * DRAIN_BYTES_MAX, ..Limits::default() };
        Self { connection: Connection::new(limits), head: Head::default(), out: Vec::new() }
    }

    fn send(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.connection.read_buf();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.connection.filled(count);
            bytes = &bytes[count..];
        }
    }

    fn next_path(&mut self) -> String {
        assert_eq!(self.connection.poll_head(&mut self.head), Ok(HeadPoll::Ready));
        self.head.path().to_owned()
    }

    /// Answers without a look at the body; whether the response announced that the connection closes.
    fn answer(&mut self) -> (bool, Next) {
        let (connection, out) = (&mut self.connection, &mut self.out);
        out.clear();
        connection.start_response(out, 200, [], BodyLength::None, b"").expect("a response");
        connection.finish(out).expect("the end");
        let announced = String::from_utf8_lossy(out).contains("connection: close");
        (announced, connection.response_done())
    }
}

#[test]
fn pipelined_requests_come_one_by_one_from_one_read() {
    let mut client = Client::new();
    client.send(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HT");
    for path in ["/1", "/2"] {
        assert_eq!(client.next_path(), path);
        assert_eq!(client.answer(), (false, Next::Request));
    }
    assert_eq!(client.connection.poll_head(&mut client.head), Ok(HeadPoll::NeedMore));
    assert!(!client.connection.is_idle(), "a next request has begun");
    client.send(b"TP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.next_path(), "/3");
}

#[test]
fn a_connection_is_idle_until_a_byte_comes() {
    let mut client = Client::new();
    assert!(client.connection.is_idle());
    client.send(b"\r\n");
    assert_eq!(client.connection.poll_head(&mut client.head), Ok(HeadPoll::NeedMore));
    assert!(client.connection.is_idle(), "an empty line begins nothing");
    client.send(b"G");
    assert!(!client.connection.is_idle());
    client.send(b"ET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.next_path();
    assert!(!client.connection.is_idle(), "a request is being answered");
    assert_eq!(client.answer(), (false, Next::Request));
    assert!(client.connection.is_idle());
}

#[test]
fn an_unread_body_is_drained_before_the_next_request() {
    let mut client = Client::new();
    client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
    assert_eq!(client.next_path(), "/1");
    assert_eq!(client.answer(), (false, Next::Drain));
    client.send(b"56789GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.connection.response_done(), Next::Request);
    assert_eq!(client.next_path(), "/2");
}

#[test]
fn a_body_too_large_to_drain_closes_and_says_so() {
    let mut client = Client::new();
    let head = format!("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", DRAIN_BYTES_MAX + 1);
    client.send(head.as_bytes());
    client.next_path();
    assert_eq!(client.answer(), (true, Next::Close));
}

#[test]
fn a_chunked_body_is_drained_up_to_the_limit() {
    let mut client = Client::new();
    client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.next_path();
    assert_eq!(client.answer(), (false, Next::Drain));
    let chunk = [b"1000\r\n", [b'x'; 0x1000].as_slice(), b"\r\n"].concat();
    for _ in 0..DRAIN_BYTES_MAX / 0x1000 {
        client.send(&chunk);
        assert_eq!(client.connection.response_done(), Next::Drain);
    }
    client.send(&chunk);
    assert_eq!(client.connection.response_done(), Next::Close);
}

#[test]
fn each_request_may_leave_a_body_to_drain() {
    let mut client = Client::new();
    for _ in 0..3 {
        client.send(
            format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {DRAIN_BYTES_MAX}\r\n\r\n").as_bytes(),
        );
        client.next_path();
        assert_eq!(client.answer(), (false, Next::Drain));
        for _ in 0..DRAIN_BYTES_MAX / 0x1000 {
            assert_eq!(client.connection.response_done(), Next::Drain);
            client.send(&[b'x'; 0x1000]);
        }
        assert_eq!(client.connection.response_done(), Next::Request);
    }
}

#[test]
fn a_malformed_rest_of_an_unread_body_closes() {
    let mut client = Client::new();
    client.send(b"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx");
    client.next_path();
    assert_eq!(client.answer(), (false, Next::Close));
}

const EXPECTS: &[u8] = b"POST /1 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

#[test]
fn a_client_that_waits_is_told_once_to_continue() {
    let mut client = Client::new();
    client.send(EXPECTS);
    client.next_path();
    assert!(client.connection.wants_continue());
    client.connection.write_continue(&mut client.out);
    client.connection.write_continue(&mut client.out);
    assert_eq!(client.out, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(!client.connection.wants_continue());
    client.send(b"hi");
    assert_eq!(client.connection.poll_body(), Ok(BodyPart::Data(b"hi")));
    assert_eq!(client.connection.poll_body(), Ok(BodyPart::End));
    assert_eq!(client.answer(), (false, Next::Request));
}

#[test]
fn a_client_that_does_not_wait_is_not_told_to_continue() {
    let mut client = Client::new();
    client.send(&[EXPECTS, b"h"].concat());
    client.next_path();
    assert!(!client.connection.wants_continue());
    assert_eq!(client.connection.poll_body(), Ok(BodyPart::Data(b"h")));
    assert_eq!(client.connection.poll_body(), Ok(BodyPart::NeedMore));
    assert!(!client.connection.wants_continue());
}

#[test]
fn a_final_answer_to_a_client_that_waits_closes() {
    let mut client = Client::new();
    client.send(EXPECTS);
    client.next_path();
    assert_eq!(client.answer(), (true, Next::Close), "nobody knows whether the body will come");
}

#[test]
fn a_response_may_begin_before_the_body_has_ended() {
    let mut client = Client::new();
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    client.next_path();
    let Client { connection, out, .. } = &mut client;
    connection.start_response(out, 200, [], BodyLength::Unknown, b"").expect("a response");
    assert_eq!(connection.poll_body(), Ok(BodyPart::Data(b"hi")));
    connection.write_chunk(out, b"hi").expect("a chunk");
    assert_eq!(connection.poll_body(), Ok(BodyPart::NeedMore));
    client.send(b"0\r\n\r\n");
    assert_eq!(client.connection.poll_body(), Ok(BodyPart::End));
    client.connection.finish(&mut client.out).expect("the end");
    assert_eq!(client.connection.response_done(), Next::Request);
}

#[test]
fn the_end_of_the_bytes_is_clean_between_requests_only() {
    let mut client = Client::new();
    client.connection.eof();
    assert_eq!(client.connection.poll_head(&mut client.head), Ok(HeadPoll::Closed));
    let mut client = Client::new();
    client.send(EXPECTS);
    client.connection.eof();
    client.next_path();
    assert_eq!(client.connection.poll_body().map_err(|refusal| refusal.status), Err(400));
}

#[test]
fn a_body_larger_than_the_read_buffer_comes_in_parts() {
    let body = vec![b'x'; 300_000];
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    let bytes = [head.as_bytes(), &body, b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    let run = serve([bytes.as_slice()], false, Limits::default(), OK);
    assert_eq!(run.events[1], Event::Body(body));
    assert_eq!(run.is_head.len(), 2);
}

#[test]
fn requests_in_the_thousands_are_served_from_one_buffer() {
    let text: String = (0..5000).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    let plan = Plan { length: BodyLength::Unknown, ..OK };
    let run = serve(text.as_bytes().chunks(777), false, Limits::default(), plan);
    let heads = run.events.iter().filter(|event| matches!(event, Event::Head(_)));
    for (n, head) in heads.enumerate() {
        assert!(matches!(head, Event::Head(text) if text.contains(&format!(" path=/{n} "))), "{n}: {head:?}");
    }
    assert_eq!(run.is_head.len(), 5000);
}

#[test]
fn a_server_may_read_ahead_until_the_buffer_is_full() {
    let mut client = Client::new();
    let request = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut requests = request.iter().cycle();
    let mut sent = 0;
    while let room @ [_, ..] = client.connection.read_buf() {
        room.fill_with(|| *requests.next().expect("a cycle has no end"));
        let count = room.len();
        client.connection.filled(count);
        sent += count;
    }
    assert_eq!(sent, BUFFER_BYTES_MAX);
    for _ in 0..sent / request.len() {
        assert_eq!(client.next_path(), "/1");
        assert_eq!(client.answer(), (false, Next::Request));
    }
    assert_eq!(client.connection.poll_head(&mut client.head), Ok(HeadPoll::NeedMore));
    assert!(!client.connection.read_buf().is_empty());
}

#[test]
fn an_idle_connection_gives_its_memory_back_and_goes_on() {
    let mut client = Client::new();
    for _ in 0..2 {
        client.send(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.next_path(), "/1");
        assert_eq!(client.answer(), (false, Next::Request));
        client.connection.shrink();
    }
}
