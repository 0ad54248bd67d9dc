//! The files of the project, and what stands in them.

use super::{all_rust, read, with_word};
use crate::harness::root;
use std::os::unix::fs::PermissionsExt;

/// A file is short enough to be read at once; see `style`: median 90 to 310 lines.
const LINES_MAX: usize = 450;
/// Longer, and why.
const LONGER: &[(&str, &str)] = &[("plugin-api/src/abi.rs", "the contract is one page, mostly comments")];

#[test]
fn no_file_is_too_long_to_be_read() {
    let long: Vec<String> = all_rust()
        .iter()
        .filter(|source| !LONGER.iter().any(|(path, _)| *path == source.path))
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "more than {LINES_MAX} lines: {long:#?}");
}

#[test]
fn nothing_is_left_for_later() {
    let mut sources = all_rust();
    sources.retain(|source| source.path != file!());
    for word in ["todo!", "unimplemented!", "dbg!", "#[ignore", "TODO", "FIXME", "XXX"] {
        let name = word.trim_matches(&['#', '[', '!'][..]);
        let found: Vec<String> =
            with_word(&sources, name).into_iter().filter(|line| line.contains(word)).collect();
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn the_changelog_has_the_current_version() {
    let version = env!("CARGO_PKG_VERSION");
    let changelog = read("CHANGELOG.md");
    assert!(changelog.contains(&format!("\n## {version}")), "CHANGELOG.md has no section `## {version}`");
}

#[test]
fn the_commands_of_the_readme_are_the_real_ones() {
    let readme = read("README.md");
    for command in ["cargo run --release -- --app examples/hello/app.toml --server threaded", "tests/run"] {
        assert!(
            readme.lines().any(|line| line.split(" #").next().map(str::trim) == Some(command)),
            "README.md does not say `{command}`"
        );
    }
    assert!(root().join("examples/hello/app.toml").is_file());
    assert!(read(".ci/run").contains("tests/run"), ".ci/run does not call tests/run");
    for script in [".ci/run", "tests/run"] {
        let mode = std::fs::metadata(root().join(script)).expect(script).permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script} cannot be executed");
    }
}

#[test]
fn every_example_is_an_app() {
    let examples = std::fs::read_dir(root().join("examples")).expect("examples").flatten();
    let folders: Vec<_> = examples.filter(|entry| entry.path().is_dir()).collect();
    assert!(!folders.is_empty());
    for folder in folders {
        assert!(folder.path().join("app.toml").is_file(), "{} has no app.toml", folder.path().display());
    }
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let mut without = Vec::new();
    for manifest in [
        "host/Cargo.toml",
        "plugin-api/Cargo.toml",
        "plugin-api/macros/Cargo.toml",
        "plugin-api/route/Cargo.toml",
        "tests/Cargo.toml",
    ] {
        let text = read(manifest);
        let mut in_dependencies = false;
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && line.contains('=') && !line.contains(" # ") && !line.starts_with(' ')
            {
                without.push(format!("{manifest}:{number}: {line}"));
            }
        }
    }
    assert!(without.is_empty(), "no `# why`: {without:#?}");
}
