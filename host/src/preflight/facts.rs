//! What the ELF file of a library says, in our words.

use super::elf;
use super::host::Glibc;
use super::refusal::Refusal;
use crate::manifest::Note;
use object::FileKind;
use object::elf::{FileHeader32, FileHeader64};
use serde::Serialize;

/// What an ELF file says. Read once; everything else is decided on it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What sort of file it is.
    pub kind: Kind,
    /// The ELF number of the machine; see [`machine_name`](super::machine_name).
    pub machine: u16,
    /// 32 or 64.
    pub bits: u8,
    /// The byte order.
    pub little_endian: bool,
    /// Where its last segment ends in the file.
    pub segments_end: u64,
    /// The size of the file.
    pub size: u64,
    /// What the linker called these bytes, in hexadecimal.
    pub build_id: Option<String>,
    /// The manifest's note, or the cause why it cannot be read.
    pub note: Result<Option<Note>, String>,
    /// It has a table of dynamic symbols that can be read.
    pub has_symbols: bool,
    /// The names of the symbols that it exports.
    pub exports: Vec<String>,
    /// The entry among them.
    pub entry: Option<Entry>,
    /// The libraries that it needs.
    pub needed: Vec<String>,
    /// The newest glibc that it needs, and a symbol that needs it.
    pub glibc: Option<(Glibc, Option<String>)>,
    /// It asks for an executable stack.
    pub executable_stack: bool,
    /// Its code is written to when it is loaded.
    pub text_relocations: bool,
    /// `DF_STATIC_TLS`.
    pub static_tls: bool,
    /// `DF_1_NODELETE`.
    pub nodelete: bool,
    /// The symbols of `STB_GNU_UNIQUE`.
    pub unique: Vec<String>,
    /// It contains the Go runtime.
    pub go: bool,
    /// What nothing is refused for.
    pub hardening: Hardening,
}

/// What sort of ELF file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A shared library.
    Shared,
    /// A program, position independent or not.
    Executable,
    /// An object file.
    Relocatable,
    /// A core dump.
    Core,
    /// Of a shared library, but without a dynamic section.
    NotDynamic,
    /// Anything else.
    Other(u16),
}

/// The symbol `pa_plugin_v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the compiler says that it is.
    pub kind: SymbolKind,
    /// Its size.
    pub bytes: u64,
}

/// What a symbol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// Data.
    Object,
    /// Code.
    Function,
    /// Data of each thread.
    ThreadLocal,
    /// Assembly did not say.
    Untyped,
}

/// Facts that are shown and never refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hardening {
    /// Whether its relocated data becomes read-only.
    pub relro: Relro,
    /// It asks itself for all symbols to be bound at load.
    pub bind_now: bool,
    /// It calls the compiler's stack check.
    pub stack_protector: bool,
    /// Where it looks for the libraries that it needs.
    pub run_path: Option<String>,
    /// It was not stripped of its debug information.
    pub debug_info: bool,
}

/// How much of the relocated data becomes read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relro {
    /// Nothing.
    None,
    /// All but the addresses of functions.
    Partial,
    /// All.
    Full,
}

impl Facts {
    /// Reads an ELF file. No bytes make it panic.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let facts = match FileKind::parse(bytes) {
            Ok(FileKind::Elf32) => elf::read::<FileHeader32<_>>(bytes, 32),
            Ok(FileKind::Elf64) => elf::read::<FileHeader64<_>>(bytes, 64),
            _ => return Err(Refusal::NotElf(looks_like(bytes))),
        };
        facts.map_err(|error| Refusal::Damaged(error.to_string()))
    }
}

/// How other files start that are taken for a shared library.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\x7fELF", "it is an ELF file that ends within its header"),
    (b"!<arch>\n", "it is a static library (`crate-type = [\"staticlib\"]` or `ar`)"),
    (b"!<thin>\n", "it is a static library (`ar`)"),
    (b"\xcf\xfa\xed\xfe", "it was built for macOS"),
    (b"MZ", "it was built for Windows"),
    (b"\0asm", "it is a WebAssembly module"),
    (b"PK\x03\x04", "it is a zip archive"),
    (b"\x1f\x8b", "it is compressed with gzip"),
    (b"rust", "it is the metadata of a Rust crate"),
];

/// What a file that is not ELF looks like.
fn looks_like(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "it is empty".into();
    }
    if let Some((_, what)) = BEGINNINGS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return (*what).into();
    }
    let start = &bytes[..bytes.len().min(BEGINNING_BYTES)];
    if start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        let line = String::from_utf8_lossy(start);
        return format!(
            "it is text that starts with `{}`",
            line.lines().next().unwrap_or_default().trim_end()
        );
    }
    let hex: Vec<String> = start[..start.len().min(4)].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("it starts with the bytes {}, not with `7f 45 4c 46`", hex.join(" "))
}

/// How much of a file tells what it is.
const BEGINNING_BYTES: usize = 24;
