//! Crates for tests, built by the real cargo.

use super::package::Places;
use super::run::{Cargo, Output};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A folder with crates, built by the real cargo into a target directory of its own.
pub(crate) struct Crates {
    folder: tempfile::TempDir,
    pub(crate) cargo: Cargo,
}

impl Crates {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("with space ").tempdir().unwrap();
        let cargo = Cargo { places: Places::default(), ..Cargo::from_env(Output::Kept) };
        let crates = Self { folder, cargo };
        files.iter().for_each(|(file, text)| crates.write(file, text));
        crates
    }

    /// One crate named `my-plugin`, in the folder `p`.
    pub(crate) fn one() -> Self {
        Self::new(&[("p/Cargo.toml", PLUGIN), ("p/src/lib.rs", "pub fn one() {}")])
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        fs::write(self.path(file), text).unwrap();
    }

    /// A cargo that is a shell script; in it `$REAL` is the real one.
    pub(crate) fn script(&self, script: &str) -> Cargo {
        let real = self.cargo.program.to_string_lossy();
        let script = format!("#!/bin/sh\nREAL='{real}'\n{script}\n");
        // Written by somebody else: a file that we write may be open in a child of another test's, and is busy then.
        let mut writer = Command::new("sh");
        writer.args(["-c", "printf '%s' \"$1\" > \"$0\" && chmod 700 \"$0\""]);
        assert!(writer.arg(self.path("cargo.sh")).arg(script).status().unwrap().success());
        Cargo { program: self.path("cargo.sh").into(), ..self.cargo.clone() }
    }

    /// A pipe with a name: what is written to it is read in order, and its end is read when nobody has it open any more.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }
}

/// The manifest of the crate `my-plugin`.
pub(crate) const PLUGIN: &str =
    "[package]\nname = 'my-plugin'\nversion = '0.1.0'\nedition = '2024'\n[lib]\ncrate-type = ['cdylib']\n";
