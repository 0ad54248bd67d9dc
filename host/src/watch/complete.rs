//! Whether a library is all there.
//!
//! A linker that writes in place makes the file as long as it will be and fills it in any order; one that copies lets it
//! grow. So a length tells nothing, and a file that was cut off may have zeros where its end will be. What is looked at is
//! what the file says of itself: every table and every segment lies within it, and nothing is empty that never is.

use object::elf::{
    FileHeader32, FileHeader64, SHF_EXECINSTR, SHT_DYNSYM, SHT_NOBITS, SHT_NULL, SHT_REL, SHT_RELA,
    SHT_STRTAB, SHT_SYMTAB, SectionType,
};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind};

/// Why a library is not all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) why: String,
    /// No loader could take it. Otherwise a complete file looks like this once in a long while.
    pub(super) certain: bool,
}

/// What memory and disks are written in: of a file whose writer is at work, whole pages are missing.
const PAGE: u64 = 4096;

/// So many zeros in a row are in no table and no code. A linker that reserved too much leaves a few.
const ZEROS_MIN: u64 = 256;

/// Of two things that are wrong, the certain one.
pub(super) fn check(bytes: &[u8]) -> Result<(), Flaw> {
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf32) => check_elf::<FileHeader32<Endianness>>(bytes),
        Ok(FileKind::Elf64) => check_elf::<FileHeader64<Endianness>>(bytes),
        _ => Err(certain("it does not begin as an ELF file does")),
    }
}

fn certain(why: impl Into<String>) -> Flaw {
    Flaw { why: why.into(), certain: true }
}

fn doubtful(why: impl Into<String>) -> Flaw {
    Flaw { why: why.into(), certain: false }
}

fn check_elf<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<(), Flaw> {
    let broken = |error: object::Error| certain(format!("its headers cannot be read: {error}"));
    let header = H::parse(bytes).map_err(broken)?;
    let endian = header.endian().map_err(broken)?;
    let segments = header.program_headers(endian, bytes).map_err(broken)?;
    if segments.is_empty() {
        return Err(certain("it has no segments"));
    }
    let ends = segments.iter().map(|one| (one.p_offset(endian).into(), one.p_filesz(endian).into()));
    ends.enumerate().try_for_each(|(index, (offset, size))| within(bytes, "segment", index, offset, size))?;
    // Also reads the table of their names: it is the last thing that some linkers write.
    header.sections(endian, bytes).map_err(broken)?;
    let sections = header.section_headers(endian, bytes).map_err(broken)?;
    if sections.is_empty() {
        return Err(doubtful("it has no sections"));
    }
    let sections: Vec<_> = sections.iter().map(|one| Section::of(one, endian)).enumerate().skip(1).collect();
    sections.iter().try_for_each(|(index, section)| section.check_place(*index, bytes))?;
    sections.iter().try_for_each(|(index, section)| section.check_content(*index, bytes))
}

fn within(bytes: &[u8], what: &str, index: usize, offset: u64, size: u64) -> Result<(), Flaw> {
    let (end, has) = (offset.saturating_add(size), bytes.len() as u64);
    if end > has {
        return Err(certain(format!("{what} {index} ends at {end}, the file at {has}")));
    }
    Ok(())
}

/// What is looked at of a section.
struct Section {
    kind: SectionType,
    is_code: bool,
    offset: u64,
    size: u64,
    align: u64,
}

impl Section {
    fn of<S: SectionHeader<Endian = Endianness>>(header: &S, endian: Endianness) -> Self {
        Self {
            kind: header.sh_type(endian),
            is_code: header.sh_flags(endian).contains(SHF_EXECINSTR),
            offset: header.sh_offset(endian).into(),
            size: header.sh_size(endian).into(),
            align: header.sh_addralign(endian).into(),
        }
    }

    /// Only the first header of the table is empty; an empty one further on was not written yet.
    fn check_place(&self, index: usize, bytes: &[u8]) -> Result<(), Flaw> {
        match self.kind {
            SHT_NULL => Err(certain(format!("section {index} has no header"))),
            SHT_NOBITS => Ok(()),
            _ => within(bytes, "section", index, self.offset, self.size),
        }
    }

    fn check_content(&self, index: usize, bytes: &[u8]) -> Result<(), Flaw> {
        // Linkers write 1 where nothing is to be aligned: 0 is the end of a header that was cut off.
        if self.align == 0 {
            return Err(doubtful(format!("the header of section {index} has no end")));
        }
        let is_table = [SHT_SYMTAB, SHT_DYNSYM, SHT_STRTAB, SHT_RELA, SHT_REL].contains(&self.kind);
        let is_looked_at = is_table || (self.is_code && self.kind != SHT_NOBITS);
        match self.missing_page(bytes).filter(|_| is_looked_at) {
            Some(at) => Err(doubtful(format!("section {index} has nothing but zeros at {at}"))),
            None => Ok(()),
        }
    }

    /// Where a page begins of which this section has nothing but zeros.
    fn missing_page(&self, bytes: &[u8]) -> Option<u64> {
        let end = self.offset.saturating_add(self.size);
        let mut from = self.offset;
        while from < end {
            let to = end.min((from / PAGE + 1) * PAGE);
            let part = bytes.get(from as usize..to as usize)?;
            if to - from >= ZEROS_MIN && part.iter().all(|byte| *byte == 0) {
                return Some(from);
            }
            from = to;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::fixture::{Folder, good};
    use std::path::PathBuf;

    /// A few pages of code and tables, linked by the system's linker.
    fn library(args: &[&str]) -> Vec<u8> {
        library_of(200, args)
    }

    fn library_of(functions: usize, args: &[&str]) -> Vec<u8> {
        let functions: String = (0..functions)
            .map(|n| format!("int a_function_of_a_plugin_{n}(int x) {{ return x * {n} + 1; }}\n"))
            .collect();
        let folder = Folder::new();
        std::fs::read(folder.library(&(good() + &functions), args)).unwrap()
    }

    /// What is linked here in every way that this machine knows, and this very program.
    fn real_files() -> Vec<(String, Vec<u8>)> {
        let linkers = [("bfd", &["-fuse-ld=bfd"][..]), ("stripped", &["-s"]), ("debug", &["-g"])];
        let mut files: Vec<_> =
            linkers.iter().map(|(name, args)| ((*name).to_owned(), library(args))).collect();
        let this = std::env::current_exe().unwrap();
        files.push((this.display().to_string(), std::fs::read(&this).unwrap()));
        let libc = PathBuf::from("/lib/x86_64-linux-gnu/libc.so.6");
        files.extend(std::fs::read(&libc).ok().map(|bytes| (libc.display().to_string(), bytes)));
        files
    }

    #[test]
    fn a_whole_file_is_complete_whoever_linked_it() {
        for (name, bytes) in real_files() {
            assert_eq!(check(&bytes), Ok(()), "{name}");
        }
    }

    #[test]
    fn no_prefix_of_a_library_is_complete() {
        let bytes = library(&[]);
        for length in 0..bytes.len() {
            assert!(check(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
        assert_eq!(check(&bytes), Ok(()));
    }

    #[test]
    fn no_library_whose_end_is_zeros_is_complete() {
        for (name, whole) in [("plain", library(&[])), ("stripped", library(&["-s"]))] {
            let last = whole.iter().rposition(|byte| *byte != 0).unwrap();
            let mut bytes = whole.clone();
            for cut in (0..=last).rev() {
                bytes[cut] = 0;
                assert!(
                    bytes == whole || check(&bytes).is_err(),
                    "{name}: zeros from {cut} of {}",
                    bytes.len()
                );
            }
        }
    }

    #[test]
    fn a_library_without_a_page_of_its_code_or_tables_is_not_complete() {
        let whole = library_of(1500, &["-s"]);
        let header = FileHeader64::<Endianness>::parse(&*whole).unwrap();
        let endian = header.endian().unwrap();
        let mut missed = 0;
        for (index, section) in header.section_headers(endian, &*whole).unwrap().iter().enumerate() {
            let section = Section::of(section, endian);
            let pages = section.offset.div_ceil(PAGE)..(section.offset + section.size) / PAGE;
            for page in pages.filter(|_| section.is_code || section.kind == SHT_DYNSYM) {
                let mut bytes = whole.clone();
                bytes[(page * PAGE) as usize..((page + 1) * PAGE) as usize].fill(0);
                let flaw = check(&bytes).unwrap_err();
                assert!(
                    !flaw.certain && flaw.why.starts_with(&format!("section {index} has nothing")),
                    "{flaw:?}"
                );
                missed += 1;
            }
        }
        assert!(missed > 2, "the library has {missed} such pages");
    }

    #[test]
    fn what_is_missing_is_named() {
        let whole = library(&[]);
        let cut = check(&whole[..whole.len() / 2]).unwrap_err();
        assert!(cut.certain && cut.why.contains("ends at") || cut.why.contains("headers"), "{cut:?}");
        assert_eq!(check(b"").unwrap_err().why, "it does not begin as an ELF file does");
        let zeros = vec![0; whole.len()];
        assert_eq!(check(&zeros).unwrap_err().why, "it does not begin as an ELF file does");
    }

    #[test]
    fn no_bytes_make_the_check_panic() {
        let whole = library(&["-s"]);
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as usize
        };
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random() % 4 {
                let at = if random() % 2 == 0 { random() % 64 } else { random() % bytes.len() };
                bytes[at] = random() as u8;
            }
            bytes.truncate(random() % (2 * whole.len()));
            let _ = check(&bytes);
        }
    }
}
