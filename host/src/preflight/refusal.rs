//! Why a library cannot be loaded here: the rules, and their order. Their words are in `words`.

use super::facts::{Entry, Facts, Kind, SymbolKind};
use super::host::{Glibc, Host};
use crate::error::Error;
use crate::manifest::{Manifest, Note};
use plugin_api::abi;

/// Why a library cannot be loaded here. Where two things disagree, the library's comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not an ELF file: what it is instead.
    NotElf(String),
    /// An ELF file that cannot be read: the cause.
    Damaged(String),
    /// Where its segments end, and where the file does.
    Truncated(u64, u64),
    /// ELF numbers of two machines.
    Machine(u16, u16),
    /// 32 or 64.
    Bits(u8, u8),
    /// Whether each is little-endian.
    ByteOrder(bool, bool),
    /// Another sort of ELF file.
    Kind(Kind),
    /// No manifest.
    NoNote,
    /// A note that cannot be read: the cause.
    BadNote(String),
    /// ABI of the plugin, ABI of the host.
    Abi((u16, u16), (u16, u16)),
    /// Built with `panic = "abort"`.
    PanicAbort,
    /// A manifest that cannot be accepted.
    Manifest(Error),
    /// The host extensions that it requires and that are missing here, and those that are not.
    Extensions(Vec<String>, Vec<String>),
    /// No symbols that can be read.
    NoSymbols,
    /// No entry; perhaps one of another major version.
    NoEntry(Option<String>),
    /// The entry is no data object, or too small for its size and version.
    WrongEntry(Entry),
    /// The glibc that it needs, that of this process, and a symbol that needs it.
    Glibc(Glibc, Glibc, Option<String>),
    /// It asks for an executable stack.
    ExecutableStack,
    /// Its code is written to when it is loaded.
    TextRelocations,
}

/// What the rules look at.
pub(super) struct Candidate<'a> {
    pub(super) facts: &'a Facts,
    /// None when there is no note of our major version.
    pub(super) manifest: Option<&'a Result<Manifest, Error>>,
    pub(super) host: &'a Host<'a>,
}

impl Candidate<'_> {
    fn note(&self) -> Option<&Note> {
        self.facts.note.as_ref().ok()?.as_ref()
    }
}

type Rule = fn(&Candidate<'_>) -> Option<Refusal>;

/// What a file can be refused for, the most useful to know first. [`Refusal`] has the same order.
pub(super) const REFUSALS: &[Rule] = &[
    |Candidate { facts, .. }| {
        (facts.segments_end > facts.size).then_some(Refusal::Truncated(facts.segments_end, facts.size))
    },
    |Candidate { facts, host, .. }| {
        host.machine.filter(|host| *host != facts.machine).map(|host| Refusal::Machine(facts.machine, host))
    },
    |Candidate { facts, host, .. }| (facts.bits != host.bits).then_some(Refusal::Bits(facts.bits, host.bits)),
    |Candidate { facts, host, .. }| {
        let (library, host) = (facts.little_endian, host.little_endian);
        (library != host).then_some(Refusal::ByteOrder(library, host))
    },
    |Candidate { facts, .. }| (facts.kind != Kind::Shared).then_some(Refusal::Kind(facts.kind)),
    |Candidate { facts, .. }| matches!(facts.note, Ok(None)).then_some(Refusal::NoNote),
    |Candidate { facts, .. }| facts.note.as_ref().err().cloned().map(Refusal::BadNote),
    |candidate| {
        let (note, host) = (candidate.note()?, candidate.host);
        let (library, host) = ((note.abi_major, note.abi_minor), (host.abi_major, host.abi_minor));
        (library.0 != host.0).then_some(Refusal::Abi(library, host))
    },
    |candidate| (candidate.note()?.flags & abi::NOTE_PANIC_ABORT != 0).then_some(Refusal::PanicAbort),
    |Candidate { manifest, .. }| manifest.as_ref()?.as_ref().err().cloned().map(Refusal::Manifest),
    |Candidate { manifest, host, .. }| missing_extensions(manifest.as_ref()?.as_ref().ok()?, host),
    |Candidate { facts, .. }| (!facts.has_symbols).then_some(Refusal::NoSymbols),
    |Candidate { facts, .. }| {
        (facts.has_symbols && facts.entry.is_none()).then(|| Refusal::NoEntry(other_entry(facts)))
    },
    |Candidate { facts, .. }| facts.entry.filter(|entry| !is_usable(*entry)).map(Refusal::WrongEntry),
    |Candidate { facts, host, .. }| {
        let ((needed, symbol), running) = (facts.glibc.clone()?, host.glibc?);
        (needed > running).then_some(Refusal::Glibc(needed, running, symbol))
    },
    |Candidate { facts, .. }| facts.executable_stack.then_some(Refusal::ExecutableStack),
    |Candidate { facts, .. }| facts.text_relocations.then_some(Refusal::TextRelocations),
];

/// The first bytes of the entry are its size and its version: they are read before anything of it is believed.
const ENTRY_BYTES_MIN: u64 = 8;

fn is_usable(entry: Entry) -> bool {
    entry.kind == SymbolKind::Object && entry.bytes >= ENTRY_BYTES_MIN
}

fn other_entry(facts: &Facts) -> Option<String> {
    facts.exports.iter().find(|name| name.starts_with("pa_plugin_v")).cloned()
}

fn missing_extensions(manifest: &Manifest, host: &Host<'_>) -> Option<Refusal> {
    let missing = manifest.requires.iter().filter(|id| !host.extensions.contains(&id.as_str()));
    let missing: Vec<String> = missing.cloned().collect();
    let known = host.extensions.iter().map(|id| (*id).to_owned()).collect();
    (!missing.is_empty()).then_some(Refusal::Extensions(missing, known))
}
