//! Reads the [`Facts`] out of an ELF file, with the `object` crate. Of the file's own offsets and sizes nothing is believed.

use super::facts::{Entry, Facts, Hardening, Kind, Relro, SymbolKind};
use super::host::Glibc;
use crate::library::ENTRY;
use crate::manifest::Note;
use object::elf::{
    DF_1_NODELETE, DF_1_NOW, DF_1_PIE, DF_BIND_NOW, DF_STATIC_TLS, DF_TEXTREL, DT_BIND_NOW, DT_FLAGS,
    DT_FLAGS_1, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_TEXTREL, ELF_NOTE_GNU, ELF_NOTE_GO, EM_386, EM_X86_64,
    ET_CORE, ET_DYN, ET_EXEC, ET_REL, FileType, NT_GNU_BUILD_ID, PF_X, PT_DYNAMIC, PT_GNU_RELRO,
    PT_GNU_STACK, PT_LOAD, ProgramType, SHT_DYNSYM, STB_GNU_UNIQUE, STB_LOCAL, STT_FUNC, STT_GNU_IFUNC,
    STT_OBJECT, STT_TLS, SymbolType, VER_FLG_WEAK,
};
use object::read::elf::{FileHeader, ProgramHeader, SectionTable, Sym, SymbolTable};
use object::{Endianness, Error};

/// A file, its header read.
struct Elf<'a, H: FileHeader<Endian = Endianness>> {
    bytes: &'a [u8],
    header: &'a H,
    endian: Endianness,
    segments: &'a [H::ProgramHeader],
    sections: SectionTable<'a, H>,
    symbols: SymbolTable<'a, H>,
}

pub(super) fn read<H: FileHeader<Endian = Endianness>>(bytes: &[u8], bits: u8) -> Result<Facts, Error> {
    let header = H::parse(bytes)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, bytes)?;
    // Without its sections a library can be loaded, but not be looked at; a file that was cut off has none either, and
    // that is the better thing to say. So what cannot be read is empty here.
    let sections = header.sections(endian, bytes).unwrap_or_default();
    let symbols = sections.symbols(endian, bytes, SHT_DYNSYM).unwrap_or_default();
    let elf = Elf { bytes, header, endian, segments, sections, symbols };
    Ok(elf.facts(bits))
}

impl<H: FileHeader<Endian = Endianness>> Elf<'_, H> {
    fn facts(&self, bits: u8) -> Facts {
        let dynamic = self.dynamic();
        let (glibc, notes) = (self.glibc(), self.notes());
        let stack = self.segments.iter().find(|segment| segment.p_type(self.endian) == PT_GNU_STACK);
        Facts {
            kind: self.kind(&dynamic),
            machine: self.header.e_machine(self.endian).0,
            bits,
            little_endian: self.endian == Endianness::Little,
            segments_end: self.segments_end(),
            size: self.bytes.len() as u64,
            build_id: notes.build_id,
            note: Note::find(self.bytes),
            has_symbols: !self.symbols.is_empty(),
            exports: self.exports(),
            entry: self.entry(),
            needed: dynamic.needed.clone(),
            glibc,
            executable_stack: stack
                .map_or(self.stack_is_executable(), |stack| stack.p_flags(self.endian).contains(PF_X)),
            text_relocations: dynamic.text_relocations || dynamic.flags & DF_TEXTREL.0 != 0,
            static_tls: dynamic.flags & DF_STATIC_TLS.0 != 0,
            nodelete: dynamic.flags_1 & DF_1_NODELETE.0 != 0,
            unique: self.unique(),
            go: notes.go,
            hardening: self.hardening(&dynamic),
        }
    }

    fn kind(&self, dynamic: &Dynamic) -> Kind {
        match self.header.e_type(self.endian) {
            ET_REL => Kind::Relocatable,
            ET_EXEC => Kind::Executable,
            ET_CORE => Kind::Core,
            ET_DYN if dynamic.flags_1 & DF_1_PIE.0 != 0 => Kind::Executable,
            ET_DYN if self.has_segment(PT_DYNAMIC) => Kind::Shared,
            ET_DYN => Kind::NotDynamic,
            FileType(other) => Kind::Other(other),
        }
    }

    fn has_segment(&self, kind: ProgramType) -> bool {
        self.segments.iter().any(|segment| segment.p_type(self.endian) == kind)
    }

    fn segments_end(&self) -> u64 {
        let mapped = self.segments.iter().filter(|segment| segment.p_type(self.endian) == PT_LOAD);
        let ends = mapped.map(|segment| {
            let (offset, size): (u64, u64) =
                (segment.p_offset(self.endian).into(), segment.p_filesz(self.endian).into());
            offset.saturating_add(size)
        });
        ends.max().unwrap_or(0)
    }

    /// What the loader takes for granted when a file does not say.
    fn stack_is_executable(&self) -> bool {
        [EM_X86_64, EM_386].contains(&self.header.e_machine(self.endian))
    }

    fn dynamic(&self) -> Dynamic {
        let table = self.sections.dynamic_table(self.endian, self.bytes).unwrap_or_default();
        let mut dynamic = Dynamic::default();
        for entry in table.iter() {
            let text = || table.string(entry).map(lossy).ok();
            match entry.tag {
                DT_NEEDED => dynamic.needed.extend(text()),
                DT_FLAGS => dynamic.flags = entry.val,
                DT_FLAGS_1 => dynamic.flags_1 = entry.val,
                DT_TEXTREL => dynamic.text_relocations = true,
                DT_BIND_NOW => dynamic.bind_now = true,
                DT_RPATH | DT_RUNPATH => dynamic.run_path = text(),
                _ => {}
            }
        }
        dynamic
    }

    fn name(&self, symbol: &H::Sym) -> String {
        symbol.name(self.endian, self.symbols.strings()).map(lossy).unwrap_or_default()
    }

    /// Symbols that other objects can find here.
    fn defined(&self) -> impl Iterator<Item = &H::Sym> {
        self.symbols
            .iter()
            .filter(|symbol| !symbol.is_undefined(self.endian) && symbol.st_bind() != STB_LOCAL)
    }

    fn exports(&self) -> Vec<String> {
        self.defined().map(|symbol| self.name(symbol)).collect()
    }

    fn unique(&self) -> Vec<String> {
        self.defined()
            .filter(|symbol| symbol.st_bind() == STB_GNU_UNIQUE)
            .map(|symbol| self.name(symbol))
            .collect()
    }

    fn entry(&self) -> Option<Entry> {
        let symbol = self.defined().find(|symbol| self.name(symbol) == ENTRY)?;
        Some(Entry { kind: symbol_kind(symbol.st_type()), bytes: symbol.st_size(self.endian).into() })
    }

    /// The newest glibc version that a symbol must have; weak needs are none.
    fn glibc(&self) -> Option<(Glibc, Option<String>)> {
        let (mut needs, strings) = self.sections.gnu_verneed(self.endian, self.bytes).ok()??;
        let strings = self.sections.strings(self.endian, self.bytes, strings).ok()?;
        let mut newest: Option<(Glibc, u16)> = None;
        while let Ok(Some((_, mut versions))) = needs.next() {
            while let Ok(Some(version)) = versions.next() {
                let weak = version.vna_flags.get(self.endian).contains(VER_FLG_WEAK);
                let name = version.name(self.endian, strings).map(lossy).unwrap_or_default();
                let Some(glibc) = Glibc::of_symbol_version(&name).filter(|_| !weak) else { continue };
                if newest.is_none_or(|(known, _)| known < glibc) {
                    newest = Some((glibc, version.vna_other(self.endian).index().0));
                }
            }
        }
        newest.map(|(glibc, version)| (glibc, self.symbol_of_version(version)))
    }

    fn symbol_of_version(&self, version: u16) -> Option<String> {
        let (versions, _) = self.sections.gnu_versym(self.endian, self.bytes).ok()??;
        let index = versions.iter().position(|symbol| symbol.0.get(self.endian).index().0 == version)?;
        self.symbols.symbols().get(index).map(|symbol| self.name(symbol))
    }

    fn notes(&self) -> Notes {
        let mut found = Notes::default();
        for segment in self.segments {
            let Ok(Some(mut notes)) = segment.notes(self.endian, self.bytes) else { continue };
            while let Ok(Some(note)) = notes.next() {
                found.go |= note.name() == ELF_NOTE_GO;
                if note.name() == ELF_NOTE_GNU && note.n_type(self.endian) == NT_GNU_BUILD_ID {
                    found.build_id = Some(note.desc().iter().map(|byte| format!("{byte:02x}")).collect());
                }
            }
        }
        found
    }

    fn hardening(&self, dynamic: &Dynamic) -> Hardening {
        let bind_now =
            dynamic.bind_now || dynamic.flags & DF_BIND_NOW.0 != 0 || dynamic.flags_1 & DF_1_NOW.0 != 0;
        let imports = self.symbols.iter().filter(|symbol| symbol.is_undefined(self.endian));
        Hardening {
            relro: match (self.has_segment(PT_GNU_RELRO), bind_now) {
                (false, _) => Relro::None,
                (true, false) => Relro::Partial,
                (true, true) => Relro::Full,
            },
            bind_now,
            stack_protector: imports.map(|symbol| self.name(symbol)).any(|name| name == "__stack_chk_fail"),
            run_path: dynamic.run_path.clone(),
            debug_info: self.sections.section_by_name(self.endian, b".debug_info").is_some(),
        }
    }
}

/// What the dynamic section says.
#[derive(Default)]
struct Dynamic {
    needed: Vec<String>,
    flags: u64,
    flags_1: u64,
    text_relocations: bool,
    bind_now: bool,
    run_path: Option<String>,
}

/// What the notes of others say.
#[derive(Default)]
struct Notes {
    build_id: Option<String>,
    go: bool,
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn symbol_kind(kind: SymbolType) -> SymbolKind {
    match kind {
        STT_OBJECT => SymbolKind::Object,
        STT_FUNC | STT_GNU_IFUNC => SymbolKind::Function,
        STT_TLS => SymbolKind::ThreadLocal,
        _ => SymbolKind::Untyped,
    }
}
