//! Plugins to test with.

use super::build::{built, root};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The library of one of `plugins/*`, by the crate's name.
///
/// # Panics
/// There is none.
pub(crate) fn workspace_plugin(name: &str) -> PathBuf {
    let path = built().join(format!("lib{}.so", name.replace('-', "_")));
    assert!(path.is_file(), "no plugin `{name}`: {} is missing", path.display());
    path
}

/// The plugin of `tests/plugins/<name>.rs`, made with the SDK and by cargo.
///
/// # Panics
/// It does not compile.
pub(crate) fn example_plugin(name: &str) -> PathBuf {
    let built = built();
    let profile = built.file_name().and_then(|name| name.to_str()).expect("the folder of a profile");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "tests", "--example", name, "--profile"]);
    cargo.arg(if profile == "debug" { "dev" } else { profile }).current_dir(root());
    cargo.env("CARGO_TARGET_DIR", built.parent().expect("the target directory"));
    let output = cargo.output().expect("cargo can be run");
    assert!(output.status.success(), "{cargo:?}\n{}", String::from_utf8_lossy(&output.stderr));
    built.join(format!("examples/lib{name}.so"))
}

/// Compiles a plugin from C, once for each name, against the header of the project.
///
/// # Panics
/// It does not compile, without a warning; the compiler's message is shown.
pub(crate) fn plugin_from_c(name: &str, source: &str) -> PathBuf {
    compiled(name, source, &C)
}

/// As [`plugin_from_c`], from C++.
pub(crate) fn plugin_from_cpp(name: &str, source: &str) -> PathBuf {
    compiled(name, source, &CPP)
}

/// A language, and how it is compiled.
struct Language {
    variable: &'static str,
    compiler: &'static str,
    suffix: &'static str,
    standard: &'static str,
}

const C: Language = Language { variable: "CC", compiler: "cc", suffix: "c", standard: "-std=c11" };
const CPP: Language = Language { variable: "CXX", compiler: "c++", suffix: "cpp", standard: "-std=c++17" };

fn compiled(name: &str, source: &str, language: &Language) -> PathBuf {
    static COMPILED: Mutex<Option<HashMap<String, Arc<OnceLock<PathBuf>>>>> = Mutex::new(None);
    let cell = {
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.get_or_insert_default().entry(format!("{name}\n{source}")).or_default().clone()
    };
    cell.get_or_init(|| compile(name, source, language)).clone()
}

fn compile(name: &str, source: &str, language: &Language) -> PathBuf {
    let Language { variable, compiler, suffix, standard } = language;
    // The same text goes to the same place in every run, and the file is put there whole: another run may be using it.
    let mut hasher = DefaultHasher::new();
    (name, source).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{:016x}", hasher.finish()));
    std::fs::create_dir_all(&folder).expect("a folder for a plugin");
    let library = folder.join(format!("lib{name}.so"));
    let text = folder.join(format!("{name}.{suffix}"));
    let new = folder.join(format!("new-{}", std::process::id()));
    std::fs::write(&new, source).expect("a file of source");
    std::fs::rename(&new, &text).expect("a file of source");
    let mut cc = Command::new(std::env::var_os(variable).unwrap_or_else(|| compiler.into()));
    cc.args([standard, "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-O1", "-shared", "-fPIC"]);
    cc.arg("-I").arg(root().join("plugin-api/include")).arg("-o").arg(&new).arg(&text);
    let output = cc.output().expect("a compiler can be run");
    assert!(output.status.success(), "{cc:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&new, &library).expect("a library");
    library
}
