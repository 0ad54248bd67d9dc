//! The manifest: what a plugin says of itself, read from its file without running any of it.
//!
//! It is a TOML text in the ELF note `.note.plugin-api` (see [`Note`]). Unknown keys are ignored, so that a newer plugin
//! can say more to a newer host; a known key of the wrong type is an error.

mod check;
mod note;
#[cfg(test)]
mod tests;

pub use note::{MANIFEST_BYTES_MAX, NOTE_OWNER, NOTE_SECTION, Note};

use crate::error::Error;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::{Path, PathBuf};

/// What a plugin says of itself. The TOML keys are the names of the fields, in the singular for arrays of tables.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Manifest {
    /// The major version of the ABI that it was built for.
    #[serde(skip_deserializing)]
    pub abi_major: u16,
    /// The minor version of the ABI that it was built for.
    #[serde(skip_deserializing)]
    pub abi_minor: u16,
    /// `plugin_api::abi::NOTE_*`.
    #[serde(skip_deserializing)]
    pub flags: u32,
    /// Its id: a letter, then letters, digits, `_` and `-`.
    pub id: String,
    /// Its version, as its author counts.
    pub version: String,
    /// What it was built with: `rust 0.1.0`.
    pub sdk: Option<String>,
    /// What it does, in a line.
    pub description: Option<String>,
    /// It makes routes of its default app at load, beside those in the manifest.
    #[serde(default)]
    pub dynamic: bool,
    /// The host extensions that it cannot work without: `pa.timer/1`.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Its configuration keys; none when it does not say.
    pub config: Option<Vec<String>>,
    /// The schema in which it saves its state for the next generation; none when it saves none.
    pub state_schema: Option<u32>,
    /// The schemas of states that it takes over: the one that it saves, when it does not say.
    #[serde(default, deserialize_with = "some")]
    pub state_accepts: Vec<u32>,
    /// Files and folders whose changes should swap it, too; see [`Manifest::watched`].
    #[serde(default)]
    pub watch: Vec<PathBuf>,
    /// Its static routes.
    #[serde(default, rename(deserialize = "route"))]
    pub routes: Vec<Route>,
    /// Its static error handlers.
    #[serde(default, rename(deserialize = "error"))]
    pub errors: Vec<ErrorHandler>,
    /// The named apps that it exports.
    #[serde(default, rename(deserialize = "app"))]
    pub apps: Vec<App>,
    /// The middleware that it exports.
    #[serde(default)]
    pub middleware: Vec<Middleware>,
}

/// A static route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Route {
    /// `GET`.
    pub method: String,
    /// `/hello/<name>`.
    pub rule: String,
    /// The name that the plugin binds to its function.
    pub handler: String,
    /// Its name, for building URLs.
    pub name: Option<String>,
    /// How its body is read.
    #[serde(default)]
    pub body: Body,
    /// It may block for long.
    #[serde(default)]
    pub blocking: bool,
    /// The named app it belongs to; empty: the default app.
    #[serde(default)]
    pub app: String,
}

/// How a route's body is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Not at all.
    #[default]
    None,
    /// By the host, before the handler is called.
    Whole,
    /// By the handler, piece by piece.
    Stream,
}

/// A static error handler.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ErrorHandler {
    /// The status that it answers.
    pub status: u16,
    /// The name that the plugin binds to its function.
    pub handler: String,
    /// The named app it belongs to; empty: the default app.
    #[serde(default)]
    pub app: String,
}

/// A named app.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct App {
    /// Its name, after the `:` of a target.
    pub name: String,
    /// It takes arguments, and makes its routes at load.
    #[serde(default)]
    pub factory: bool,
    /// The names of its arguments; none when it does not say.
    pub args: Option<Vec<String>>,
}

/// A middleware.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Middleware {
    /// Its name, after the `:` of a target.
    pub name: String,
}

impl Manifest {
    /// Reads the manifest in the bytes of a library; `file` is its name in errors.
    ///
    /// # Errors
    /// No ELF file, no note, a note that cannot be read, or a manifest that says something impossible.
    pub fn read(file: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let note = Note::find(bytes).map_err(|cause| Error::spec(format!("manifest: {cause}")));
        let note = note.and_then(|note| note.ok_or_else(no_note));
        note.and_then(|note| Self::parse(&note)).map_err(|error| error.context(file.display()))
    }

    /// Reads the text of a note. The errors do not name the file.
    ///
    /// # Errors
    /// The text is not TOML, a key has the wrong type, or the manifest says something impossible.
    pub fn parse(note: &Note) -> Result<Self, Error> {
        let mut manifest: Self = toml::from_str(&note.text).map_err(|error| in_line(&note.text, &error))?;
        check::check(&manifest)?;
        if manifest.state_accepts.is_empty() {
            manifest.state_accepts.extend(manifest.state_schema);
        }
        Ok(Self { abi_major: note.abi_major, abi_minor: note.abi_minor, flags: note.flags, ..manifest })
    }

    /// The files and folders that it wants watched, and that are there: a library is copied to machines that have not what
    /// it was built beside. A relative path is below the folder of the library.
    pub fn watched(&self, library: &Path) -> Vec<PathBuf> {
        let folder = library.parent().unwrap_or(Path::new(""));
        let (found, missing): (Vec<_>, Vec<_>) =
            self.watch.iter().map(|path| folder.join(path)).partition(|path| path.exists());
        for path in missing {
            tracing::debug!("plugin `{}`: nothing to watch at {}: it is not there", self.id, path.display());
        }
        found
    }
}

/// A list that says something: nothing is what a key that is missing says.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    let list = Vec::<u32>::deserialize(deserializer)?;
    match list.is_empty() {
        true => Err(D::Error::custom("it is empty, leave it out, or name the schemas that `load` reads")),
        false => Ok(list),
    }
}

/// The error for a file without a note; it does not name the file.
pub(crate) fn no_note() -> Error {
    Error::spec(format!("no manifest: it has no note `{NOTE_SECTION}`"))
        .help("call `plugin_api::plugin!`; in C, write `PA_NOTE(\"…\");` of plugin_api.h")
}

/// Shows the line that TOML stumbled over, which names the key.
fn in_line(text: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..start).unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let line: String =
        text.lines().nth(number - 1).unwrap_or_default().trim().chars().take(LINE_CHARS_MAX).collect();
    let cause = error.message().trim().replace('\n', ", ");
    Error::spec(format!("manifest: line {number}, `{line}`: {cause}"))
        .help("the SDK writes this text: build the plugin again; in C it is the text of `PA_NOTE`")
}

/// How much of a line an error shows.
const LINE_CHARS_MAX: usize = 80;
