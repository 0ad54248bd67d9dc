//! Small libraries of C for tests, compiled when a test asks.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A manifest with the least that is allowed.
pub(crate) const LEAST: &str = "id = \\\"x\\\"\\nversion = \\\"1\\\"\\n";

/// The entry as data.
pub(crate) const ENTRY: &str = "__attribute__((visibility(\"default\"))) const struct { unsigned size; unsigned short \
     major, minor; } pa_plugin_v1 = { 8, 1, 0 };\n";

/// The note of a manifest, given as the inside of a C string, for a major version and with flags.
pub(crate) fn note(major: u16, flags: u32, toml: &str) -> String {
    let padded = format!("((sizeof(\"{toml}\") + 3) & ~3ul)");
    format!(
        "__attribute__((section(\".note.plugin-api\"), used, aligned(4))) static const struct {{ unsigned n, d, t; \
         char name[12]; unsigned short major, minor; unsigned flags; char text[{padded}]; }} note_ = {{ 11, 8 + {padded}, 1, \
         \"plugin-api\", {major}, 0, {flags}, \"{toml}\" }};\n"
    )
}

/// A library that passes the preflight.
pub(crate) fn good() -> String {
    note(1, 0, LEAST) + ENTRY
}

/// A folder for the files of one test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Compiles a C source to a shared library with further arguments.
    pub(crate) fn library(&self, source: &str, args: &[&str]) -> PathBuf {
        self.compile("c", source, &[&["-shared", "-fPIC"], args].concat())
    }

    /// Compiles a source in the language of that file extension, with exactly these arguments.
    pub(crate) fn compile(&self, extension: &str, source: &str, args: &[&str]) -> PathBuf {
        let (source_file, out) = (self.path().join(format!("x.{extension}")), self.path().join("libx.so"));
        std::fs::write(&source_file, source).unwrap();
        let mut command = Command::new("cc");
        let run = command.args(["-O1", "-o"]).arg(&out).arg(&source_file).args(args).output().unwrap();
        assert!(run.status.success(), "{command:?}\n{}\n{source}", String::from_utf8_lossy(&run.stderr));
        out
    }
}
