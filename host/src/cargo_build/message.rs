//! What cargo says in JSON, a line for each message.

use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What cargo made.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) path: PathBuf,
    /// It was there already, and up to date.
    pub(crate) fresh: bool,
}

/// The library in a message of cargo's, if it is about the package with that manifest.
pub(super) fn artifact(manifest: &Path, message: &Value) -> Option<Artifact> {
    let ours = message["reason"] == "compiler-artifact"
        && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest);
    let files = message["filenames"].as_array().filter(|_| ours)?;
    let library = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".so"))?;
    Some(Artifact { path: library.into(), fresh: message["fresh"] == true })
}

/// The folder of the package that a message is about, if its sources are on this machine, and not cargo's own copy of them.
pub(super) fn local_package(message: &Value) -> Option<PathBuf> {
    let manifest = message["manifest_path"].as_str()?;
    let is_local = message["package_id"].as_str()?.contains("path+file://");
    Path::new(manifest).parent().filter(|_| is_local).map(Path::to_owned)
}

/// What the compiler says of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub(crate) is_error: bool,
    /// As it is shown on a terminal, with its colours.
    pub(crate) rendered: String,
    pub(crate) problem: Problem,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as cargo names it: relative to the workspace, if it is in it. None: the problem is in no file.
    pub file: Option<String>,
    /// From 1; 0 without a file.
    pub line: u64,
    /// From 1, in characters; 0 without a file.
    pub column: u64,
    /// In one sentence.
    pub message: String,
}

/// The compiler's words in a message of cargo's. Without its sums at the end: cargo says them itself, for each package.
pub(super) fn diagnostic(message: &Value) -> Option<Diagnostic> {
    let said = Some(&message["message"]).filter(|_| message["reason"] == "compiler-message")?;
    let text = said["message"].as_str()?;
    let spans = said["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    if spans.is_empty() && is_sum(text) {
        return None;
    }
    let place = spans.iter().find(|span| span["is_primary"] == true);
    let number = |key| place.and_then(|place| place[key].as_u64()).unwrap_or(0);
    Some(Diagnostic {
        is_error: said["level"].as_str().is_some_and(|level| level.starts_with("error")),
        rendered: said["rendered"].as_str().unwrap_or(text).to_owned(),
        problem: Problem {
            file: place.and_then(|place| place["file_name"].as_str()).map(str::to_owned),
            line: number("line_start"),
            column: number("column_start"),
            message: text.to_owned(),
        },
    })
}

/// `aborting due to 2 previous errors`, `1 warning emitted`.
fn is_sum(text: &str) -> bool {
    text.starts_with("aborting due to ")
        || text.ends_with(" warning emitted")
        || text.ends_with(" warnings emitted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compiler(level: &str, message: &str, spans: Value) -> Value {
        json!({ "reason": "compiler-message", "package_id": "path+file:///p#0.1.0", "manifest_path": "/p/Cargo.toml",
            "message": { "level": level, "message": message, "spans": spans, "rendered": format!("{level}: {message}\n") } })
    }

    #[test]
    fn an_error_has_the_place_of_its_primary_span() {
        let spans = json!([
            { "is_primary": false, "file_name": "a.rs", "line_start": 1, "column_start": 2 },
            { "is_primary": true, "file_name": "b.rs", "line_start": 3, "column_start": 4 },
        ]);
        let found = diagnostic(&compiler("error", "mismatched types", spans)).unwrap();
        let message = "mismatched types".to_owned();
        assert_eq!(found.problem, Problem { file: Some("b.rs".into()), line: 3, column: 4, message });
        assert!(found.is_error && found.rendered == "error: mismatched types\n");
        let nowhere = diagnostic(&compiler("error: internal compiler error", "oh", json!([]))).unwrap();
        assert!(nowhere.is_error && nowhere.problem.file.is_none());
    }

    #[test]
    fn the_sums_of_the_compiler_are_left_out() {
        for sum in [
            "aborting due to 2 previous errors; 1 warning emitted",
            "1 warning emitted",
            "3 warnings emitted",
        ] {
            assert_eq!(diagnostic(&compiler("error", sum, json!([]))), None, "{sum}");
        }
        assert!(!diagnostic(&compiler("warning", "unused", json!([]))).unwrap().is_error);
    }

    #[test]
    fn a_package_is_local_if_it_came_by_its_path() {
        assert_eq!(local_package(&compiler("error", "x", json!([]))), Some("/p".into()));
        let registry = json!({ "package_id": "registry+https://github.com/rust-lang/crates.io-index#x@1.0.0",
            "manifest_path": "/home/.cargo/registry/src/x/Cargo.toml" });
        assert_eq!(local_package(&registry), None);
    }
}
