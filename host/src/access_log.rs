//! One line for each request on standard error.
//!
//! A line is put in a buffer under a lock, and one thread writes what has come together: a request never waits for a
//! slow terminal, and a busy server writes many lines in one call.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How much may wait to be written: past it lines are dropped and counted, since a log must not stop a server.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// Where access lines go. Clones write to the same place.
#[derive(Clone)]
pub struct AccessLog(Option<Arc<Writer>>);

struct Writer {
    json: bool,
    /// Targets that begin so have no line.
    without: Option<&'static str>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: String,
    dropped: u64,
    writing: bool,
    closed: bool,
}

/// What a line says.
pub(crate) struct Entry<'a> {
    pub(crate) peer: &'a str,
    pub(crate) method: &'a str,
    pub(crate) target: &'a [u8],
    pub(crate) version: u16,
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

    /// Lines on standard error, in the common format with the time it took, or as JSON. Targets that begin with `without` have
    /// no line.
    pub fn start(json: bool, without: Option<&'static str>) -> Self {
        let log = Self::of(json, without);
        log.begin();
        log
    }

    /// The same, without the thread that writes: in a process that forks there must be none.
    pub(crate) fn of(json: bool, without: Option<&'static str>) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self(Some(Arc::new(Writer { json, without, state, changed })))
    }

    /// Starts the thread that writes.
    pub(crate) fn begin(&self) {
        let Some(writer) = self.0.clone() else { return };
        // Without the thread nothing is written: better a server without its log than none.
        let _ = std::thread::Builder::new().name("access-log".into()).spawn(move || writer.run());
    }

    /// Whether anybody reads the lines: if not, a server need not even look at the clock.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let Some(writer) = &self.0 else { return };
        if writer.without.is_some_and(|without| entry.target.starts_with(without.as_bytes())) {
            return;
        }
        let mut state = writer.lock();
        if state.lines.len() > WAITING_BYTES_MAX {
            state.dropped += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        line(&mut state.lines, entry, writer.json);
        drop(state);
        if was_empty {
            writer.changed.notify_all();
        }
    }

    /// Waits until every line is written.
    pub fn flush(&self) {
        let Some(writer) = &self.0 else { return };
        let mut state = writer.lock();
        state.closed = true;
        writer.changed.notify_all();
        while state.writing || !state.lines.is_empty() {
            let waited = writer
                .changed
                .wait_timeout(state, Duration::from_secs(1))
                .unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            if waited.1.timed_out() {
                return;
            }
        }
    }
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut out = String::new();
        let mut state = self.lock();
        loop {
            while state.lines.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut out, &mut state.lines);
            let dropped = std::mem::take(&mut state.dropped);
            state.writing = true;
            drop(state);
            if dropped > 0 {
                let _ =
                    writeln!(out, "host: {dropped} access lines were dropped: standard error is too slow");
            }
            let _ = std::io::stderr().lock().write_all(out.as_bytes());
            out.clear();
            state = self.lock();
            state.writing = false;
            self.changed.notify_all();
        }
    }
}

fn line(out: &mut String, entry: &Entry<'_>, json: bool) {
    let target = String::from_utf8_lossy(entry.target);
    let version = if entry.version == 10 { "1.0" } else { "1.1" };
    let ms = entry.took.as_secs_f64() * 1000.0;
    // Writing to a string cannot fail.
    let _ = if json {
        let time = jiff::Timestamp::now().to_string();
        let line = serde_json::json!({
            "time": time, "peer": entry.peer, "method": entry.method, "target": target, "version": version,
            "status": entry.status, "bytes": entry.bytes, "ms": (ms * 1000.0).round() / 1000.0,
        });
        writeln!(out, "{line}")
    } else {
        let time = jiff::Zoned::now().strftime("%d/%b/%Y:%H:%M:%S %z").to_string();
        // What could not be read as a request has no method.
        let request = match entry.method {
            "" => "-".to_owned(),
            method => format!("{method} {} HTTP/{version}", printable(&target)),
        };
        let Entry { peer, status, bytes, .. } = entry;
        writeln!(out, "{peer} - - [{time}] \"{request}\" {status} {bytes} {ms:.1}ms")
    };
}

/// A client writes the target: no control character of it reaches a terminal, no quote ends the field.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => "%22".to_owned(),
            c if c.is_control() => format!("%{:02X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: &[u8]) -> Entry<'_> {
        let took = Duration::from_micros(1500);
        Entry { peer: "127.0.0.1", method: "GET", target, version: 11, status: 200, bytes: 12, took }
    }

    #[test]
    fn a_line_names_client_request_status_size_and_time() {
        let mut out = String::new();
        line(&mut out, &entry(b"/a?b=c"), false);
        assert!(out.starts_with("127.0.0.1 - - ["), "{out}");
        assert!(out.ends_with("] \"GET /a?b=c HTTP/1.1\" 200 12 1.5ms\n"), "{out}");
    }

    #[test]
    fn a_request_that_could_not_be_read_is_a_dash() {
        let mut out = String::new();
        line(&mut out, &Entry { method: "", status: 400, bytes: 0, ..entry(b"") }, false);
        assert!(out.ends_with("] \"-\" 400 0 1.5ms\n"), "{out}");
    }

    #[test]
    fn a_client_cannot_write_control_characters_into_the_log() {
        let mut out = String::new();
        line(&mut out, &entry(b"/\x1b[2J\"x"), false);
        assert!(out.contains("\"GET /%1B[2J%22x HTTP/1.1\""), "{out}");
    }

    #[test]
    fn a_json_line_is_one_object() {
        let mut out = String::new();
        line(&mut out, &entry(b"/\"\n"), true);
        let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((value["target"].as_str(), value["status"].as_u64()), (Some("/\"\n"), Some(200)));
    }
}
