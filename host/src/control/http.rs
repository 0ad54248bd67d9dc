//! Health over HTTP on the control socket: for `curl --unix-socket`, and for probes that speak nothing else. A connection has one
//! request.

use super::line::{Lines, send_all};
use super::message::{Answer, Command, Commands};
use crate::h1::{BodyLength, Connection, Head, HeadPoll, Limits, Refusal};
use crate::health::{self, LIVE, READY};
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// The longest head.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Whether a line is the first one of a request: no command ends so.
pub(super) fn is_request_line(line: &[u8]) -> bool {
    line.ends_with(b" HTTP/1.1\r") || line.ends_with(b" HTTP/1.0\r")
}

/// Reads the rest of the head, and answers.
pub(super) fn answer(
    stream: &UnixStream,
    request_line: &[u8],
    lines: &mut Lines,
    commands: &dyn Commands,
    until: Instant,
) {
    let mut out = Vec::new();
    let mut http = Connection::new(Limits { head_bytes_max: HEAD_BYTES_MAX, ..Limits::default() });
    match read_head(request_line, lines, &mut http, until) {
        Some(Ok(head)) => respond(&mut http, &head, commands, &mut out),
        Some(Err(refusal)) => crate::date::with_now(|date| http.refuse(&mut out, refusal, date)),
        // Late, or gone.
        None => return,
    }
    let _ = send_all(stream, &out, until);
}

fn read_head(
    request_line: &[u8],
    lines: &mut Lines,
    http: &mut Connection,
    until: Instant,
) -> Option<Result<Head, Refusal>> {
    let mut head = Head::default();
    let mut line = request_line.to_vec();
    loop {
        line.push(b'\n');
        for part in line.chunks(1024) {
            let Some(room) = http.read_buf().get_mut(..part.len()) else {
                return Some(Err(Refusal::new(431, "the head is too long")));
            };
            room.copy_from_slice(part);
            http.filled(part.len());
        }
        match http.poll_head(&mut head) {
            Ok(HeadPoll::Ready) => return Some(Ok(head)),
            Ok(_) => line = lines.next(until).ok()?,
            Err(refusal) => return Some(Err(refusal)),
        }
    }
}

fn respond(http: &mut Connection, head: &Head, commands: &dyn Commands, out: &mut Vec<u8>) {
    let (status, data) = match (head.method(), head.path()) {
        ("GET" | "HEAD", LIVE) => of(commands.execute(Command::Health)),
        ("GET" | "HEAD", READY) => of(commands.execute(Command::Ready)),
        ("GET" | "HEAD", _) => (404, refusal(&format!("there are {LIVE} and {READY}"))),
        _ => (405, refusal("only GET and HEAD are answered; commands are lines of JSON")),
    };
    let accept = head.header("accept").and_then(|accept| std::str::from_utf8(accept).ok());
    let (content_type, body) = health::body(&data.data, &data.text, accept);
    let headers: [(&[u8], &[u8]); 3] = [
        (b"content-type", content_type.as_bytes()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ];
    let length = BodyLength::Known(body.len() as u64);
    // All of it is our own, and well-formed.
    let _ = crate::date::with_now(|date| http.start_response(out, status, headers, length, date));
    let _ = http.write_chunk(out, body.as_bytes());
    let _ = http.finish(out);
}

fn refusal(why: &str) -> Answer {
    Answer::done(why, serde_json::json!({ "error": why }))
}

fn of(answer: Answer) -> (u16, Answer) {
    (if answer.exit == 0 { 200 } else { 503 }, answer)
}
