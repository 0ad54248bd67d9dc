//! What is always true of the sources, and no compiler checks.

mod direction;
mod project;
mod unsafe_code;

use crate::harness::root;
use std::path::Path;

/// A file of the project: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

/// The Rust files below these folders.
fn rust(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "no sources in {folders:?}");
    found
}

/// All Rust files of the project.
fn all_rust() -> Vec<Source> {
    rust(&["host", "plugin-api", "plugins", "tests"])
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project").flatten() {
        let path = entry.path();
        if path.is_dir() && !is_built(&path) {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            let path = path.strip_prefix(root()).expect("below the root").display().to_string();
            found.push(Source { path, text });
        }
    }
}

/// A folder of cargo's, or of a fuzzer's.
fn is_built(folder: &Path) -> bool {
    ["target", "corpus", "artifacts"].iter().any(|name| folder.ends_with(name))
}

/// The text of a file of the project.
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// A line without the comment at its end, and without what stands in its string literals.
fn code_of(line: &str) -> String {
    let mut code = String::new();
    let mut chars = line.chars().peekable();
    let mut in_text = false;
    while let Some(char) = chars.next() {
        match char {
            '\\' if in_text => drop(chars.next()),
            '"' => in_text = !in_text,
            '/' if !in_text && chars.peek() == Some(&'/') => break,
            _ if in_text => {}
            _ => code.push(char),
        }
    }
    code
}

/// Whether the word stands in the line, not as a part of another one.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part))
}

/// The lines of code with that word, as `path:line: text`.
fn with_word(sources: &[Source], word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for Source { path, text } in sources {
        for (number, line) in (1..).zip(text.lines()) {
            if has_word(&code_of(line), word) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn comments_and_texts_are_no_code() {
    assert_eq!(code_of(r#"a("x // \" y", b) // unsafe"#), "a(, b) ");
    assert!(
        has_word("use host::run;", "host")
            && !has_word("ghost::run", "host")
            && !has_word("host_side", "host")
    );
}
