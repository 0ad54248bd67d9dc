//! The log: lines of `tracing`, and access lines, to standard error.
//!
//! `docs/logging.md` says what the lines look like. A line of the log is one event; whatever a client or a plugin says in it,
//! nobody can end it early or begin another one.

mod lines;
mod sink;
mod text;

pub use lines::Process;
pub(crate) use lines::json_line;
pub(crate) use sink::{after_fork, flush, later, without_thread};
pub(crate) use text::{one_line, quoted};

use crate::error::Error;
use lines::{JsonLines, Stamp};
use plugin_api::abi;
use serde_json::json;
use std::io::IsTerminal;
use std::io::Write;
use std::sync::OnceLock;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// How lines of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people where standard error is a terminal, else JSON.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Whether lines are JSON, as standard error is now.
    fn is_json(self) -> bool {
        match self {
            Self::Auto => !std::io::stderr().is_terminal(),
            Self::Pretty => false,
            Self::Json => true,
        }
    }
}

/// Whether lines are JSON. Not set: nobody has installed a log, and what is said is for people.
static IS_JSON: OnceLock<bool> = OnceLock::new();

/// Whether each line is a JSON object.
pub(crate) fn is_json() -> bool {
    IS_JSON.get().copied().unwrap_or(false)
}

/// Sends the log to standard error from now on, as that process. A second call changes nothing.
pub fn install(format: LogFormat, debug: bool, process: Process) {
    let level = if debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    // Of the libraries below only what went wrong; actix takes each malformed request for an error.
    let ours = Targets::new()
        .with_target("host", level)
        .with_target("actix_http", LevelFilter::OFF)
        .with_default(LevelFilter::WARN);
    lines::this_is(process);
    let is_json = *IS_JSON.get_or_init(|| format.is_json());
    let lines = tracing_subscriber::fmt::layer().with_writer(sink::Now).with_target(false);
    let registry = tracing_subscriber::registry();
    let _ = if is_json {
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
        registry.with(lines.event_format(JsonLines).with_filter(ours)).try_init()
    } else {
        let colours = std::io::stderr().is_terminal();
        registry.with(lines.compact().with_timer(Stamp).with_ansi(colours).with_filter(ours)).try_init()
    };
}

/// A line from a plugin, with the id of the request that it belongs to: the one that it is told, else the one whose handler
/// runs on this thread.
pub(crate) fn plugin(name: &str, request: Option<&str>, level: i32, message: &str) {
    let current = request.is_none().then(crate::request_id::current).flatten();
    let request = request.or(current.as_deref()).unwrap_or("-");
    let message = if is_json() { message.into() } else { one_line(message) };
    match level {
        ..=abi::LOG_ERROR => tracing::error!(plugin = name, request, "{message}"),
        abi::LOG_WARN => tracing::warn!(plugin = name, request, "{message}"),
        abi::LOG_INFO => tracing::info!(plugin = name, request, "{message}"),
        _ => tracing::debug!(plugin = name, request, "{message}"),
    }
}

/// For people, on standard error: standard output is for what a command answers. Where lines are JSON, they are lines of the
/// log, without those that are indented.
pub(crate) fn say(text: &str) {
    if !is_json() {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        return;
    }
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')) {
        tracing::info!("{line}");
    }
}

/// The last words of a process that fails.
pub fn last_words(error: &Error) {
    flush();
    let line = if is_json() {
        let (message, help) = (error.message(), error.helps());
        json_line(&[("level", json!("ERROR")), ("message", json!(message)), ("help", json!(help))])
    } else {
        format!("host: {error}\n")
    };
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// How many lines nobody will read.
fn dropped(count: u64) -> String {
    let message = format!("{count} lines of the log were dropped: standard error is too slow");
    if is_json() {
        return json_line(&[
            ("level", json!("WARN")),
            ("message", json!(message)),
            ("dropped", json!(count)),
        ]);
    }
    format!("host: {message}\n")
}
