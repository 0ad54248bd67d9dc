//! The text of an app: TOML, put together.

use std::fmt::Write;
use std::path::Path;

/// A spec to start a host with. Anything that TOML can say goes in by [`Spec::text`].
#[derive(Clone, Debug)]
pub(crate) struct Spec(String);

impl Spec {
    /// `spec = 1` and `[app] name = "test"`.
    pub(crate) fn new() -> Self {
        Self("spec = 1\n[app]\nname = \"test\"\n".to_owned())
    }

    /// The whole text, as it is.
    pub(crate) fn exactly(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Appends a `[[plugin]]` from a file. Keys that follow with [`Spec::text`] belong to it.
    pub(crate) fn plugin(mut self, name: &str, file: &Path) -> Self {
        let _ = writeln!(self.0, "[[plugin]]\nname = {name:?}\npath = {:?}", file.display().to_string());
        self
    }

    /// Appends any lines.
    pub(crate) fn text(mut self, lines: &str) -> Self {
        self.0.push_str(lines);
        self.0.push('\n');
        self
    }

    /// Appends `[timeouts]`: `timeouts("head = '300ms'\nbody = '300ms'")`.
    pub(crate) fn timeouts(self, lines: &str) -> Self {
        self.text(&format!("[timeouts]\n{lines}"))
    }

    /// Appends `[limits]`.
    pub(crate) fn limits(self, lines: &str) -> Self {
        self.text(&format!("[limits]\n{lines}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Spec {
    fn from(text: &str) -> Self {
        Self::exactly(text)
    }
}
