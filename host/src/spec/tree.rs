//! The TOML text as a tree in which every key and value knows its place.

use toml::de::{DeInteger, DeTable, DeValue};
use toml::value::Datetime;
use toml::{Spanned, de::DeString};

use super::at::{At, Located};
use crate::error::Error;

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: At,
}

/// What TOML knows.
#[derive(Debug, Clone)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date(Datetime),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key and its value, in the order of the text.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Located<String>,
    pub(super) node: Node,
}

/// What to do about the errors of the TOML parser; the first one that fits.
const CURES: &[(&str, &str)] = &[
    ("invalid boolean", "a string needs quotes"),
    ("string values must be quoted", "a value follows the `=`, and a string needs quotes"),
    ("key with no value", "write `key = value`"),
    ("invalid basic string", "a string ends with `\"`, on the same line, and has no control characters"),
    ("invalid literal string", "a string ends with `'`, on the same line, and has no control characters"),
    ("invalid multi-line", "the string is never closed"),
    ("duplicate key", "it is set twice: remove one of them"),
    ("unclosed table", "close it with `]`"),
    ("unclosed array", "close it with `]`"),
    ("unclosed inline table", "close it with `}`"),
];

/// Parses a whole document that starts at `start`.
pub(super) fn parse(text: &str, start: &At) -> Result<Node, Error> {
    let table = DeTable::parse(text).map_err(|error| syntax_error(&error, start))?;
    Ok(Node { value: Value::Table(entries(table.get_ref(), start)?), at: start.clone() })
}

/// Parses one value, without places inside it: everything is at `at`.
pub(super) fn parse_value(text: &str, at: &At) -> Option<Result<Node, Error>> {
    let value = DeValue::parse(text).ok()?;
    Some(node(&value, at))
}

fn syntax_error(error: &toml::de::Error, start: &At) -> Error {
    let at = start.span(error.span().unwrap_or(0..0));
    let cure = CURES.iter().find(|(message, _)| error.message().starts_with(message));
    let name = if error.message() == "duplicate key" { format!(" `{}`", at.text()) } else { String::new() };
    at.error_hint(format!("{}{name}", error.message()), cure.map_or("", |(_, cure)| cure))
}

fn node(value: &Spanned<DeValue<'_>>, start: &At) -> Result<Node, Error> {
    let at = start.span(value.span());
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Integer(integer(number, &at)?),
        DeValue::Float(number) => Value::Float(float(number.as_str(), &at)?),
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(date) => Value::Date(*date),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| node(item, start)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(entries(table, start)?),
    };
    Ok(Node { value, at })
}

fn entries(table: &DeTable<'_>, start: &At) -> Result<Vec<Entry>, Error> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs.into_iter().map(|(key, value)| entry(key, value, start)).collect()
}

fn entry(key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>, start: &At) -> Result<Entry, Error> {
    let key_at = start.span(key.span());
    Ok(Entry { key: Located::new(key.get_ref().to_string(), key_at), node: node(value, start)? })
}

fn integer(number: &DeInteger<'_>, at: &At) -> Result<i64, Error> {
    i64::from_str_radix(number.as_str(), number.radix())
        .map_err(|_| at.error(format!("the integer {number} does not fit in 64 bits")))
}

fn float(number: &str, at: &At) -> Result<f64, Error> {
    number.parse().map_err(|_| at.error(format!("`{number}` is not a number")))
}

impl Node {
    /// What it is, for "expected a string, found an integer (5)".
    pub(super) fn found(&self) -> String {
        match &self.value {
            Value::String(text) => format!("a string ({})", shortened(text)),
            Value::Integer(number) => format!("an integer ({number})"),
            Value::Float(number) => format!("a float ({number})"),
            Value::Boolean(yes) => format!("a boolean ({yes})"),
            Value::Date(date) => format!("a date ({date})"),
            Value::Array(_) => "an array".into(),
            Value::Table(_) => "a table".into(),
        }
    }

    /// The same value for whoever takes plain TOML.
    pub(super) fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::String(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Boolean(yes) => (*yes).into(),
            Value::Date(date) => (*date).into(),
            Value::Array(items) => items.iter().map(Node::to_toml).collect::<Vec<_>>().into(),
            Value::Table(entries) => toml::Value::Table(to_table(entries)),
        }
    }

    /// Every value in here that is no table and no array, and this one if it is one.
    pub(super) fn leaves(&self) -> Vec<&Node> {
        match &self.value {
            Value::Array(items) => items.iter().flat_map(Node::leaves).collect(),
            Value::Table(entries) => entries.iter().flat_map(|entry| entry.node.leaves()).collect(),
            _ => vec![self],
        }
    }
}

/// The entries of a table as plain TOML.
pub(super) fn to_table(entries: &[Entry]) -> toml::Table {
    entries.iter().map(|entry| (entry.key.value.clone(), entry.node.to_toml())).collect()
}

fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 40;
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
