//! A generation: one loaded version of one plugin, from `create` to the proof that its library is gone.
//!
//! The value itself is memory of the host's: it may be kept for as long as anybody likes, and knows what the generation was.
//! What belongs to the plugin (its instance, the objects that it handed over, its code) ends in the steps of `life`, each of
//! them called on a thread that may hang, by whoever retires it.
#![allow(unsafe_code, reason = "calls the functions of the entry, through the ABI")]

mod bind;
mod call;
mod life;
mod objects;

pub(crate) use life::{Fate, Phase};

use crate::foreign::Object;
use crate::host_side::HostSide;
use crate::library::Digest;
use crate::manifest::Manifest;
use crate::scoreboard::{CountsOnBoard, GenerationOnBoard};
use crate::usage::{Counts, Uses};
use call::Calls;
use life::Code;
use objects::Objects;
use plugin_api::abi;
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// One loaded version of one plugin. See the module.
pub struct Generation {
    label: Label,
    entry: *const abi::Plugin,
    this: *mut c_void,
    /// What the plugin sees of the host; freed when its code is gone.
    host: Mutex<Option<HostSide>>,
    phase: AtomicU8,
    calls: Calls,
    code: Mutex<Code>,
    /// What it handed over, oldest first.
    objects: Objects,
    /// What routes of all tables run its code.
    uses: Mutex<Vec<Weak<Uses>>>,
    /// Of slots that do not count for it any more.
    counts: Counts,
    /// In their place, where the scoreboard has room.
    counts_on_board: Option<CountsOnBoard>,
    on_board: Option<u32>,
}

// SAFETY: `entry` points to constant data of the library, `this` is its instance; both are only used by functions that need the
// library, and whose contract names the thread that may call them; the host upholds it.
unsafe impl Send for Generation {}
// SAFETY: as above.
unsafe impl Sync for Generation {}

/// What a generation is of.
#[derive(Clone, Debug)]
pub struct Label {
    /// The plugin's name in the spec.
    pub name: String,
    /// Which of the plugin's generations it is, from 1.
    pub number: u64,
    /// The file that the user wrote.
    pub file: PathBuf,
    /// Where the spec says that it comes from; empty for a library that a target names by its path.
    pub source: String,
    /// Of the bytes that run.
    pub digest: Digest,
    /// What the linker called them, in hexadecimal; empty: nothing.
    pub build_id: String,
    /// The configuration that it was created with: a JSON object.
    pub config_json: String,
    /// What the plugin says of itself.
    pub manifest: Manifest,
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} (generation {})", self.name, self.manifest.version, self.number)
    }
}

impl Label {
    /// As the scoreboard has it. It is not mapped yet.
    pub(crate) fn on_board(&self, is_optional: bool) -> GenerationOnBoard {
        GenerationOnBoard {
            is_optional,
            plugin: self.name.clone(),
            number: self.number,
            version: self.manifest.version.clone(),
            digest: self.digest.to_string(),
            build_id: self.build_id.clone(),
            file: self.file.to_string_lossy().into_owned(),
            mapped: 0..0,
        }
    }

    /// Plugin and number, for machines: `catalog/8`.
    pub fn tag(&self) -> String {
        format!("{}/{}", self.name, self.number)
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.label)
    }
}

impl Generation {
    /// What it is.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// The plugin's name in the spec.
    pub fn name(&self) -> &str {
        &self.label.name
    }

    /// What the plugin says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.label.manifest
    }

    /// Its number on the scoreboard, for routes.
    pub(crate) fn on_board(&self) -> Option<u32> {
        self.on_board
    }

    /// Takes a part in something that its plugin handed over: it goes back when the generation is retired.
    pub(crate) fn own(&self, object: &Arc<Object>) {
        self.objects.add(object.clone());
    }

    /// Routes run its code.
    pub(crate) fn add_uses(&self, uses: &Arc<Uses>) {
        let mut all = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(uses));
    }

    /// All that runs its code, in whatever table.
    pub(crate) fn uses(&self) -> Vec<Arc<Uses>> {
        let all = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).collect()
    }

    /// What requests of slots that are gone, or count for others now, did on it.
    pub(crate) fn counts(&self) -> &Counts {
        self.counts_on_board.as_ref().map_or(&self.counts, CountsOnBoard::get)
    }
}
