//! A folder that belongs to one test, and is gone with it.

use std::path::{Path, PathBuf};

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        // Below the system's temporary directory: the path of a Unix socket must be short.
        Self(tempfile::Builder::new().prefix("host-it-").tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of a file in it, which need not exist.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, with the folders that it is in.
    pub(crate) fn write(&self, name: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::create_dir_all(path.parent().expect("a file in the folder")).expect("a folder");
        std::fs::write(&path, contents).expect("a file in the test's own folder");
        path
    }
}
