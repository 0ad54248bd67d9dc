//! A module: what its file says of addresses in it.

use super::Frame;
use super::found::Found;
use crate::units::page_bytes;
use addr2line::gimli::{self, EndianSlice, RunTimeEndian};
use object::read::elf::ElfFile64;
use object::{
    Endianness, Object, ObjectSection, ObjectSegment, ObjectSymbol, ObjectSymbolTable, ReadCache,
    SegmentFlags, SymbolIndex, SymbolKind,
};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::fs::File;
use std::ops::Range;

type Elf<'f> = ElfFile64<'f, Endianness, &'f ReadCache<File>>;
type Lines<'f> = addr2line::Context<EndianSlice<'f, RunTimeEndian>>;

/// More debug information than this is left aside: its functions have names, and no lines.
const DEBUG_BYTES_MAX: u64 = 512 << 20;

pub(super) struct Module<'f> {
    pub(super) found: &'f Found,
    elf: Elf<'f>,
    /// What an address in the process is more than one in the file.
    pub(super) bias: u64,
    build_id: Option<String>,
    functions: OnceCell<Vec<Function>>,
    lines: OnceCell<Option<Lines<'f>>>,
}

/// Of a table of symbols. Its name is read when it is asked for: a program has many of them.
struct Function {
    range: Range<u64>,
    table: Table,
    index: SymbolIndex,
}

#[derive(Clone, Copy)]
enum Table {
    All,
    Dynamic,
}

impl<'f> Module<'f> {
    /// None: it is no ELF file of this machine's, or not mapped as it says.
    pub(super) fn of(found: &'f Found) -> Option<Self> {
        let elf = Elf::parse(&found.bytes).ok()?;
        let bias = bias(&elf, found)?;
        let build_id = elf.build_id().ok().flatten();
        let build_id = build_id.map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect());
        Some(Self { found, elf, bias, build_id, functions: OnceCell::new(), lines: OnceCell::new() })
    }

    /// A section, with its addresses in the file.
    pub(super) fn section(&self, name: &str) -> Option<(Range<u64>, &'f [u8])> {
        let section = self.elf.section_by_name(name)?;
        let data = section.data().ok().filter(|data| !data.is_empty())?;
        Some((section.address()..section.address() + data.len() as u64, data))
    }

    /// The calls at an address of the process: several, where functions were inlined. `looked_up` is within the call.
    pub(super) fn frames(&self, address: u64, looked_up: u64) -> Vec<Frame> {
        let at = looked_up.wrapping_sub(self.bias);
        let bare = Frame {
            address,
            library: Some(self.found.name.clone()),
            offset: Some(address.wrapping_sub(self.bias)),
            build_id: self.build_id.clone(),
            ..Frame::default()
        };
        let mut frames = self.frames_by_lines(at, &bare);
        if frames.is_empty() {
            frames.push(Frame { function: self.function(at), ..bare });
        }
        frames
    }

    fn frames_by_lines(&self, at: u64, bare: &Frame) -> Vec<Frame> {
        let mut frames = Vec::new();
        let lines = self.lines.get_or_init(|| self.read_lines()).as_ref();
        let Some(mut found) = lines.and_then(|lines| lines.find_frames(at).skip_all_loads().ok()) else {
            return frames;
        };
        while let Ok(Some(one)) = found.next() {
            frames.iter_mut().for_each(|frame: &mut Frame| frame.is_inlined = true);
            let function = one.function.as_ref().and_then(|function| function.demangle().ok());
            let source = one.location.and_then(|at| Some((at.file?.to_owned(), at.line.unwrap_or(0))));
            let function = function.map(Cow::into_owned).or_else(|| self.function(at));
            frames.push(Frame { function, source, ..bare.clone() });
        }
        frames
    }

    /// The host's own debug information is large and says nothing of plugins.
    fn read_lines(&self) -> Option<Lines<'f>> {
        let debug = self
            .elf
            .sections()
            .filter(|section| section.name().is_ok_and(|name| name.starts_with(".debug_")));
        if self.found.is_program || debug.map(|section| section.size()).sum::<u64>() > DEBUG_BYTES_MAX {
            return None;
        }
        let endian = match self.elf.endianness() {
            Endianness::Little => RunTimeEndian::Little,
            Endianness::Big => RunTimeEndian::Big,
        };
        let load = |id: gimli::SectionId| {
            let data = self.section(id.name()).map_or(&[][..], |(_, data)| data);
            Ok::<_, gimli::Error>(EndianSlice::new(data, endian))
        };
        addr2line::Context::from_dwarf(gimli::Dwarf::load(load).ok()?).ok()
    }

    fn function(&self, at: u64) -> Option<String> {
        let functions = self.functions.get_or_init(|| self.read_functions());
        let before = functions.partition_point(|function| function.range.start <= at);
        // Some begin at the same address, and some have no length.
        let found = functions[..before].iter().rev().take(8).find(|function| function.range.contains(&at))?;
        let table = match found.table {
            Table::All => self.elf.symbol_table(),
            Table::Dynamic => self.elf.dynamic_symbol_table(),
        };
        let symbol = table?.symbol_by_index(found.index).ok()?;
        Some(addr2line::demangle_auto(Cow::Borrowed(symbol.name().ok()?), None).into_owned())
    }

    fn read_functions(&self) -> Vec<Function> {
        let all = self.elf.symbols().map(|symbol| (symbol, Table::All));
        let symbols = all.chain(self.elf.dynamic_symbols().map(|symbol| (symbol, Table::Dynamic)));
        let code = symbols.filter(|(symbol, _)| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
        let mut functions: Vec<_> = code
            .filter_map(|(symbol, table)| {
                let range = symbol.address()..symbol.address().checked_add(symbol.size())?;
                Some(Function { range, table, index: symbol.index() })
            })
            .collect();
        functions.sort_by_key(|function| function.range.start);
        functions
    }
}

/// Where the file says that its code wants to be, against where that is.
fn bias(elf: &Elf<'_>, found: &Found) -> Option<u64> {
    let page = !(page_bytes() - 1);
    let is_code =
        |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags.contains(object::elf::PF_X));
    elf.segments().filter(|segment| is_code(segment.flags())).find_map(|segment| {
        let (offset, _) = segment.file_range();
        let (start, _) = found.code.iter().find(|(_, mapped)| *mapped == offset & page)?;
        Some(start.wrapping_sub(segment.address() & page))
    })
}
