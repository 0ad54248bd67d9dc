//! `${VAR}`, `${VAR:-default}` and `${file:PATH}` in strings.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::at::At;
use super::tree::{Node, Value};
use crate::error::Error;

/// No file that is read into a spec, the spec itself included, may be larger.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Finds the value of an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a reference in a string may see.
pub(super) struct Scope<'a> {
    pub(super) env: Env<'a>,
    pub(super) base: &'a Path,
}

impl Scope<'_> {
    /// Replaces every reference in every string of the tree; what a reference stands for is not looked at again.
    pub(super) fn expand(&self, node: &mut Node) -> Result<(), Error> {
        match &mut node.value {
            Value::String(text) if text.contains("${") => *text = self.text(text, &node.at)?,
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.expand(item))?,
            Value::Table(entries) => entries.iter_mut().try_for_each(|entry| self.expand(&mut entry.node))?,
            _ => {}
        }
        Ok(())
    }

    fn text(&self, text: &str, at: &At) -> Result<String, Error> {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                out.push_str(&rest[..start]); // `$${` is a plain `${`: the first dollar sign goes
                out.push('{');
                rest = &rest[start + 2..];
                continue;
            }
            out.push_str(&rest[..start]);
            let inside = &rest[start + 2..];
            let end = inside.find('}').ok_or_else(|| unclosed(&rest[start..], at))?;
            out.push_str(&self.reference(&inside[..end], &at.find(&rest[start..start + end + 3]))?);
            rest = &inside[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn reference(&self, inside: &str, at: &At) -> Result<String, Error> {
        if let Some(path) = inside.strip_prefix("file:") {
            return self.file(path, at);
        }
        let (name, default) =
            inside.split_once(":-").map_or((inside, None), |(name, text)| (name, Some(text)));
        check(name, default, at)?;
        match ((self.env)(name), default) {
            (Some(value), None) => Ok(value),
            (Some(value), Some(_)) if !value.is_empty() => Ok(value),
            (_, Some(default)) => Ok(default.into()),
            (None, None) => Err(unset(name, at)),
        }
    }

    fn file(&self, path: &str, at: &At) -> Result<String, Error> {
        let full = self.base.join(path);
        let text =
            read(&full).map_err(|cause| at.error(format!("cannot read `{}`: {cause}", full.display())))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok(text.strip_suffix('\r').unwrap_or(text).into())
    }
}

fn check(name: &str, default: Option<&str>, at: &At) -> Result<(), Error> {
    let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    if !good {
        return Err(at.error_hint(
            format!("`{name}` is not the name of a variable"),
            "write `${VAR}`, `${VAR:-default}` or `${file:PATH}`; `$${` is a plain `${`",
        ));
    }
    match default {
        Some(text) if text.contains("${") => Err(at.error("a default is plain text: it cannot contain `${`")),
        _ => Ok(()),
    }
}

fn unset(name: &str, at: &At) -> Error {
    at.error_hint(format!("`${{{name}}}` is not set"), format!("set it, or write `${{{name}:-default}}`"))
}

fn unclosed(from: &str, at: &At) -> Error {
    at.find(from).error_hint("`${` is never closed", "close it with `}`; `$${` is a plain `${`")
}

/// Reads a small text file.
fn read(path: &Path) -> Result<String, String> {
    String::from_utf8(read_bytes(path).map_err(|error| cause(&error))?).map_err(|_| "it is not UTF-8".into())
}

/// Reads a small file.
pub(super) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {FILE_BYTES_MAX} bytes"))),
        false => Ok(bytes),
    }
}

/// An error of the operating system in our words: no capital, no number.
pub(super) fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "it is a directory".into(),
        _ => error.to_string(),
    }
}
