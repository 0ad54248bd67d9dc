//! Watching files: what was written is reported once, when whoever writes it is done.
//!
//! ```no_run
//! use host::watch::{Watched, Watcher, What};
//! let set = vec![Watched::library("catalog", "target/debug/libcatalog.so"), Watched::data("catalog", "templates")];
//! let watcher = Watcher::start(set, |settled| match settled.what {
//!     What::Changed(digest) => println!("{}: {} is {digest} now", settled.key, settled.path.display()),
//!     What::Broken(why) => println!("{}: {}: {why}", settled.key, settled.path.display()),
//!     What::Gone => println!("{}: {} is gone", settled.key, settled.path.display()),
//! })?;
//! # watcher.set(vec![]);
//! # Ok::<(), host::error::Error>(())
//! ```
//!
//! A thing has settled when it has not changed for 30 ms, and a library has to be complete, too. The kernel's events say when
//! to look, and a look at everything each second finds what they miss: files that are written by another name or from another
//! machine, more events than the kernel keeps, folders that are put in place of others, symbolic links that lead elsewhere.
//!
//! Not supported: telling apart two writes of the same bytes; folders of more than 20,000 entries, of which the rest is not seen;
//! a file of more than 64 MiB that is no library is known by its size and time.

mod complete;
mod content;
mod folders;
mod lookout;
mod places;
mod seen;
#[cfg(test)]
mod tests;
mod thing;
mod tree;
mod watcher;

pub use watcher::Watcher;

use crate::library::Digest;
use std::path::PathBuf;

/// Something to be watched. The key is the caller's, and comes back with each report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched<K> {
    key: K,
    path: PathBuf,
    kind: Kind,
    known: Option<Digest>,
    without: Vec<PathBuf>,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A library: it has to be complete.
    Library,
    /// Any file, or a folder with all that is in it.
    Data,
}

/// A watched thing that has settled after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled<K> {
    /// The caller's key.
    pub key: K,
    /// What is watched.
    pub path: PathBuf,
    /// What changed: of a folder, the first file in it that did; else the path.
    pub changed: PathBuf,
    /// What it is now.
    pub what: What,
}

/// What a watched thing has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Other bytes than were reported, or known, last. For a folder, the digest is of all names and files in it.
    Changed(Digest),
    /// Not a complete library, or nothing that can be read: why. It stayed so for two seconds. That it is again what it was
    /// is not reported.
    Broken(String),
    /// It is not there any more. That it is back as it was is not reported.
    Gone,
}

impl<K> Watched<K> {
    /// A library of a plugin.
    pub fn library(key: K, path: impl Into<PathBuf>) -> Self {
        Self { key, path: path.into(), kind: Kind::Library, known: None, without: Vec::new() }
    }

    /// A file of any sort, or a folder with all that is in it. It need not be there yet.
    pub fn data(key: K, path: impl Into<PathBuf>) -> Self {
        Self { kind: Kind::Data, ..Self::library(key, path) }
    }

    /// What the caller has: it is reported when there is something else, and be it now. Without this, the caller has what is
    /// there when watching begins. It says nothing of a thing that is watched already.
    #[must_use]
    pub fn known(self, digest: Digest) -> Self {
        Self { known: Some(digest), ..self }
    }

    /// Files and folders below it that are not looked at.
    #[must_use]
    pub fn without(self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { without: paths.into_iter().collect(), ..self }
    }
}

impl<K: PartialEq> Watched<K> {
    /// Our folder may become another one.
    fn absolute(mut self) -> Self {
        for path in std::iter::once(&mut self.path).chain(&mut self.without) {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| std::mem::take(path));
        }
        self
    }

    fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.path == other.path && self.kind == other.kind
    }
}
