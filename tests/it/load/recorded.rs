//! The table of Bottle's recorded cases lists all of them, and tests that exist.

use crate::harness::root;
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

const RECORDED: &str = include_str!("../../cases/behaviour.json");
const TABLE: &str = include_str!("../../cases/bottle.md");
/// Where the tests are that the table may name.
const FOLDERS: &[&str] = &["tests/it", "host/src"];

/// A line of the table: the case, its input as it was recorded, what happens here, and the tests or the reason.
struct Line<'a> {
    case: &'a str,
    input: &'a str,
    tests: &'a str,
}

fn lines() -> Vec<Line<'static>> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case"));
    let line = |row: &'static str| {
        let cells: Vec<&str> =
            row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
        let [case, input, _, _] = cells[..] else { panic!("four cells: {row}") };
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().expect("a cell");
        Line { case, input, tests }
    };
    rows.map(line).collect()
}

/// What was recorded as the input of a case.
fn input(case: &Value) -> &str {
    let key = |key: &str| case.get(key).and_then(Value::as_str);
    key("target").or(key("args")).or_else(|| case["steps"][0].as_str()).expect("an input")
}

#[test]
fn every_recorded_case_has_its_line() {
    let recorded: Value = serde_json::from_str(RECORDED).expect("JSON");
    let cases = recorded.as_object().expect("groups").iter().flat_map(|(group, content)| {
        let cases = content["cases"].as_array().expect("cases");
        cases
            .iter()
            .enumerate()
            .map(move |(index, case)| (format!("{group} {index}"), input(case).to_owned()))
    });
    let mut recorded: Vec<(String, String)> = cases.collect();
    let mut listed: Vec<_> =
        lines().iter().map(|line| (line.case.to_owned(), line.input.to_owned())).collect();
    recorded.sort();
    listed.sort();
    assert_eq!(listed, recorded);
}

#[test]
fn every_line_names_tests_that_exist_or_a_reason() {
    let tests = tests();
    for Line { case, tests: cell, .. } in lines() {
        if cell.starts_with("not applicable: ") {
            continue;
        }
        let named: Vec<&str> = cell.split(", ").map(|name| name.trim_matches('`')).collect();
        let missing: Vec<&&str> = named.iter().filter(|name| !tests.contains(**name)).collect();
        assert!(missing.is_empty(), "{case}: no test is named {missing:?}");
    }
}

/// The names of all functions that follow `#[test]`, and of the rows of the list of what every server does.
fn tests() -> HashSet<String> {
    let rows = include_str!("../servers/list.rs").lines().filter_map(|line| line.trim().split_once("::"));
    let mut found: HashSet<String> =
        rows.filter_map(|(_, row)| Some(row.split([';', ' ']).next()?.to_owned())).collect();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut HashSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            let names =
                text.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
            found.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
}
