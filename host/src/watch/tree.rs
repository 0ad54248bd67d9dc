//! What is in a folder.

use super::seen::Signature;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// More files and folders than this are not looked at.
pub(super) const ENTRIES_MAX: usize = 20_000;

/// What editors leave beside a file while it is open: how its name begins and ends.
const LEFTOVERS: &[(&str, &str)] = &[
    ("", "~"),
    (".", ".swp"),
    (".", ".swo"),
    (".", ".swx"),
    (".#", ""),
    ("#", "#"),
    (".goutputstream-", ""),
];

/// The files and folders below a folder. Symbolic links are followed, each folder once.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// Each file, by its path from the folder.
    pub(super) files: BTreeMap<PathBuf, Signature>,
    /// Each folder, itself included.
    pub(super) folders: BTreeSet<PathBuf>,
    /// There is more than [`ENTRIES_MAX`].
    pub(super) is_cut: bool,
}

impl Tree {
    /// Looks at a folder, but not at what is below it and named in `without`.
    pub(super) fn at(root: &Path, without: &[PathBuf]) -> Self {
        Self::within(ENTRIES_MAX, root, without)
    }

    fn within(entries_max: usize, root: &Path, without: &[PathBuf]) -> Self {
        let mut tree = Self::default();
        let mut known = HashSet::new();
        let mut left = vec![root.to_owned()];
        while let Some(folder) = left.pop() {
            let is_new = folder.metadata().is_ok_and(|meta| known.insert((meta.dev(), meta.ino())));
            if is_new {
                left.extend(tree.look(entries_max, root, &folder, without));
                tree.folders.insert(folder);
            }
        }
        tree
    }

    /// Takes the files of one folder; answers with the folders in it.
    fn look(&mut self, entries_max: usize, root: &Path, folder: &Path, without: &[PathBuf]) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let entries = entries.filter(|entry| !is_leftover(&entry.file_name())).map(|entry| entry.path());
        let mut folders = Vec::new();
        for path in entries.filter(|path| !without.contains(path)) {
            if self.files.len() + self.folders.len() + folders.len() >= entries_max {
                self.is_cut = true;
                break;
            }
            match path.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(path),
                Ok(meta) if meta.is_file() => self.insert(root, &path, Signature::of(&meta)),
                _ => {}
            }
        }
        folders
    }

    fn insert(&mut self, root: &Path, path: &Path, signature: Signature) {
        self.files.insert(path.strip_prefix(root).unwrap_or(path).to_owned(), signature);
    }

    /// Whether both looks found the same names, and `same` says so of each file.
    pub(super) fn agrees(&self, later: &Self, same: fn(&Signature, &Signature) -> bool) -> bool {
        let pairs = self.files.iter().zip(&later.files);
        self.folders == later.folders
            && self.files.len() == later.files.len()
            && pairs.into_iter().all(|((one, old), (other, new))| one == other && same(old, new))
    }
}

fn is_leftover(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    // Vim tries out whether it may make files with this one.
    name == "4913" || LEFTOVERS.iter().any(|(start, end)| name.starts_with(start) && name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn names(tree: &Tree) -> Vec<String> {
        tree.files.keys().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_tree_has_every_file_but_those_of_editors_and_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for sub in ["a/b", "target/debug"] {
            fs::create_dir_all(root.join(sub)).unwrap();
        }
        for file in ["x", "a/b/.y", "target/debug/z", ".x.swp", "a/x~", "a/4913", "a/.#x", "lock"] {
            fs::write(root.join(file), file).unwrap();
        }
        let tree = Tree::at(root, &[root.join("target"), root.join("lock")]);
        assert_eq!(names(&tree), ["a/b/.y", "x"]);
        assert_eq!(tree.folders.len(), 3, "{tree:?}");
    }

    #[test]
    fn links_are_followed_and_a_circle_of_them_ends() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(elsewhere.path().join("far"), "").unwrap();
        fs::write(root.join("near"), "").unwrap();
        symlink(root, root.join("circle")).unwrap();
        symlink(elsewhere.path(), root.join("link")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        assert_eq!(names(&Tree::at(root, &[])), ["link/far", "near"]);
    }

    #[test]
    fn a_folder_with_too_many_files_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..10 {
            fs::File::create(folder.path().join(format!("f{n}"))).unwrap();
        }
        let tree = Tree::within(9, folder.path(), &[]);
        assert!(tree.is_cut && tree.files.len() == 9, "{tree:?}");
        assert!(!Tree::within(10, folder.path(), &[]).is_cut);
    }
}
