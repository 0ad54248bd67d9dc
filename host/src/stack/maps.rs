//! What is mapped where in a process, as the system lists it.

use std::io;
use std::ops::Range;

/// A line of `/proc/<pid>/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) range: Range<u64>,
    pub(super) offset: u64,
    pub(super) is_code: bool,
    /// 0: it is of no file.
    pub(super) inode: u64,
    pub(super) path: String,
}

pub(super) fn mappings(process: u32) -> io::Result<Vec<Mapping>> {
    let maps = std::fs::read(format!("/proc/{process}/maps"))?;
    Ok(String::from_utf8_lossy(&maps).lines().filter_map(mapping).collect())
}

/// `from-to perms offset device inode path`, where the path may have blanks.
fn mapping(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut next = || {
        let (field, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = behind.trim_start();
        field
    };
    let (range, perms, offset, _device, inode) = (next(), next(), next(), next(), next());
    let (from, to) = range.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some(Mapping {
        range: hex(from)?..hex(to)?,
        offset: hex(offset)?,
        is_code: perms.contains('x'),
        inode: inode.parse().ok()?,
        path: rest.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_parts_and_a_path_with_blanks() {
        let line = "7f00-7f80 r-xp 00001000 00:01 42                         /memfd:a b.so (deleted)";
        let want = Mapping {
            range: 0x7f00..0x7f80,
            offset: 0x1000,
            is_code: true,
            inode: 42,
            path: "/memfd:a b.so (deleted)".to_owned(),
        };
        assert_eq!(mapping(line), Some(want));
        let none = mapping("7f00-7f80 rw-p 00000000 00:00 0").expect("a mapping");
        assert_eq!((none.is_code, none.inode, none.path.as_str()), (false, 0, ""));
        assert_eq!(mapping("no mapping"), None);
    }

    #[test]
    fn this_process_has_mappings_and_one_of_them_is_this_code() {
        let mappings = mappings(std::process::id()).expect("a list");
        let here = this_process_has_mappings_and_one_of_them_is_this_code as *const () as u64;
        let found = mappings.iter().find(|mapping| mapping.range.contains(&here)).expect("this code");
        assert!(found.is_code && found.inode != 0, "{found:?}");
    }
}
