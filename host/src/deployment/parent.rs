//! What a deployment needs of whoever started its process.

use super::watching::Thing;
use crate::error::Error;
use crate::generation::Label;
use crate::listener::Listener;
use crate::spec::{Bind, Timeouts};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::PathBuf;

/// Whoever started the process: a supervisor that keeps what must outlive it, or nobody.
pub trait Parent: Send + Sync {
    /// A generation to be handed to the next process if this one dies, with its copy. A new current one of a plugin makes the
    /// one before it a kept one.
    fn published(&self, generation: Published, copy: File);

    /// The text of the spec that is served from now on.
    fn spec(&self, text: &str);

    /// What is to be watched: what has changed there is to be changed by a roll.
    fn watches(&self, things: Vec<Thing>);

    /// A generation will never serve again.
    fn forgotten(&self, plugin: &str, number: u64);

    /// This process is no longer fit for swaps: another one is to take its place.
    fn replace_me(&self, reason: &str);

    /// Binds an address, so that the socket outlives this process.
    ///
    /// # Errors
    /// It cannot be bound.
    fn listen(&self, bind: &Bind) -> Result<Listener, Error>;

    /// Closes an address: what this process has of it is its own to close.
    fn unlisten(&self, bind: &Bind, listener: &Listener);

    /// How long this process may need at its end, and its handlers.
    fn deadlines(&self, timeouts: &Timeouts);
}

/// A generation as another process needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The plugin's name.
    pub plugin: String,
    /// The number of the generation, counted for each plugin.
    pub number: u64,
    /// The version in its manifest.
    pub version: String,
    /// The file that the sealed copy was made of.
    pub path: PathBuf,
    /// Where the spec says that the plugin comes from: see [`super::source_text`].
    pub source: String,
    /// The digest of the copy, in hex.
    pub digest: String,
    /// The configuration that it was created with.
    pub config_json: String,
    /// What it is to its plugin.
    pub standing: Standing,
    /// The file that was swapped in by name, and goes before that of the spec.
    #[serde(default)]
    pub by_name: Option<PathBuf>,
}

impl Published {
    /// The generation that is current.
    pub(super) fn current(label: &Label, by_name: Option<PathBuf>) -> Self {
        Self {
            plugin: label.name.clone(),
            number: label.number,
            version: label.manifest.version.clone(),
            path: label.file.clone(),
            source: label.source.clone(),
            digest: label.digest.to_string(),
            config_json: label.config_json.clone(),
            standing: Standing::Current,
            by_name,
        }
    }
}

/// What a generation is to its plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It answers the plugin's requests.
    Current,
    /// It is kept for a rollback.
    Kept,
}

/// Nobody: what ends with this process is gone.
pub struct Nobody;

impl Parent for Nobody {
    fn published(&self, _: Published, _: File) {}

    fn spec(&self, _: &str) {}

    fn watches(&self, _: Vec<Thing>) {}

    fn forgotten(&self, _: &str, _: u64) {}

    fn replace_me(&self, reason: &str) {
        tracing::error!("{reason}; start the host again");
    }

    fn listen(&self, bind: &Bind) -> Result<Listener, Error> {
        Listener::bind(bind)
    }

    fn unlisten(&self, _: &Bind, _: &Listener) {}

    /// Its own end is the only one that it knows; its handlers it watches itself.
    fn deadlines(&self, timeouts: &Timeouts) {
        crate::doing::watch_this_process(timeouts.stuck_after);
    }
}
