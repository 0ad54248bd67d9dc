//! What a crate is made of, for whoever waits for it to change.

use super::Profile;
use super::freshness;
use super::package::Package;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a crate is made of: folders with all that is in them, and files elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    /// Its package, and the packages on this machine that it needs.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// Settings of cargo's, the workspace's manifest and lock, files that a source includes. The lock is one of them even if it
    /// is in one of the folders: cargo may write it.
    pub(crate) files: BTreeSet<PathBuf>,
    /// What is below the folders, and none of their sources: what cargo makes.
    pub(crate) without: BTreeSet<PathBuf>,
}

impl Sources {
    /// Of a package; `packages` are the folders of packages that its builds named. Before it was built once, and as long as
    /// cargo did not list its sources, there is nothing else to go by.
    pub(crate) fn of(package: &Package, profile: Profile, packages: &BTreeSet<PathBuf>) -> Self {
        let listed = freshness::sources(&package.library(profile)).unwrap_or_default();
        // An included file is listed as it was written, with `..` in its path.
        let listed = listed.into_iter().map(|source| source.canonicalize().unwrap_or(source));
        let listed: Vec<PathBuf> = listed.filter(|source| !source.starts_with(&package.target_dir)).collect();
        // What else is included may be anywhere, at the root of the workspace, say, which is no package.
        let code: Vec<PathBuf> = listed.iter().filter(|source| is_code(source)).cloned().collect();
        let folders = freshness::packages(package, &code).into_iter().chain(packages.iter().cloned());
        let folders = outermost(folders);
        let files = listed
            .into_iter()
            .chain([package.root.join("Cargo.toml")])
            .chain(package.configs.iter().cloned());
        let files = files.filter(|file| !is_below(file, &folders)).chain([package.lock()]).collect();
        Self { without: without(&folders, package), folders, files }
    }

    /// Of a crate whose manifest cannot be read.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        let folders = BTreeSet::from([folder.to_owned()]);
        Self { without: made_below(folder).collect(), folders, files: BTreeSet::new() }
    }
}

fn is_code(source: &Path) -> bool {
    source.extension().is_some_and(|extension| extension == "rs")
}

/// Those that are not below another one.
fn outermost(folders: impl Iterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
    // A folder comes before those below it.
    let sorted: BTreeSet<PathBuf> = folders.collect();
    let mut outermost = BTreeSet::new();
    for folder in sorted {
        if !is_below(&folder, &outermost) {
            outermost.insert(folder);
        }
    }
    outermost
}

fn is_below(path: &Path, folders: &BTreeSet<PathBuf>) -> bool {
    path.ancestors().any(|above| folders.contains(above))
}

fn without(folders: &BTreeSet<PathBuf>, package: &Package) -> BTreeSet<PathBuf> {
    let inside =
        [&package.folder, &package.root].into_iter().chain(folders).flat_map(|folder| made_below(folder));
    inside
        .chain([package.target_dir.clone(), package.lock()])
        .filter(|path| is_below(path, folders))
        .collect()
}

fn made_below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    ["target", ".git"].into_iter().map(|name| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> BTreeSet<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_folder_below_another_one_is_not_watched_twice() {
        let folders = ["/w/a/b", "/w/a", "/w/ab", "/w/a/b/c"].map(PathBuf::from);
        assert_eq!(outermost(folders.into_iter()), set(&["/w/a", "/w/ab"]));
        assert!(is_below(Path::new("/w/a/x.rs"), &set(&["/w/a"])));
        assert!(!is_below(Path::new("/w/ab/x.rs"), &set(&["/w/a"])));
    }
}
