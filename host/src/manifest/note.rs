//! The ELF note that carries the manifest.
//!
//! Owner `plugin-api`, type 1 (2 is reserved for a signature), and in the byte order of the file:
//!
//! | bytes | what |
//! |---|---|
//! | 0..2 | the major version of the ABI |
//! | 2..4 | the minor version |
//! | 4..8 | flags, `plugin_api::abi::NOTE_*` |
//! | 8.. | the TOML text, padded with NUL to four bytes |
//!
//! It is looked for where the loader has it, in the `PT_NOTE` segments, and then in the sections.

use object::elf::{FileHeader32, FileHeader64, NoteType};
use object::read::elf::{FileHeader, NoteIterator, ProgramHeader, SectionHeader};
use object::{Endian, Endianness, FileKind};

/// The section that a linker makes the note from.
pub const NOTE_SECTION: &str = ".note.plugin-api";
/// The owner's name in the note.
pub const NOTE_OWNER: &str = "plugin-api";
/// A longer manifest is refused.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;

const TYPE_MANIFEST: NoteType = NoteType(1);

/// The note of a plugin, its text not yet looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The major version of the ABI that the plugin was built for.
    pub abi_major: u16,
    /// The minor version.
    pub abi_minor: u16,
    /// `plugin_api::abi::NOTE_*`.
    pub flags: u32,
    /// The manifest.
    pub text: String,
}

impl Note {
    /// Finds the note in the bytes of a file. No bytes make it panic.
    ///
    /// # Errors
    /// The cause, when this is no ELF file, the note is damaged, or there are two.
    pub fn find(bytes: &[u8]) -> Result<Option<Self>, String> {
        match FileKind::parse(bytes) {
            Ok(FileKind::Elf32) => find::<FileHeader32<Endianness>>(bytes),
            Ok(FileKind::Elf64) => find::<FileHeader64<Endianness>>(bytes),
            _ => Err("not an ELF file".into()),
        }
    }
}

fn find<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Option<Note>, String> {
    let damaged = |error: object::Error| format!("damaged ELF file: {error}");
    let header = Elf::parse(bytes).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    for segment in header.program_headers(endian, bytes).map_err(damaged)? {
        if let Ok(Some(notes)) = segment.notes(endian, bytes)
            && let Some(note) = only::<Elf>(notes, endian)?
        {
            return Ok(Some(note));
        }
    }
    for section in header.section_headers(endian, bytes).unwrap_or_default() {
        if let Ok(Some(notes)) = section.notes(endian, bytes)
            && let Some(note) = only::<Elf>(notes, endian)?
        {
            return Ok(Some(note));
        }
    }
    Ok(None)
}

/// The manifest among these notes. What follows a damaged note cannot be found, so damage ends the search.
fn only<Elf: FileHeader<Endian = Endianness>>(
    mut notes: NoteIterator<'_, Elf>,
    endian: Endianness,
) -> Result<Option<Note>, String> {
    let mut found = None;
    while let Ok(Some(note)) = notes.next() {
        if note.name() != NOTE_OWNER.as_bytes() || note.n_type(endian) != TYPE_MANIFEST {
            continue;
        }
        if found.is_some() {
            return Err(format!("two notes `{NOTE_SECTION}`: a library holds one plugin"));
        }
        found = Some(decode(note.desc(), endian)?);
    }
    Ok(found)
}

fn decode(desc: &[u8], endian: Endianness) -> Result<Note, String> {
    let Some((head, text)) = desc.split_first_chunk::<8>() else {
        return Err(format!("the note `{NOTE_SECTION}` has {} bytes, its head alone has 8", desc.len()));
    };
    if text.len() > MANIFEST_BYTES_MAX {
        return Err(format!(
            "the note `{NOTE_SECTION}` has {} bytes, at most {MANIFEST_BYTES_MAX} are read",
            text.len()
        ));
    }
    let text = str::from_utf8(unpadded(text))
        .map_err(|error| format!("the note `{NOTE_SECTION}` is not UTF-8: {error}"))?;
    let [a, b, c, d, e, f, g, h] = *head;
    let abi_major = endian.read_u16([a, b]);
    let abi_minor = endian.read_u16([c, d]);
    let flags = endian.read_u32([e, f, g, h]);
    Ok(Note { abi_major, abi_minor, flags, text: text.to_owned() })
}

/// The text without its padding.
fn unpadded(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &text[..end]
}
