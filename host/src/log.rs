//! The log: `tracing`, to standard error.

use plugin_api::abi;
use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// How lines of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people, with colours on a terminal.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Sends the log to standard error from now on. A second call changes nothing.
pub fn install(format: LogFormat, debug: bool) {
    let level = if debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    // Of the libraries below only what went wrong; actix takes each malformed request for an error.
    let ours = Targets::new()
        .with_target("host", level)
        .with_target("actix_http", LevelFilter::OFF)
        .with_default(LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry();
    let _ = if format == LogFormat::Json {
        registry.with(lines.json().flatten_event(true).with_filter(ours)).try_init()
    } else {
        registry.with(lines.compact().with_ansi(std::io::stderr().is_terminal()).with_filter(ours)).try_init()
    };
}

/// A line from a plugin, with the id of the request that it belongs to, if any.
pub(crate) fn plugin(name: &str, request: Option<&str>, level: i32, message: &str) {
    let request = request.unwrap_or("-");
    match level {
        ..=abi::LOG_ERROR => tracing::error!(plugin = name, request, "{message}"),
        abi::LOG_WARN => tracing::warn!(plugin = name, request, "{message}"),
        abi::LOG_INFO => tracing::info!(plugin = name, request, "{message}"),
        _ => tracing::debug!(plugin = name, request, "{message}"),
    }
}
