//! What an application sees of a head, and where the limits are.

use super::driver::{Event, OK, serve};
use crate::h1::{Connection, Head, HeadPoll, Limits, Refusal};

fn head_of(bytes: &str) -> Head {
    let (mut connection, mut head) = (Connection::new(Limits::default()), Head::default());
    connection.read_buf()[..bytes.len()].copy_from_slice(bytes.as_bytes());
    connection.filled(bytes.len());
    assert_eq!(connection.poll_head(&mut head), Ok(HeadPoll::Ready), "{bytes}");
    head
}

#[test]
fn targets_are_split_and_left_as_they_are() {
    let table = [
        ("GET", "/", "/", None, "h"),
        ("GET", "/a%20b?c=d?e", "/a%20b", Some("c=d?e"), "h"),
        ("GET", "/?", "/", Some(""), "h"),
        ("GET", "//x/y", "//x/y", None, "h"),
        ("GET", "/http://x/", "/http://x/", None, "h"),
        ("OPTIONS", "*", "*", None, "h"),
        ("GET", "http://b", "/", None, "b"),
        ("GET", "http://b?c", "/", Some("c"), "b"),
        ("GET", "HTTPS://b:1/p/?q", "/p/", Some("q"), "b:1"),
        ("GET", "http://[::1]:80/", "/", None, "[::1]:80"),
    ];
    for (method, target, path, query, host) in table {
        let head = head_of(&format!("{method} {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let seen = (head.method(), head.target(), head.path(), head.query(), head.host());
        assert_eq!(seen, (method, target, path, query, Some(host)));
    }
}

#[test]
fn headers_are_found_in_any_case_and_trimmed() {
    let head = head_of("GET / HTTP/1.1\r\nHost: h\r\nX-A: \t one \t\r\nx-a:two\r\nX-Empty: \r\n\r\n");
    assert_eq!(head.header("x-A"), Some(&b"one"[..]));
    assert_eq!(head.header("X-EMPTY"), Some(&b""[..]));
    assert_eq!(head.header("x"), None);
    assert_eq!(head.header_at(2), Some(("x-a", &b"two"[..])));
    assert_eq!(head.header_at(4), None);
    let names: Vec<&str> = head.headers().map(|(name, _)| name).collect();
    assert_eq!(names, ["Host", "X-A", "x-a", "X-Empty"]);
}

#[test]
fn bodies_and_versions_are_told() {
    let head = head_of("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n");
    assert_eq!((head.content_length(), head.is_chunked(), head.has_body()), (Some(7), false, true));
    assert_eq!((head.version(), head.keep_alive(), head.expects_continue()), (11, true, true));
    let head =
        head_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    assert_eq!((head.content_length(), head.is_chunked(), head.has_body()), (None, true, true));
    assert!(!head.keep_alive());
    let head = head_of("POST / HTTP/1.0\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!((head.content_length(), head.is_chunked(), head.has_body()), (Some(0), false, false));
    assert_eq!((head.version(), head.keep_alive(), head.expects_continue()), (10, false, false));
    assert_eq!(head.host(), None);
}

#[test]
fn nothing_of_a_request_is_left_in_the_head_of_a_refused_one() {
    let mut head = head_of("GET /long/path HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\r\n");
    let mut connection = Connection::new(Limits::default());
    connection.read_buf()[..9].copy_from_slice(b"GET /\r\n\r\n");
    connection.filled(9);
    assert!(connection.poll_head(&mut head).is_err());
    assert_eq!((head.method(), head.path(), head.headers().len(), head.host()), ("", "/", 0, None));
}

/// What became of the last request in `bytes`: the status it is refused with, if it is.
fn refusal_of(bytes: &str, limits: Limits) -> Option<u16> {
    let run = serve([bytes.as_bytes()], false, limits, OK);
    run.events.iter().find_map(|event| match event {
        Event::Refused(Refusal { status, .. }) => Some(*status),
        _ => None,
    })
}

#[test]
fn each_limit_holds_to_the_byte() {
    let limits = Limits { head_bytes_max: 60, headers_max: 3, uri_bytes_max: 10, body_bytes_max: 4 };
    let get = |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n{more}\r\n");
    let chunked = |body: &str| get("/", &format!("Transfer-Encoding: chunked\r\n\r\n{body}"));
    let table = [
        (get("/", &format!("X: {}\r\n", "x".repeat(28))), None),
        (get("/", &format!("X: {}\r\n", "x".repeat(29))), Some(431)),
        (get("/", "A:b\r\nA:b\r\n"), None),
        (get("/", "A:b\r\nA:b\r\nA:b\r\n"), Some(431)),
        (get("/23456789x", ""), None),
        (get("/23456789xy", ""), Some(414)),
        (get("/", "Content-Length: 4\r\n\r\n12"), None),
        (get("/", "Content-Length: 5\r\n"), Some(413)),
        (chunked("3\r\nabc\r\n1\r\nd\r\n0\r\n"), None),
        (chunked("3\r\nabc\r\n2\r\nd"), Some(413)),
    ];
    for (bytes, status) in table {
        assert_eq!(refusal_of(&bytes, limits), status, "{bytes}");
    }
}
