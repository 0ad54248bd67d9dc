//! The files behind the code of a process.

use super::maps::Mapping;
use object::ReadCache;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that is mapped with code, open.
pub(super) struct Found {
    pub(super) range: Range<u64>,
    /// Where its code is mapped, and which part of the file that is.
    pub(super) code: Vec<(u64, u64)>,
    pub(super) name: String,
    /// The program itself, and no library.
    pub(super) is_program: bool,
    /// Read as far as it is asked for.
    pub(super) bytes: ReadCache<File>,
}

/// All of a process. One that cannot be opened any more is left out: its frames have addresses alone.
pub(super) fn found(process: u32, mappings: &[Mapping]) -> Vec<Found> {
    let program = std::fs::metadata(format!("/proc/{process}/exe")).map_or(0, |meta| meta.ino());
    let mut inodes: Vec<u64> = mappings.iter().filter(|one| one.is_code).map(|one| one.inode).collect();
    inodes.sort_unstable();
    inodes.dedup();
    let of_one = |inode: u64| {
        let parts: Vec<&Mapping> = mappings.iter().filter(|one| one.inode == inode).collect();
        let code = parts.iter().filter(|one| one.is_code).map(|one| (one.range.start, one.offset));
        let (first, last) = (parts.first()?, parts.last()?);
        Some(Found {
            range: first.range.start..last.range.end,
            code: code.collect(),
            name: name(&first.path),
            is_program: inode == program,
            bytes: ReadCache::new(open(process, inode, &first.path)?),
        })
    };
    inodes.into_iter().filter(|inode| *inode != 0).filter_map(of_one).collect()
}

/// `/memfd:liblab.so (deleted)` is `liblab.so`.
fn name(path: &str) -> String {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("memfd:").unwrap_or(&name).to_owned()
}

/// The file itself, by whatever name it can still be had: another one may be at its path by now.
fn open(process: u32, inode: u64, path: &str) -> Option<File> {
    let named = [format!("/proc/{process}/exe"), format!("/proc/{process}/root{path}")].map(PathBuf::from);
    let is_it =
        |path: &PathBuf| std::fs::metadata(path).is_ok_and(|meta| meta.ino() == inode && meta.is_file());
    let named = named.into_iter().find(is_it);
    // A sealed copy has no name, and the process keeps it open.
    let of_descriptors = || descriptors(process).find(is_it);
    File::open(named.or_else(of_descriptors)?).ok()
}

fn descriptors(process: u32) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{Library, Sealed, fixture};
    use crate::stack::maps::mappings;

    #[test]
    fn a_copy_is_called_what_its_file_was() {
        assert_eq!(name("/memfd:liblab.so (deleted)"), "liblab.so");
        assert_eq!(name("/usr/lib/libc.so.6"), "libc.so.6");
        assert_eq!(name("/tmp/host-a b/library.so (deleted)"), "library.so");
    }

    #[test]
    fn the_program_is_found_and_a_sealed_copy_that_has_no_name() {
        let folder = fixture::Folder::new();
        let file = folder.library(&(fixture::good() + "int some_code(void) { return 1; }"), &[]);
        let _library = Library::open(Sealed::copy(&file).expect("a copy")).expect("a library");
        let process = std::process::id();
        let all = found(process, &mappings(process).expect("a list"));
        assert_eq!(all.iter().filter(|one| one.is_program).count(), 1);
        assert!(all.iter().any(|one| one.name == "libx.so" && !one.code.is_empty()));
    }
}
