//! Which folders tell of a change at a path.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A name in a folder: what the path leads to may be another thing when the name does.
pub(super) type Place = (PathBuf, OsString);

/// As many links as the kernel follows.
const LINKS_MAX: usize = 40;

/// The name at the end of an absolute path; before it each symbolic link on the way. Where there is nothing yet, the name
/// that has to come first.
pub(super) fn places(path: &Path) -> Vec<Place> {
    let mut found = Vec::new();
    walk(path, &mut found);
    found
}

fn walk(path: &Path, found: &mut Vec<Place>) {
    let mut steps: Vec<&Path> = path.ancestors().collect();
    steps.reverse();
    for step in steps {
        let (Some(folder), Some(name)) = (step.parent(), step.file_name()) else { continue };
        let link = std::fs::read_link(step);
        let is_last = step == path || link.is_err() && step.symlink_metadata().is_err();
        if found.len() < LINKS_MAX && (is_last || link.is_ok()) {
            found.push((folder.to_owned(), name.to_owned()));
        }
        if let Some(target) = link.ok().filter(|_| found.len() < LINKS_MAX) {
            walk(&folder.join(target), found);
        }
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[track_caller]
    fn assert_places(root: &Path, path: &str, want: &[&str]) {
        let found = places(&root.join(path));
        let found: Vec<String> = found
            .iter()
            .map(|(folder, name)| folder.join(name))
            .map(|path| path.strip_prefix(root).unwrap().display().to_string())
            .collect();
        assert_eq!(found, want, "{path}");
    }

    #[test]
    fn a_path_is_told_of_by_its_folder_and_those_of_every_link_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("releases/1")).unwrap();
        fs::write(root.join("releases/1/x.so"), "").unwrap();
        symlink("releases/1", root.join("current")).unwrap();
        symlink(root.join("current/x.so"), root.join("y.so")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        assert_places(&root, "releases/1/x.so", &["releases/1/x.so"]);
        assert_places(&root, "current/x.so", &["current", "releases/1", "current/x.so"]);
        assert_places(&root, "y.so", &["y.so", "current", "releases/1", "current/x.so"]);
        assert_places(&root, "releases/1/new/x.so", &["releases/1/new"]);
        assert!(places(&root.join("circle")).len() <= LINKS_MAX);
    }
}
