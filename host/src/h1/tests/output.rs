//! What goes out for each kind of request and response.

use super::reader::read_responses;
use crate::h1::{BodyLength, BodyPart, Connection, Head, HeadPoll, Limits, Next, Refusal, ResponseError};

type Headers = &'static [(&'static str, &'static str)];

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";
const OLD_HEAD: &str = "HEAD / HTTP/1.0\r\n\r\n";
const OLD_KEEP: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

/// A connection that has read the head in `request`.
fn connection_with(request: &str) -> Connection {
    let mut connection = Connection::new(Limits::default());
    feed(&mut connection, request.as_bytes());
    assert_eq!(connection.poll_head(&mut Head::default()), Ok(HeadPoll::Ready));
    connection
}

fn feed(connection: &mut Connection, bytes: &[u8]) {
    connection.read_buf()[..bytes.len()].copy_from_slice(bytes);
    connection.filled(bytes.len());
}

fn start(
    connection: &mut Connection,
    out: &mut Vec<u8>,
    status: u16,
    headers: &[(&str, &str)],
    body: BodyLength,
) -> Result<(), ResponseError> {
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    connection.start_response(out, status, headers, body, b"")
}

/// Answers `request` with the body `hello`, unless there is none.
fn answer(request: &str, status: u16, headers: Headers, body: BodyLength) -> (String, Next) {
    let (mut connection, mut out) = (connection_with(request), Vec::new());
    start(&mut connection, &mut out, status, headers, body).expect("a good response");
    if body != BodyLength::None {
        connection.write_chunk(&mut out, b"hello").expect("five bytes");
    }
    connection.finish(&mut out).expect("the end");
    (String::from_utf8(out).expect("text"), connection.response_done())
}

#[test]
fn each_kind_of_response_is_framed_as_its_request_can_read_it() {
    use BodyLength::{Known, None, Unknown};
    let table: &[(&str, u16, Headers, BodyLength, &str, Next)] = &[
        (GET, 200, &[], Known(5), "200 OK\r\ncontent-length: 5\r\n\r\nhello", Next::Request),
        (
            GET,
            200,
            &[],
            Unknown,
            "200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            Next::Request,
        ),
        (GET, 200, &[], None, "200 OK\r\ncontent-length: 0\r\n\r\n", Next::Request),
        (GET, 299, &[], None, "299 \r\ncontent-length: 0\r\n\r\n", Next::Request),
        (GET, 204, &[], Known(5), "204 No Content\r\n\r\n", Next::Request),
        (GET, 204, &[("content-length", "5")], Unknown, "204 No Content\r\n\r\n", Next::Request),
        (GET, 205, &[], Known(5), "205 Reset Content\r\ncontent-length: 0\r\n\r\n", Next::Request),
        (GET, 304, &[("etag", "x")], Known(5), "304 Not Modified\r\netag: x\r\n\r\n", Next::Request),
        (HEAD, 200, &[], Known(5), "200 OK\r\ncontent-length: 5\r\n\r\n", Next::Request),
        (HEAD, 200, &[], Unknown, "200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Next::Request),
        (HEAD, 200, &[], None, "200 OK\r\n\r\n", Next::Request),
        (HEAD, 200, &[("Content-Length", "9")], None, "200 OK\r\ncontent-length: 9\r\n\r\n", Next::Request),
        (
            HEAD,
            200,
            &[("Content-Length", "9")],
            Known(5),
            "200 OK\r\ncontent-length: 9\r\n\r\n",
            Next::Request,
        ),
        (
            HEAD,
            200,
            &[("Content-Length", "9x")],
            Known(5),
            "200 OK\r\ncontent-length: 5\r\n\r\n",
            Next::Request,
        ),
        (
            CLOSE,
            200,
            &[],
            Known(5),
            "200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
            Next::Close,
        ),
        (
            OLD,
            200,
            &[],
            Known(5),
            "200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
            Next::Close,
        ),
        (OLD, 200, &[], Unknown, "200 OK\r\nconnection: close\r\n\r\nhello", Next::Close),
        (OLD_HEAD, 200, &[], Unknown, "200 OK\r\nconnection: close\r\n\r\n", Next::Close),
        (
            OLD_KEEP,
            200,
            &[],
            Known(5),
            "200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\nhello",
            Next::Request,
        ),
        (OLD_KEEP, 200, &[], Unknown, "200 OK\r\nconnection: close\r\n\r\nhello", Next::Close),
    ];
    for &(request, status, headers, body, expected, next) in table {
        let expected = (format!("HTTP/1.1 {expected}"), next);
        assert_eq!(answer(request, status, headers, body), expected, "{status} {body:?} to {request}");
    }
}

#[test]
fn headers_that_frame_the_message_are_not_the_applications() {
    let headers: Headers = &[
        ("Content-Length", "99"),
        ("Transfer-Encoding", "gzip"),
        ("Connection", "upgrade"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "x"),
        ("Upgrade", "h2c"),
        ("Trailer", "x"),
        ("Date", "yesterday"),
        ("X-Mine", "kept"),
    ];
    let (out, next) = answer(GET, 200, headers, BodyLength::Known(5));
    assert_eq!(out, "HTTP/1.1 200 OK\r\nX-Mine: kept\r\ncontent-length: 5\r\n\r\nhello");
    assert_eq!(next, Next::Request);
}

#[test]
fn an_application_may_close_the_connection() {
    let (out, next) = answer(GET, 200, &[("Connection", "x, Close")], BodyLength::Known(5));
    assert_eq!(out, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
    assert_eq!(next, Next::Close);
}

#[test]
fn a_date_is_written_when_given() {
    let (mut connection, mut out) = (connection_with(GET), Vec::new());
    connection.start_response(&mut out, 200, [], BodyLength::None, b"now").expect("a good response");
    assert_eq!(out, b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn a_header_that_could_split_the_response_changes_nothing() {
    let names = ["", "a b", "a:", "a\r\nb", "a\0", "\u{e9}", "a(", "a\t"];
    let values = ["a\r\nb: c", "a\nb", "a\rb", "a\0", "\u{1}", "a\u{7f}"];
    let bad_names = names.iter().map(|&name| (name, "v", true));
    let bad_values = values.iter().map(|&value| ("x", value, false));
    for (name, value, is_name) in bad_names.chain(bad_values) {
        let (mut connection, mut out) = (connection_with(GET), b"before".to_vec());
        let error = start(&mut connection, &mut out, 200, &[("x-ok", "1"), (name, value)], BodyLength::None);
        let expected = match is_name {
            true => ResponseError::HeaderName(name.as_bytes().escape_ascii().to_string()),
            false => ResponseError::HeaderValue(name.to_owned()),
        };
        assert_eq!(error, Err(expected), "{name:?}: {value:?}");
        assert_eq!(out, b"before");
        start(&mut connection, &mut out, 500, &[], BodyLength::None)
            .expect("another response can be started");
    }
}

#[test]
fn a_framing_header_that_could_split_the_response_is_refused_too() {
    let (mut connection, mut out) = (connection_with(GET), Vec::new());
    let result = start(&mut connection, &mut out, 200, &[("connection", "close\r\nx: y")], BodyLength::None);
    assert_eq!(result, Err(ResponseError::HeaderValue("connection".to_owned())));
}

#[test]
fn values_may_have_tabs_and_bytes_above_ascii() {
    let (out, _) = answer(GET, 200, &[("x", "a\tb \u{e9}")], BodyLength::None);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nx: a\tb \u{e9}\r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn only_final_statuses_can_be_sent() {
    for status in [0, 99, 100, 101, 103, 199, 1000, u16::MAX] {
        let (mut connection, mut out) = (connection_with(GET), Vec::new());
        let result = start(&mut connection, &mut out, status, &[], BodyLength::None);
        assert_eq!((result, out.len()), (Err(ResponseError::Status(status)), 0));
    }
}

#[test]
fn no_more_than_promised_goes_out() {
    let (mut connection, mut out) = (connection_with(GET), Vec::new());
    start(&mut connection, &mut out, 200, &[], BodyLength::Known(3)).expect("a good response");
    let length = out.len();
    let too_long = Err(ResponseError::TooLong { left: 3, given: 4 });
    assert_eq!(connection.write_chunk(&mut out, b"four"), too_long);
    assert_eq!(out.len(), length);
    connection.write_chunk(&mut out, b"two").expect("three bytes");
    connection.write_chunk(&mut out, b"").expect("nothing more");
    assert_eq!(connection.write_chunk(&mut out, b"!"), Err(ResponseError::TooLong { left: 0, given: 1 }));
    connection.finish(&mut out).expect("the end");
    assert_eq!(connection.response_done(), Next::Request);
}

#[test]
fn less_than_promised_closes() {
    let (mut connection, mut out) = (connection_with(GET), Vec::new());
    start(&mut connection, &mut out, 200, &[], BodyLength::Known(3)).expect("a good response");
    connection.write_chunk(&mut out, b"a").expect("one byte");
    assert_eq!(connection.finish(&mut out), Err(ResponseError::TooShort { left: 2 }));
    assert_eq!(connection.response_done(), Next::Close);
    assert_eq!(connection.poll_head(&mut Head::default()), Ok(HeadPoll::Closed));
}

#[test]
fn an_unfinished_response_closes() {
    let (mut connection, mut out) = (connection_with(GET), Vec::new());
    start(&mut connection, &mut out, 200, &[], BodyLength::Unknown).expect("a good response");
    assert_eq!(connection.response_done(), Next::Close);
}

#[test]
fn an_empty_chunk_does_not_end_a_chunked_body() {
    let (mut connection, mut out) = (connection_with(GET), Vec::new());
    start(&mut connection, &mut out, 200, &[], BodyLength::Unknown).expect("a good response");
    for chunk in [&b"a"[..], b"", b"0123456789abcdefg"] {
        connection.write_chunk(&mut out, chunk).expect("a chunk");
    }
    connection.finish(&mut out).expect("the end");
    assert!(
        out.ends_with(b"\r\n\r\n1\r\na\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n"),
        "{}",
        out.escape_ascii()
    );
}

#[test]
fn a_chunk_can_be_framed_without_copying_it() {
    let (mut connection, mut out) = (connection_with(GET), Vec::new());
    start(&mut connection, &mut out, 200, &[], BodyLength::Unknown).expect("a good response");
    out.clear();
    assert_eq!(connection.begin_chunk(&mut out, 0), Ok(false));
    assert_eq!(connection.begin_chunk(&mut out, 300), Ok(true));
    connection.end_chunk(&mut out);
    assert_eq!(out, b"12c\r\n\r\n");
    let mut connection = connection_with(HEAD);
    start(&mut connection, &mut out, 200, &[], BodyLength::Unknown).expect("a good response");
    assert_eq!(connection.begin_chunk(&mut out, 300), Ok(false));
}

#[test]
fn a_response_out_of_turn_is_refused() {
    let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
    let early = start(&mut connection, &mut out, 200, &[], BodyLength::None);
    assert_eq!(early, Err(ResponseError::NotExpected));
    assert_eq!(connection.write_chunk(&mut out, b"x"), Err(ResponseError::NotStarted));
    assert_eq!(connection.finish(&mut out), Err(ResponseError::NotStarted));
    let mut connection = connection_with(GET);
    start(&mut connection, &mut out, 200, &[], BodyLength::None).expect("a good response");
    let twice = start(&mut connection, &mut out, 200, &[], BodyLength::None);
    assert_eq!(twice, Err(ResponseError::NotExpected));
    assert_eq!(connection.poll_head(&mut Head::default()), Ok(HeadPoll::Closed));
}

#[test]
fn a_refusal_is_answered_once_and_closes() {
    let mut connection = Connection::new(Limits::default());
    let mut out = Vec::new();
    feed(&mut connection, b"GET / HTTP/1.1\r\n\r\n");
    let refusal = connection.poll_head(&mut Head::default()).expect_err("Host is missing");
    assert_eq!(connection.poll_head(&mut Head::default()), Err(refusal));
    connection.refuse(&mut out, refusal, b"now");
    connection.refuse(&mut out, refusal, b"now");
    let expected = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ndate: now\r\n\
                    content-length: 27\r\nconnection: close\r\n\r\nthe Host header is missing\n";
    assert_eq!(String::from_utf8(out).expect("text"), expected);
    assert_eq!(connection.response_done(), Next::Close);
}

#[test]
fn a_refusal_within_a_response_only_closes() {
    let (mut connection, mut out) = (connection_with(GET), Vec::new());
    start(&mut connection, &mut out, 200, &[], BodyLength::Unknown).expect("a good response");
    let length = out.len();
    connection.refuse(&mut out, Refusal::TIMEOUT, b"");
    assert_eq!((out.len(), connection.response_done()), (length, Next::Close));
}

#[test]
fn a_refused_body_may_be_answered_by_the_application() {
    let (mut connection, mut out) =
        (connection_with("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx"), Vec::new());
    assert!(connection.poll_body().is_err());
    start(&mut connection, &mut out, 422, &[], BodyLength::None).expect("a good response");
    connection.finish(&mut out).expect("the end");
    let responses = read_responses(&out, &[false]);
    assert_eq!(responses[0].header("connection"), Some("close"));
    assert_eq!(connection.response_done(), Next::Close);
}

#[test]
fn the_answer_to_a_refused_head_request_has_no_body() {
    let mut connection = connection_with("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    let mut out = Vec::new();
    assert_eq!(connection.poll_body(), Ok(BodyPart::NeedMore));
    connection.refuse(&mut out, Refusal::TIMEOUT, b"");
    assert_eq!(read_responses(&out, &[true])[0].status, 408);
}

#[test]
fn errors_say_what_was_wrong_with_the_response() {
    let table = [
        (ResponseError::Status(101), "response: status `101` is not between 200 and 999"),
        (ResponseError::HeaderName("a b".to_owned()), "response: `a b` is no header name"),
        (ResponseError::HeaderValue("x".to_owned()), "response: header `x` has a control byte in its value"),
        (ResponseError::NotExpected, "response: no request waits for one"),
        (ResponseError::NotStarted, "response: it was not started, or is finished"),
        (
            ResponseError::TooLong { left: 3, given: 4 },
            "response: 4 more bytes of body than the 3 that content-length leaves",
        ),
        (
            ResponseError::TooShort { left: 2 },
            "response: finished 2 bytes of body short of its content-length",
        ),
    ];
    for (error, text) in table {
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(Refusal::TIMEOUT.to_string(), "refused with 408: the request did not arrive in time");
}
