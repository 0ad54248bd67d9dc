//! Lines of the log, as JSON or for people.

use serde_json::{Value, json};
use std::fmt::{self, Write};
use std::sync::OnceLock;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Which process of a host writes: two of them share one standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// The one that owns the sockets.
    Supervisor,
    /// One that serves.
    Worker,
    /// A host that is one process, or a command.
    Host,
}

static PROCESS: OnceLock<Process> = OnceLock::new();

/// What this process is, from now on.
pub(super) fn this_is(process: Process) {
    let _ = PROCESS.set(process);
}

fn process() -> &'static str {
    match PROCESS.get() {
        Some(Process::Supervisor) => "supervisor",
        Some(Process::Worker) => "worker",
        Some(Process::Host) | None => "host",
    }
}

/// This moment, as RFC 3339 writes it.
fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

/// An object with these members after those that every line has: `time`, `process` and `pid`.
pub(crate) fn json_line(members: &[(&str, Value)]) -> String {
    let (mut line, pid) = (String::from("{"), std::process::id());
    let first = [("time", json!(now())), ("process", json!(process())), ("pid", json!(pid))];
    for (index, (name, value)) in first.iter().chain(members).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(line, "{comma}{}:{value}", Value::from(*name));
    }
    line.push('}');
    let mut line = harmless(line);
    line.push('\n');
    line
}

/// JSON has no need to escape some characters that end lines for some readers, or move a cursor. They stand in strings alone, so
/// that they can be escaped wherever they are.
fn harmless(line: String) -> String {
    let is_harmful = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !line.contains(is_harmful) {
        return line;
    }
    let mut out = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        match c {
            // Writing to a string cannot fail.
            c if is_harmful(c) => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// An event as a JSON object: `level` and `message`, and the event's own fields.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut members = vec![("level", json!(event.metadata().level().as_str()))];
        event.record(&mut Members(&mut members));
        out.write_str(&json_line(&members))
    }
}

struct Members<'a>(&'a mut Vec<(&'static str, Value)>);

impl Visit for Members<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), json!(format!("{value:?}"))));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), json!(value)));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), json!(value)));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), json!(value)));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), json!(value)));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), json!(value)));
    }
}

/// What a line for people begins with: the time, and which process writes.
pub(super) struct Stamp;

impl FormatTime for Stamp {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{} {}[{}]", now(), process(), std::process::id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex, PoisonError};
    use tracing_subscriber::layer::SubscriberExt;

    /// What the events of `work` are as JSON.
    fn lines_of(work: impl FnOnce()) -> Vec<Value> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let lines = tracing_subscriber::fmt::layer().with_writer(Shared(written.clone()));
        let subscriber = tracing_subscriber::registry().with(lines.event_format(JsonLines));
        tracing::subscriber::with_default(subscriber, work);
        let bytes = std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl tracing_subscriber::fmt::MakeWriter<'_> for Shared {
        type Writer = Self;
        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn an_event_is_one_object_whatever_it_says() {
        let nasty = "a\"b\n{\"level\":\"ERROR\"}\u{1b}[2J\u{0}\u{7f}\u{9b}\u{2028}";
        let lines = lines_of(|| tracing::warn!(plugin = nasty, count = 3, works = true, "{nasty}"));
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!((line["message"].as_str(), line["plugin"].as_str()), (Some(nasty), Some(nasty)));
        assert_eq!(
            (&line["level"], &line["count"], &line["works"]),
            (&json!("WARN"), &json!(3), &json!(true))
        );
        assert_eq!(line["pid"], std::process::id());
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        let lines = lines_of(|| tracing::info!("now"));
        let time = lines[0]["time"].as_str().expect("a time");
        let parsed: jiff::Timestamp = time.parse().expect("RFC 3339");
        assert!(time.ends_with('Z') && time.len() == "2026-11-25T21:00:00.000000Z".len(), "{time}");
        assert!(jiff::Timestamp::now().duration_since(parsed).as_secs() < 60, "{time}");
    }
}
