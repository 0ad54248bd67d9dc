//! One line for each request on standard error, in one of the forms that tools know.
//!
//! A client writes most of what stands in a line, and can send any byte: in the two forms for people every field of a client's
//! stands between quotes that it cannot end, and JSON has its own. A line is put together by whoever served, and written by
//! another thread: see `log/sink.rs`.

use crate::exchange::Head;
use crate::log;
use serde_json::json;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The Common Log Format.
    Common,
    /// The same, with `Referer` and `User-Agent`.
    Combined,
    /// A JSON object.
    Json,
}

/// Where access lines go. Clones write to the same place.
#[derive(Clone)]
pub struct AccessLog(Option<Arc<Lines>>);

struct Lines {
    form: Form,
    without: Vec<Without>,
}

/// Requests that have no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// Those of this path.
    Path(String),
    /// Those of all paths that begin so.
    Below(&'static str),
}

impl Without {
    fn covers(&self, target: &[u8]) -> bool {
        let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
        match self {
            Self::Path(own) => path == own.as_bytes(),
            Self::Below(prefix) => path.starts_with(prefix.as_bytes()),
        }
    }
}

/// When a request began, if it is to have a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began(Option<Instant>);

impl Began {
    /// How long ago that was.
    pub(crate) fn took(self) -> Duration {
        self.0.map_or(Duration::ZERO, |began| began.elapsed())
    }
}

/// What became of a request.
pub(crate) struct Sent<'a> {
    /// The request's id.
    pub(crate) id: &'a str,
    pub(crate) status: u16,
    /// Of the body, as sent.
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
}

impl AccessLog {
    /// No lines: `--quiet`.
    pub fn quiet() -> Self {
        Self(None)
    }

    /// Lines on standard error.
    pub fn start(form: Form, without: Vec<Without>) -> Self {
        Self(Some(Arc::new(Lines { form, without })))
    }

    /// A request begins. Its time is only taken where somebody reads it.
    pub(crate) fn begin(&self) -> Began {
        Began(self.is_on().then(Instant::now))
    }

    /// Whether anybody reads the lines.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn write(&self, head: &dyn Head, sent: &Sent<'_>) {
        thread_local! {
            static LINE: RefCell<String> = const { RefCell::new(String::new()) };
        }
        let Some(lines) = &self.0 else { return };
        if lines.without.iter().any(|without| without.covers(head.target())) {
            return;
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            write_line(line, lines.form, head, sent);
            log::later(line.as_bytes());
        });
    }
}

fn write_line(out: &mut String, form: Form, head: &dyn Head, sent: &Sent<'_>) {
    match form {
        Form::Json => out.push_str(&json(head, sent)),
        Form::Common => for_people(out, head, sent, &[]),
        Form::Combined => for_people(out, head, sent, &["referer", "user-agent"]),
    }
}

/// What both forms begin with is theirs to the byte; the request's id and the time that it took follow.
fn for_people(out: &mut String, head: &dyn Head, sent: &Sent<'_>, headers: &[&str]) {
    let time = jiff::Zoned::now();
    // Writing to a string cannot fail.
    let _ = write!(out, "{} - - [{}] \"", address(head), time.strftime("%d/%b/%Y:%H:%M:%S %z"));
    match head.method() {
        // What could not be read as a request has no method.
        "" => out.push('-'),
        method => {
            log::quoted(out, method.as_bytes());
            out.push(' ');
            log::quoted(out, head.target());
            let _ = write!(out, " HTTP/{}", version(head));
        }
    }
    let _ = write!(out, "\" {} ", sent.status);
    let _ = if sent.bytes == 0 { write!(out, "-") } else { write!(out, "{}", sent.bytes) };
    for name in headers {
        out.push_str(" \"");
        log::quoted(out, head.header(name.as_bytes()).unwrap_or(b"-"));
        out.push('"');
    }
    let _ = writeln!(out, " {} {:.1}ms", sent.id, sent.took.as_secs_f64() * 1000.0);
}

/// Without its port, as these forms have it.
fn address(head: &dyn Head) -> String {
    let peer = head.peer();
    peer.parse::<SocketAddr>().map_or(peer, |address| address.ip().to_string())
}

fn version(head: &dyn Head) -> &'static str {
    if head.version() == 10 { "1.0" } else { "1.1" }
}

fn json(head: &dyn Head, sent: &Sent<'_>) -> String {
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let micros = u64::try_from(sent.took.as_micros()).unwrap_or(u64::MAX);
    let target: Cow<'_, str> = String::from_utf8_lossy(head.target());
    log::json_line(&[
        ("access", json!(true)),
        ("request", json!(sent.id)),
        ("peer", json!(head.peer())),
        ("method", json!(head.method())),
        ("target", json!(target)),
        ("version", json!(version(head))),
        ("host", json!(text(head.host()))),
        ("referer", json!(text(head.header(b"referer")))),
        ("user_agent", json!(text(head.header(b"user-agent")))),
        ("status", json!(sent.status)),
        ("bytes", json!(sent.bytes)),
        ("ms", json!(micros as f64 / 1000.0)),
    ])
}

#[cfg(test)]
mod tests;
