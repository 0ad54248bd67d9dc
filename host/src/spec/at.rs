//! Where a value was written, and errors that show it.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::snippet::Snippet;
use crate::error::{Error, Exit};
use crate::suggest;

/// A value and the place where it was written.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub at: At,
}

impl<T> Located<T> {
    /// Joins a value and its place.
    pub fn new(value: T, at: At) -> Self {
        Self { value, at }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), at: self.at }
    }

    /// An error about this value, shown with its place.
    pub fn error(&self, message: impl fmt::Display) -> Error {
        self.at.error(message)
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A place in a spec, or the flag or default that a value came from. Cheap to clone.
#[derive(Clone)]
pub struct At {
    source: Arc<Source>,
    span: Range<usize>,
}

struct Source {
    name: String,
    text: String,
    kind: Kind,
}

/// A file has lines to show; a flag is short enough to be repeated whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Flag,
    Default,
}

impl At {
    /// The start of a file; other places in it are made from this one.
    pub fn start_of(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self::source(file.into(), text.into(), Kind::File)
    }

    /// A flag of the command line, as the user wrote it: `--set app.name=shop`.
    pub fn flag(flag: impl Into<String>) -> Self {
        Self::source(flag.into(), String::new(), Kind::Flag)
    }

    /// Nobody wrote it: it is the default.
    pub fn default_value() -> Self {
        Self::source("default".into(), String::new(), Kind::Default)
    }

    fn source(name: String, text: String, kind: Kind) -> Self {
        Self { source: Arc::new(Source { name, text, kind }), span: 0..0 }
    }

    /// The same source at another place, in bytes of the text.
    pub fn span(&self, span: Range<usize>) -> Self {
        let text = &self.source.text;
        let start = text.floor_char_boundary(span.start);
        let end = text.ceil_char_boundary(span.end.max(start));
        Self { source: Arc::clone(&self.source), span: start..end }
    }

    /// The file, the flag, or `default`.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.source.text[..self.span.start].matches('\n').count() + 1
    }

    /// The column in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.source.text[self.line_start()..self.span.start].chars().count() + 1
    }

    /// What stands at this place.
    pub fn text(&self) -> &str {
        &self.source.text[self.span.clone()]
    }

    /// The whole line, without its end.
    pub fn line_text(&self) -> &str {
        let rest = &self.source.text[self.line_start()..];
        let line = rest.split('\n').next().unwrap_or(rest);
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn line_start(&self) -> usize {
        self.source.text[..self.span.start].rfind('\n').map_or(0, |end| end + 1)
    }

    /// The first place of `part` in here, else all of it.
    pub(crate) fn find(&self, part: &str) -> Self {
        match self.text().find(part) {
            Some(offset) => self.part(offset..offset + part.len()),
            None => self.clone(),
        }
    }

    /// A part of the string `value` that is written here; all of it when escapes hide where that part is.
    pub(crate) fn within(&self, value: &str, span: Range<usize>) -> Self {
        let quoted = self.text().get(1..self.text().len().saturating_sub(1));
        match quoted == Some(value) {
            true => self.part(span.start + 1..span.end + 1),
            false => self.clone(),
        }
    }

    fn part(&self, span: Range<usize>) -> Self {
        self.span(self.span.start + span.start..self.span.start + span.end)
    }

    /// ``file:line:column: message``, the line, and carets under this place.
    pub fn error(&self, message: impl fmt::Display) -> Error {
        self.error_hint(message, "")
    }

    /// The same, with a short cure beside the carets.
    pub fn error_hint(&self, message: impl fmt::Display, hint: impl AsRef<str>) -> Error {
        let hint = hint.as_ref();
        match self.source.kind {
            Kind::File => Error::spec(format!("{self}: {message}\n{}", self.snippet(hint))),
            Kind::Flag => helped(Error::usage(format!("{self}: {message}")), hint),
            Kind::Default => helped(Error::spec(message.to_string()), hint),
        }
    }

    /// An error about an unknown name, with the names that are known.
    pub fn unknown(&self, message: impl fmt::Display, name: &str, known: &[&str]) -> Error {
        self.error_hint(message, suggest::hint(name, known))
    }

    /// An error that was made without knowing the place, shown here; its first cure goes beside the carets.
    pub fn place(&self, error: &Error) -> Error {
        let (hint, rest) =
            error.helps().split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let placed =
            rest.iter().fold(self.error_hint(error.message(), hint), |placed, cure| placed.help(cure));
        match error.exit() {
            Exit::Usage => placed, // of the command line or of the file: the place decides
            exit => placed.exiting(exit),
        }
    }

    fn snippet(&self, hint: &str) -> String {
        let line = self.line_text();
        let start = (self.span.start - self.line_start()).min(line.len());
        let end = (start + self.text().len()).min(line.len());
        Snippet { number: Some(self.line()), line, span: start..end, hint }.render()
    }
}

fn helped(error: Error, hint: &str) -> Error {
    if hint.is_empty() { error } else { error.help(hint) }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source.kind {
            Kind::File => write!(f, "{}:{}:{}", self.file(), self.line(), self.column()),
            Kind::Flag | Kind::Default => f.write_str(self.file()),
        }
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "At({self})")
    }
}
