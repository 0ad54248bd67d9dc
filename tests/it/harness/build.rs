//! Builds the program and the plugins, once for each test process, so that nobody tests a stale binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The folder of the profile that the tests were built with: `target/debug`.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("the path of the test");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps/it").to_owned();
    build(&folder);
    folder
});

/// Where cargo puts programs and libraries.
pub(super) fn built() -> &'static Path {
    &BUILT
}

/// The program.
pub(crate) fn host_binary() -> PathBuf {
    built().join("host")
}

/// The root of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the project")
}

fn build(folder: &Path) {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("the folder of a profile");
    let profile = if name == "debug" { "dev" } else { name };
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--workspace", "--exclude", "tests", "--profile", profile])
        .current_dir(root());
    cargo.env("CARGO_TARGET_DIR", folder.parent().expect("the target directory"));
    let output = cargo.output().expect("cargo can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{cargo:?} failed:\n{said}");
}
