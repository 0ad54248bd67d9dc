//! The control socket of a host, without `host ctl` in between.

use super::PATIENCE;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Asks, and gives the answer: `exit`, `text` and `data`.
///
/// # Panics
/// There is none in time.
#[track_caller]
pub(super) fn ask(socket: &Path, command: &Value) -> Value {
    let mut stream =
        UnixStream::connect(socket).unwrap_or_else(|cause| panic!("{}: {cause}", socket.display()));
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(format!("{command}\n").as_bytes()).expect("a host that listens");
    let mut line = String::new();
    let read = BufReader::new(stream).read_line(&mut line);
    assert!(read.is_ok(), "no answer to {command}: {read:?}");
    serde_json::from_str(&line).unwrap_or_else(|cause| panic!("{cause}: {line}"))
}
