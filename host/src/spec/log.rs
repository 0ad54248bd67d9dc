//! `[log]`

use super::Located;
use super::section::Section;
use super::tree::{Node, Value};
use crate::error::Error;
use crate::log::LogFormat;
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// `[log]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSpec {
    /// How lines look.
    pub format: LogFormat,
    /// How access lines look.
    pub access: Access,
    /// The header of answers that has the request's id, in lower case.
    pub request_id: Option<&'static str>,
}

/// How access lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Access {
    /// As the other lines: JSON, or the common form.
    #[default]
    Auto,
    /// The Common Log Format.
    Common,
    /// The same, with `Referer` and `User-Agent`.
    Combined,
    /// One JSON object a line.
    Json,
    /// There are none.
    Off,
}

impl Default for LogSpec {
    fn default() -> Self {
        Self { format: LogFormat::Auto, access: Access::Auto, request_id: Some("x-request-id") }
    }
}

pub(super) fn log(node: &Node) -> Result<LogSpec, Error> {
    let (section, default) =
        (Section::open(node, "[log]", &["format", "access", "request_id"])?, LogSpec::default());
    Ok(LogSpec {
        format: section
            .get("format")
            .map(|node| one_of(node, "format"))
            .transpose()?
            .unwrap_or(default.format),
        access: section.get("access").map(|node| one_of(node, "form")).transpose()?.unwrap_or_default(),
        request_id: section.get("request_id").map(header).transpose()?.unwrap_or(default.request_id),
    })
}

/// One of the names that the command line has for it, too.
fn one_of<T: ValueEnum>(node: &Node, what: &str) -> Result<T, Error> {
    let text = node.string()?;
    let known: Vec<_> = T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
    let known: Vec<&str> = known.iter().map(|value| value.get_name()).collect();
    T::from_str(&text, false)
        .map_err(|_| text.at.unknown(format!("unknown {what} `{}`", text.value), &text, &known))
}

/// Headers that say something else.
const TAKEN: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "location",
    "proxy-connection",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn header(node: &Node) -> Result<Option<&'static str>, Error> {
    if matches!(&node.value, Value::String(text) if text.is_empty()) {
        return Ok(None);
    }
    let name = node.string()?.map(|name| name.to_ascii_lowercase());
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match is_plain && !TAKEN.contains(&name.as_str()) {
        true => Ok(Some(kept(&name))),
        false => Err(not_a_name(&name)),
    }
}

fn not_a_name(name: &Located<String>) -> Error {
    name.at.error_hint(
        format!("`{}` cannot be the header of ids", name.value),
        "write \"x-request-id\"; \"\" is none",
    )
}

/// The name, for as long as the process lives: every answer has it, and a new spec rarely brings another one.
fn kept(name: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.into());
    kept.insert(name);
    name
}
