//! The verdict on a library before any of it runs, from its ELF file alone.
//!
//! A [`Refusal`] says why it cannot be loaded here, a [`Pin`] why it could never be unloaded. Both are data; the first
//! refusal is the most useful one to a person, because the order is that of `REFUSALS`.

mod elf;
mod facts;
mod host;
mod pin;
mod refusal;
#[cfg(test)]
mod tests;
mod words;

pub use facts::{Entry, Facts, Hardening, Kind, Relro, SymbolKind};
pub use host::{Glibc, Host, machine_name};
pub use pin::Pin;
pub use refusal::Refusal;

use crate::error::Error;
use crate::library::Sealed;
use crate::manifest::Manifest;
use refusal::{Candidate, REFUSALS};
use std::path::Path;

/// What a library is, and whether it can be loaded and unloaded.
#[derive(Debug)]
pub struct Preflight {
    /// What its file says; none when it is no ELF file, or a damaged one.
    pub facts: Option<Facts>,
    /// What its author says; none when there is no manifest that can be read.
    pub manifest: Option<Manifest>,
    /// Why it cannot be loaded here, the most useful first; empty: it can.
    pub refusals: Vec<Refusal>,
    /// Why it could never be unloaded; empty: it can.
    pub pins: Vec<Pin>,
}

/// Accepts a sealed library with its manifest and build id, or says why not. `extensions` are those that this host has. Nothing of the library runs.
///
/// # Errors
/// The first refusal; its help says how many more there are.
pub fn accept(
    file: &Path,
    sealed: &Sealed,
    extensions: &[&str],
) -> Result<(Manifest, Option<String>), Error> {
    let mut preflight = Preflight::of(&sealed.bytes()?, &Host::this(extensions));
    let build_id = preflight.facts.as_mut().and_then(|facts| facts.build_id.take());
    Ok((preflight.accept(file)?, build_id))
}

impl Preflight {
    /// Looks at the bytes of a file, for a host. No bytes make it panic.
    pub fn of(bytes: &[u8], host: &Host<'_>) -> Self {
        match Facts::read(bytes) {
            Ok(facts) => Self::judge(facts, host),
            Err(refusal) => Self { facts: None, manifest: None, refusals: vec![refusal], pins: Vec::new() },
        }
    }

    fn judge(facts: Facts, host: &Host<'_>) -> Self {
        // The text of another major version means something else.
        let note =
            facts.note.as_ref().ok().and_then(Option::as_ref).filter(|note| note.abi_major == host.abi_major);
        let manifest = note.map(Manifest::parse);
        let candidate = Candidate { facts: &facts, manifest: manifest.as_ref(), host };
        let mut refusals: Vec<Refusal> = REFUSALS.iter().filter_map(|refuse| refuse(&candidate)).collect();
        // All that is missing in another sort of file follows from what it is.
        if let Some(index) = refusals.iter().position(|refusal| matches!(refusal, Refusal::Kind(_))) {
            refusals.truncate(index + 1);
        }
        let pins = pin::pins(&facts);
        Self { facts: Some(facts), manifest: manifest.and_then(Result::ok), refusals, pins }
    }

    /// Whether it could be unloaded; none when it is no shared library.
    pub fn unloads(&self) -> Option<bool> {
        let shared = self.facts.as_ref().is_some_and(|facts| facts.kind == Kind::Shared);
        shared.then_some(self.pins.is_empty())
    }

    /// The manifest, when nothing is against loading the library.
    ///
    /// # Errors
    /// The first refusal, with `file` as the place.
    pub fn accept(self, file: &Path) -> Result<Manifest, Error> {
        let mut refusals = self.refusals.into_iter();
        let first = match (refusals.next(), self.manifest) {
            (None, Some(manifest)) => return Ok(manifest),
            (first, _) => first.unwrap_or(Refusal::NoNote),
        };
        let inspect = format!("`host inspect {}` lists", file.display());
        let error = match refusals.len() {
            0 => first.error(),
            1 => first.error().help(format!("{inspect} 1 more reason")),
            more => first.error().help(format!("{inspect} {more} more reasons")),
        };
        Err(error.context(file.display()))
    }
}
