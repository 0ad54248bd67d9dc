//! What is at a path, as a look without reading tells it.

use super::tree::Tree;
use crate::library::Digest;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is at a path.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    /// Nothing, or nothing that may be looked at.
    Gone,
    /// A file.
    File(Signature),
    /// A folder and all that is in it.
    Folder(Tree),
    /// A device, a socket, a FIFO: never read.
    Other(Signature),
}

impl Seen {
    /// Looks, through symbolic links. What is below a folder and in `without` is not looked at.
    pub(super) fn at(path: &Path, without: &[PathBuf]) -> Self {
        match path.metadata() {
            Err(_) => Self::Gone,
            Ok(meta) if meta.is_file() => Self::File(Signature::of(&meta)),
            Ok(meta) if meta.is_dir() => Self::Folder(Tree::at(path, without)),
            Ok(meta) => Self::Other(Signature::of(&meta)),
        }
    }

    /// Whether it is certain that nothing was written between the two looks.
    pub(super) fn is_surely(&self, later: &Self) -> bool {
        self.agrees(later, Signature::is_surely)
    }

    /// Whether the two looks tell the same.
    pub(super) fn is_equal(&self, later: &Self) -> bool {
        self.agrees(later, Signature::is_equal)
    }

    fn agrees(&self, later: &Self, same: fn(&Signature, &Signature) -> bool) -> bool {
        match (self, later) {
            (Self::Gone, Self::Gone) => true,
            (Self::File(one), Self::File(other)) | (Self::Other(one), Self::Other(other)) => same(one, other),
            (Self::Folder(one), Self::Folder(other)) => one.agrees(other, same),
            _ => false,
        }
    }
}

/// What `stat` tells of the content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    device: u64,
    inode: u64,
    pub(super) size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// A write that follows at once may leave all of the above as it is.
    is_fresh: bool,
}

/// The clock of file systems moves in steps, of 10 ms at most.
const STEP: Duration = Duration::from_millis(20);

impl Signature {
    pub(super) fn of(meta: &Metadata) -> Self {
        let changed = (meta.ctime(), meta.ctime_nsec());
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed,
            is_fresh: is_fresh(changed, SystemTime::now()),
        }
    }

    /// Whether it is certain that the file was not written between the two looks.
    pub(super) fn is_surely(&self, later: &Self) -> bool {
        !self.is_fresh && self.is_equal(later)
    }

    /// Whether the two looks tell the same.
    pub(super) fn is_equal(&self, later: &Self) -> bool {
        Self { is_fresh: self.is_fresh, ..*later } == *self
    }

    /// What stands for the digest of a file that is too large to be read.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(format!("{} {} {:?}", self.inode, self.size, self.modified).as_bytes())
    }
}

/// A time in the future, of a file server whose clock is ahead, is fresh for as long as it is one.
fn is_fresh((seconds, nanos): (i64, i64), now: SystemTime) -> bool {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let changed = Duration::new(seconds.try_into().unwrap_or_default(), nanos.try_into().unwrap_or_default());
    changed + STEP > since_epoch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[test]
    fn a_signature_is_trusted_once_the_clock_of_the_files_has_moved_on() {
        let changed = (5, 0);
        assert!(is_fresh(changed, at(5000)) && is_fresh(changed, at(5019)) && is_fresh(changed, at(0)));
        assert!(!is_fresh(changed, at(5020)) && !is_fresh(changed, at(9000)));
    }

    #[test]
    fn a_fresh_signature_is_no_proof_and_an_old_one_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let now = Signature::of(&file.as_file().metadata().unwrap());
        let old = Signature { is_fresh: false, ..now };
        let fresh = Signature { is_fresh: true, ..now };
        assert!(old.is_surely(&old) && old.is_surely(&fresh) && !fresh.is_surely(&old));
        assert!(!old.is_surely(&Signature { size: 7, ..old }));
    }
}
