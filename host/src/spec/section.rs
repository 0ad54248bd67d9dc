//! Reads a table: known keys only, each of the type it should have, every complaint with its place.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::at::{At, Located};
use super::count::Count;
use super::quantity;
use super::tree::{self, Entry, Node, Value};
use crate::error::Error;
use crate::suggest;

/// A table of the spec whose keys are all known.
pub(super) struct Section<'a> {
    entries: &'a [Entry],
    name: &'static str,
    at: At,
}

impl<'a> Section<'a> {
    /// Opens a table; `name` is how messages call it, `known` are all the keys that it may have.
    pub(super) fn open(node: &'a Node, name: &'static str, known: &[&str]) -> Result<Self, Error> {
        let entries = node.entries(&format!("the table {name}"))?;
        match entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            Some(entry) => Err(unknown(&entry.key, name, known)),
            None => Ok(Self { entries, name, at: node.at.clone() }),
        }
    }

    /// Where the table starts.
    pub(super) fn at(&self) -> &At {
        &self.at
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key.value == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// A value that must be there; `example` shows how to write it.
    pub(super) fn need(&self, key: &str, example: &str) -> Result<&'a Node, Error> {
        self.get(key).ok_or_else(|| {
            self.at.error_hint(
                format!("missing key `{key}` in {}", self.name),
                format!("add `{key} = {example}`"),
            )
        })
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<Located<String>>, Error> {
        self.get(key).map(Node::string).transpose()
    }

    pub(super) fn boolean(&self, key: &str, default: bool) -> Result<bool, Error> {
        match self.get(key) {
            None => Ok(default),
            Some(Node { value: Value::Boolean(yes), .. }) => Ok(*yes),
            Some(node) => Err(node.expected("`true` or `false`", "write it without quotes")),
        }
    }

    pub(super) fn strings(&self, key: &str) -> Result<Vec<Located<String>>, Error> {
        let items = self.get(key).map(Node::items).transpose()?.unwrap_or_default();
        items.iter().map(Node::string).collect()
    }

    /// The tables of a list that is written as `[[key]]`.
    pub(super) fn tables(&self, key: &str) -> Result<&'a [Node], Error> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Node { value: Value::Array(items), .. }) => Ok(items),
            Some(node) => {
                Err(node.expected(&format!("a list of tables for `{key}`"), &format!("write `[[{key}]]`")))
            }
        }
    }

    pub(super) fn duration(&self, key: &str, default: Option<Duration>) -> Result<Option<Duration>, Error> {
        let Some(node) = self.get(key) else { return Ok(default) };
        match &node.value {
            Value::String(text) => quantity::duration(text).map_err(|error| node.at.place(&error)),
            _ => Err(node.expected("a duration such as \"30s\"", "known: ms, s, m, h; \"0s\" is off")),
        }
    }

    pub(super) fn size(&self, key: &str, default: usize) -> Result<usize, Error> {
        match self.get(key) {
            None => Ok(default),
            Some(node) => node.number(quantity::size, quantity::SIZE_BYTES_MAX, "a size such as \"10MiB\""),
        }
    }

    pub(super) fn number(&self, key: &str, default: usize) -> Result<usize, Error> {
        match self.get(key) {
            None => Ok(default),
            Some(node) => node.number(quantity::count, quantity::COUNT_MAX, "a whole number"),
        }
    }

    pub(super) fn count(&self, key: &str) -> Result<Count, Error> {
        let Some(node) = self.get(key) else { return Ok(Count::Auto) };
        match &node.value {
            Value::String(text) => text.parse().map_err(|error| node.at.place(&error)),
            Value::Integer(number) => number.to_string().parse().map_err(|error| node.at.place(&error)),
            _ => Err(node.expected("\"auto\" or a whole number", "")),
        }
    }

    /// A free table, and where its keys are.
    pub(super) fn table(&self, key: &str, name: &'static str) -> Result<(toml::Table, Places), Error> {
        let Some(node) = self.get(key) else {
            return Ok((toml::Table::new(), Places::none(name, self.at.clone())));
        };
        let entries = node.entries("a table")?;
        Ok((tree::to_table(entries), Places::of(name, node.at.clone(), entries)))
    }
}

fn unknown(key: &Located<String>, section: &str, known: &[&str]) -> Error {
    key.at.unknown(format!("unknown key `{}` in {section}", key.value), key, known)
}

impl Node {
    /// An error about the type of this value.
    pub(super) fn expected(&self, what: &str, hint: &str) -> Error {
        self.at.error_hint(format!("expected {what}, found {}", self.found()), hint)
    }

    pub(super) fn string(&self) -> Result<Located<String>, Error> {
        match &self.value {
            Value::String(text) if text.is_empty() => {
                Err(self.at.error_hint("this is empty", "write something, or remove the key"))
            }
            Value::String(text) => Ok(Located::new(text.clone(), self.at.clone())),
            Value::Integer(number) => Err(self.expected("a string", &format!("write \"{number}\""))),
            _ => Err(self.expected("a string", "")),
        }
    }

    pub(super) fn parsed<T: FromStr<Err = Error>>(&self) -> Result<Located<T>, Error> {
        let text = self.string()?;
        let value = text.parse().map_err(|error| self.at.place(&error))?;
        Ok(Located::new(value, text.at))
    }

    pub(super) fn items(&self) -> Result<&[Node], Error> {
        match &self.value {
            Value::Array(items) => Ok(items),
            Value::String(text) => Err(self.expected("an array", &format!("write `[{text:?}]`"))),
            _ => Err(self.expected("an array", "")),
        }
    }

    fn entries(&self, what: &str) -> Result<&[Entry], Error> {
        match &self.value {
            Value::Table(entries) => Ok(entries),
            Value::Array(_) => Err(self.expected(what, "write it once, with `[ ]` instead of `[[ ]]`")),
            _ => Err(self.expected(what, "")),
        }
    }

    fn number(&self, read: fn(&str) -> Result<u64, Error>, max: u64, what: &str) -> Result<usize, Error> {
        let number = match &self.value {
            Value::String(text) => read(text).map_err(|error| self.at.place(&error))?,
            Value::Integer(number) => u64::try_from(*number).map_err(|_| self.out_of_range(number, max))?,
            _ => return Err(self.expected(what, "")),
        };
        let fits = usize::try_from(number).ok().filter(|_| (1..=max).contains(&number));
        fits.ok_or_else(|| self.out_of_range(number, max))
    }

    fn out_of_range(&self, number: impl Display, max: u64) -> Error {
        self.at.error_hint(format!("{number} is out of range"), format!("it goes from 1 to {max}"))
    }
}

/// Where the keys of a free table are, for whoever knows what they mean.
#[derive(Debug, Clone)]
pub struct Places {
    name: &'static str,
    at: At,
    top: Vec<String>,
    keys: BTreeMap<String, (At, At)>,
}

impl Places {
    /// The places of a table that nobody wrote.
    pub(super) fn none(name: &'static str, at: At) -> Self {
        Self { name, at, top: Vec::new(), keys: BTreeMap::new() }
    }

    fn of(name: &'static str, at: At, entries: &[Entry]) -> Self {
        let mut places = Self::none(name, at);
        places.top = entries.iter().map(|entry| entry.key.value.clone()).collect();
        places.add("", entries);
        places
    }

    fn add(&mut self, prefix: &str, entries: &[Entry]) {
        for Entry { key, node } in entries {
            let path = format!("{prefix}{}", key.value);
            if let Value::Table(entries) = &node.value {
                self.add(&format!("{path}."), entries);
            }
            self.keys.insert(path, (key.at.clone(), node.at.clone()));
        }
    }

    /// Where the table starts, or the section that it would belong to.
    pub fn at(&self) -> &At {
        &self.at
    }

    /// Where the value of a key is (`a.b` in a table in the table); the whole table for a key that is not there.
    pub fn value(&self, path: &str) -> &At {
        self.keys.get(path).map_or(&self.at, |(_, value)| value)
    }

    /// Where a key is; the whole table for one that is not there.
    pub fn key(&self, path: &str) -> &At {
        self.keys.get(path).map_or(&self.at, |(key, _)| key)
    }

    /// The error about a key that nobody knows.
    pub fn unknown(&self, path: &str, known: &[&str]) -> Error {
        let message = format!("unknown key `{path}` in {}", self.name);
        self.key(path).error_hint(message, suggest::hint(path, known))
    }

    /// The first key at the top that is not known, as an error.
    pub fn check(&self, known: &[&str]) -> Result<(), Error> {
        let unknown = self.top.iter().find(|key| !known.contains(&key.as_str()));
        unknown.map_or(Ok(()), |key| Err(self.unknown(key, known)))
    }
}
