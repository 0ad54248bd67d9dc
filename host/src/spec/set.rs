//! `--set key=value`: one value of the spec, changed from the command line.

use std::str::FromStr;

use super::at::{At, Located};
use super::tree::{self, Entry, Node, Value};
use crate::error::Error;
use crate::suggest;

/// A change of one value: a dotted key, and a TOML value or else a plain string.
///
/// In a list of tables the part after the list is the `name` of an entry or its index, counted from 0:
/// `plugin.catalog.config.page_size=100`.
///
/// ```
/// use host::spec::Set;
/// assert!("server.name=pool".parse::<Set>().is_ok());
/// assert!("server.bind=['127.0.0.1:0']".parse::<Set>().is_ok());
/// assert!("server.name".parse::<Set>().is_err());
/// ```
#[derive(Debug, Clone)]
pub struct Set {
    path: Vec<String>,
    node: Node,
}

impl FromStr for Set {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let at = At::flag(format!("--set {text}"));
        let (key, value) =
            text.split_once('=').ok_or_else(|| at.error_hint("there is no `=`", "write `key=value`"))?;
        let path = path(key)
            .ok_or_else(|| at.error_hint(format!("`{key}` is not a key"), "write `server.name=pool`"))?;
        Ok(Self { path, node: value_node(value.trim(), at)? })
    }
}

/// The parts of a dotted key, by the rules of TOML.
fn path(key: &str) -> Option<Vec<String>> {
    let document = (!key.contains(['\n', '#'])).then(|| format!("{key} = 0"))?;
    let node = tree::parse(&document, &At::default_value()).ok()?;
    let mut path = Vec::new();
    let mut value = &node.value;
    while let Value::Table(entries) = value {
        let entry = entries.first()?;
        path.push(entry.key.value.clone());
        value = &entry.node.value;
    }
    Some(path)
}

fn value_node(text: &str, at: At) -> Result<Node, Error> {
    match tree::parse_value(text, &at) {
        Some(node) => node,
        None => Ok(Node { value: Value::String(text.into()), at }),
    }
}

impl Set {
    /// Puts the value into the tree, replacing what was there.
    pub(super) fn apply(&self, root: &mut Node) -> Result<(), Error> {
        self.put(root, &self.path)
    }

    fn put(&self, node: &mut Node, path: &[String]) -> Result<(), Error> {
        let Some((key, rest)) = path.split_first() else {
            *node = self.node.clone();
            return Ok(());
        };
        let found = node.found();
        match &mut node.value {
            Value::Table(entries) => self.put(self.child(entries, key), rest),
            Value::Array(items) => self.put(self.item(items, key)?, rest),
            _ => Err(self.node.at.error(format!("there is no key `{key}` in {found}"))),
        }
    }

    /// The entry with this key, made if it is missing.
    fn child<'a>(&self, entries: &'a mut Vec<Entry>, key: &str) -> &'a mut Node {
        let index = entries.iter().position(|entry| entry.key.value == key).unwrap_or_else(|| {
            let key = Located::new(key.to_owned(), self.node.at.clone());
            entries.push(Entry {
                key,
                node: Node { value: Value::Table(Vec::new()), at: self.node.at.clone() },
            });
            entries.len() - 1
        });
        &mut entries[index].node
    }

    /// The item with this name or index.
    fn item<'a>(&self, items: &'a mut [Node], key: &str) -> Result<&'a mut Node, Error> {
        let names: Vec<&str> = items.iter().filter_map(name_of).collect();
        let index = items.iter().position(|item| name_of(item) == Some(key)).or_else(|| key.parse().ok());
        match index {
            Some(index) if index < items.len() => Ok(&mut items[index]),
            _ => Err(self
                .node
                .at
                .error_hint(format!("nothing is named `{key}`"), self.known(key, &names, items.len()))),
        }
    }

    fn known(&self, key: &str, names: &[&str], count: usize) -> String {
        match names.is_empty() {
            true => format!("name it by its index, from 0 to {}", count.saturating_sub(1)),
            false => suggest::hint(key, names),
        }
    }
}

fn name_of(item: &Node) -> Option<&str> {
    let Value::Table(entries) = &item.value else { return None };
    let name = entries.iter().find(|entry| entry.key.value == "name")?;
    if let Value::String(text) = &name.node.value { Some(text) } else { None }
}
