//! Bad input gets a clear error. Every text is in `told.txt`, as a whole, so that a change of wording is seen and judged:
//! what failed, what the user wrote, both values, the cure.

mod composed;
mod library;
mod life;
mod serving;
mod target;

use crate::harness::Output;
use crate::load::{Files, Plugin, declared, only};
use std::path::Path;

/// `==== title: exit code`, then standard error as a whole; an empty line between two of them.
const TOLD: &str = include_str!("told.txt");

const SOURCES: &[&str] = &[
    include_str!("composed.rs"),
    include_str!("library.rs"),
    include_str!("life.rs"),
    include_str!("serving.rs"),
    include_str!("target.rs"),
];

/// Holds what the user is told against the table.
#[track_caller]
fn assert_told(title: &str, output: &Output) {
    let told = format!("==== {title}: {}\n{}", output.code.unwrap_or(-1), portable(output));
    let wanted = sections().find(|section| section.starts_with(&format!("==== {title}: ")));
    let wanted = wanted.unwrap_or_else(|| format!("told.txt has no section `{title}`"));
    assert!(told == wanted, "{output:?}\n{wanted}\n--- the host says\n{told}--- end");
}

fn sections() -> impl Iterator<Item = String> {
    TOLD.split("==== ").skip(1).map(|section| format!("==== {}", section.trim_end_matches('\n')) + "\n")
}

/// What `host check` says in a folder.
#[track_caller]
fn assert_checked(title: &str, files: &Files) {
    assert_told(title, &files.run(&["check", "--app", "app.toml"]));
}

/// What `host check` says of one plugin, `libx.so`.
#[track_caller]
fn assert_refused(title: &str, plugin: &Plugin) {
    assert_checked(title, &Files::of(&[plugin], only("x")));
}

/// Without what is another one on each machine: the folder of the program, and the time and the process that a line of the log
/// begins with.
fn portable(output: &Output) -> String {
    let program = output.command.split(' ').next().unwrap_or_default();
    let folder = Path::new(program).parent().unwrap_or(Path::new("")).display().to_string();
    let without_time = |line: &str| match line.split_once(' ') {
        Some((time, rest)) if time.ends_with('Z') && time.len() > "2026-01-01T00:00:00Z".len() => {
            format!("TIME {}\n", rest.split_once(' ').map_or(rest, |(_process, rest)| rest))
        }
        _ => format!("{line}\n"),
    };
    let mut lines: Vec<String> =
        output.stderr.replace(&folder, "PROGRAM").lines().map(without_time).collect();
    // A panic is told by the hook of the plugin, and again by the entry that caught it.
    lines.dedup_by(|line, before| line.starts_with("TIME ") && line == before);
    lines.concat()
}

#[test]
fn every_section_of_the_table_belongs_to_a_test() {
    let sources = SOURCES.concat();
    for section in sections() {
        let (title, _) = section["==== ".len()..].split_once(": ").expect("a title and an exit code");
        let in_a_loop = title.strip_prefix("a panic in ").map(|_| "\"a panic in {step}\"".to_owned());
        let held = in_a_loop.unwrap_or_else(|| format!("{title:?}"));
        assert!(sources.contains(&held), "no test holds `{title}` of told.txt");
    }
}
