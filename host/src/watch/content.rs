//! What was read at a path.

use super::Kind;
use super::complete::{self, Flaw};
use super::seen::{Seen, Signature};
use super::tree::Tree;
use crate::library::{Digest, LIBRARY_BYTES_MAX};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// So many bytes of a data file, or of all files of a folder, are read: of the rest, size and time tell whether it changed.
pub(super) const DATA_BYTES_MAX: u64 = 64 << 20;

/// What was read.
#[derive(Debug)]
pub(super) enum Content {
    /// There is nothing.
    Gone,
    /// All of it.
    Whole(Digest, Files),
    /// A library that is not all there, or something that cannot be read.
    Flawed(Digest, Flaw),
    /// It was written while it was read.
    Moving,
}

/// The files of a folder, as they were when they were read.
pub(super) type Files = BTreeMap<PathBuf, (Signature, Digest)>;

/// Reads what was seen. What did not change since `before` is not read again.
pub(super) fn read(path: &Path, kind: Kind, seen: &Seen, before: &Files) -> Content {
    match (seen, kind) {
        (Seen::Gone, _) => Content::Gone,
        (Seen::File(signature), Kind::Library) => read_library(path, signature),
        (Seen::File(signature), Kind::Data) => match digest(path, signature, DATA_BYTES_MAX) {
            Ok(Some(digest)) => Content::Whole(digest, Files::new()),
            Ok(None) => Content::Moving,
            Err(cause) => unreadable(&cause.to_string()),
        },
        (Seen::Folder(tree), Kind::Data) => read_folder(path, tree, before),
        (Seen::Folder(_), Kind::Library) => unreadable("it is a folder"),
        (Seen::Other(_), _) => unreadable("it is no regular file"),
    }
}

fn unreadable(cause: &str) -> Content {
    let why = format!("it cannot be read: {cause}");
    Content::Flawed(Digest::of(why.as_bytes()), Flaw { why, certain: true })
}

fn read_library(path: &Path, signature: &Signature) -> Content {
    if signature.size > LIBRARY_BYTES_MAX {
        return unreadable(&format!("it has {} bytes, at most {LIBRARY_BYTES_MAX}", signature.size));
    }
    match bytes(path, signature) {
        Ok(None) => Content::Moving,
        Err(cause) => unreadable(&cause.to_string()),
        Ok(Some(bytes)) => {
            let digest = Digest::of(&bytes);
            complete::check(&bytes)
                .map_or_else(|flaw| Content::Flawed(digest, flaw), |()| Content::Whole(digest, Files::new()))
        }
    }
}

/// The files in the order of their paths, as long as there are bytes left to be read.
fn read_folder(root: &Path, tree: &Tree, before: &Files) -> Content {
    let mut files = Files::new();
    let mut left = DATA_BYTES_MAX;
    for (path, signature) in &tree.files {
        let known = before.get(path).filter(|(old, _)| old.is_surely(signature)).map(|(_, digest)| *digest);
        let digest =
            match known.map_or_else(|| digest(&root.join(path), signature, left), |one| Ok(Some(one))) {
                Ok(Some(digest)) => digest,
                Ok(None) => return Content::Moving,
                Err(cause) => Digest::of(cause.to_string().as_bytes()),
            };
        left = left.saturating_sub(signature.size);
        files.insert(path.clone(), (*signature, digest));
    }
    Content::Whole(digest_of(&files), files)
}

fn digest_of(files: &Files) -> Digest {
    let mut list = String::new();
    for (path, (_, digest)) in files {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "{digest} {path:?}");
    }
    Digest::of(list.as_bytes())
}

/// The first file that is not what it was.
pub(super) fn difference(before: &Files, after: &Files) -> Option<PathBuf> {
    let digest = |files: &Files, path: &PathBuf| files.get(path).map(|(_, digest)| *digest);
    let changed = |path: &&PathBuf| digest(before, path) != digest(after, path);
    after.keys().chain(before.keys()).find(changed).cloned()
}

/// The digest of a file; none when it is not any more what was seen.
fn digest(path: &Path, seen: &Signature, bytes_max: u64) -> io::Result<Option<Digest>> {
    if seen.size > bytes_max {
        return Ok(Some(seen.digest()));
    }
    Ok(bytes(path, seen)?.map(|bytes| Digest::of(&bytes)))
}

/// The bytes of a file; none when it is not any more what was seen.
fn bytes(path: &Path, seen: &Signature) -> io::Result<Option<Vec<u8>>> {
    // What was a file may be a FIFO now, which would block.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    if !is_as_seen(&file, seen)? {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(seen.size as usize + 1);
    (&file).take(seen.size + 1).read_to_end(&mut bytes)?;
    Ok(is_as_seen(&file, seen)?.then_some(bytes))
}

fn is_as_seen(file: &File, seen: &Signature) -> io::Result<bool> {
    Ok(Signature::of(&file.metadata()?).is_equal(seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read_data(path: &Path, before: &Files) -> Content {
        read(path, Kind::Data, &Seen::at(path, &[]), before)
    }

    fn whole(content: Content) -> (Digest, Files) {
        match content {
            Content::Whole(digest, files) => (digest, files),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_folder_has_the_digest_of_its_names_and_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, "1").unwrap();
        let (first, files) = whole(read_data(folder.path(), &Files::new()));
        fs::write(&a, "2").unwrap();
        let (second, changed) = whole(read_data(folder.path(), &files));
        assert_ne!(first, second);
        assert_eq!(difference(&files, &changed), Some("a".into()));
        fs::write(&a, "1").unwrap();
        assert_eq!(whole(read_data(folder.path(), &changed)).0, first);
        fs::rename(&a, &b).unwrap();
        let (third, moved) = whole(read_data(folder.path(), &files));
        assert!(third != first && difference(&files, &moved) == Some("b".into()), "{moved:?}");
        assert_eq!(difference(&moved, &moved), None);
    }

    #[test]
    fn a_file_that_is_too_large_to_be_read_is_known_by_its_size_and_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(DATA_BYTES_MAX + 1).unwrap();
        let (first, _) = whole(read_data(file.path(), &Files::new()));
        assert_eq!(whole(read_data(file.path(), &Files::new())).0, first);
        file.as_file().set_len(DATA_BYTES_MAX + 2).unwrap();
        assert_ne!(whole(read_data(file.path(), &Files::new())).0, first);
    }

    #[test]
    fn what_is_not_any_more_what_was_seen_is_moving() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let seen = Seen::at(file.path(), &[]);
        fs::write(file.path(), "more").unwrap();
        assert!(matches!(read(file.path(), Kind::Data, &seen, &Files::new()), Content::Moving));
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        for (path, kind) in [(&*fifo, Kind::Data), (&*fifo, Kind::Library), (folder.path(), Kind::Library)] {
            let content = read(path, kind, &Seen::at(path, &[]), &Files::new());
            assert!(matches!(&content, Content::Flawed(_, flaw) if flaw.certain), "{content:?}");
        }
    }
}
