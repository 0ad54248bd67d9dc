//! What a match costs with 10 routes and with 10,000, for each kind of rule.
//!
//! ```text
//! cargo run --release --features router --example flat
//! ```
#![allow(clippy::print_stdout, reason = "the figures are the point")]

use std::hint::black_box;
use std::time::Instant;

use plugin_api_route::{AddError, Router};

/// A kind of rule, and the path that the rule of a number matches: `#` stands for the number.
const KINDS: &[(&str, &str, &str)] = &[
    ("static", "/x#", "/x#"),
    ("wildcard at the end", "/x#/<a>", "/x#/value"),
    ("wildcard at the start", "/<a>/x#", "/value/x#"),
    ("literal in the middle", "/<a>/x#/<b>", "/value/x#/other"),
    ("number at the end", "/x#/<a:int>", "/x#/42"),
    ("end of a segment", "/<name>.ext#", "/value.ext#"),
    ("start of a segment", "/ext#-<name>", "/ext#-value"),
    ("path after a literal", "/x#/<a:path>", "/x#/some/value"),
    ("path before a literal", "/<a:path>/x#", "/some/value/x#"),
    ("path after a middle", "/<a>/x#/<b:path>", "/value/x#/some/other"),
    ("regex beside a literal", "/x#/<a:re:[a-z]+>", "/x#/value"),
    ("look-ahead", "/x#/<a:re:(?!new)[a-z]+>", "/x#/value"),
];

const FEW: usize = 10;
const MANY: usize = 10_000;
const ROUNDS: u32 = 100_000;

fn main() -> Result<(), AddError> {
    println!("{:<24}{FEW:>10}{MANY:>10}   ratio", "ns per match");
    for kind in KINDS {
        row(kind.0, &[kind], kind)?;
    }
    let thirds = [&KINDS[0], &KINDS[1], &KINDS[2]];
    for kind in thirds {
        row(&format!("thirds, {}", kind.0), &thirds, kind)?;
    }
    Ok(())
}

/// A router with rules of these kinds in turn, asked for the last of one kind.
fn row(title: &str, kinds: &[&(&str, &str, &str)], asked: &(&str, &str, &str)) -> Result<(), AddError> {
    let cost =
        |count| Ok::<f64, AddError>(nanoseconds(&router(kinds, count)?, &last_path(kinds, asked, count)));
    let (few, many) = (cost(FEW)?, cost(MANY)?);
    println!("{title:<24.24}{few:>10.1}{many:>10.1}   {:.2}", many / few);
    Ok(())
}

fn router(kinds: &[&(&str, &str, &str)], count: usize) -> Result<Router<usize>, AddError> {
    let mut router = Router::new();
    for nth in 0..count {
        router.add("GET", &numbered(kinds[nth % kinds.len()].1, nth), None, nth)?;
    }
    Ok(router)
}

fn last_path(kinds: &[&(&str, &str, &str)], asked: &(&str, &str, &str), count: usize) -> String {
    let is_asked = |nth: &usize| kinds[nth % kinds.len()].0 == asked.0;
    numbered(asked.2, (0..count).rev().find(is_asked).unwrap_or_default())
}

/// All numbers have five digits, so that the paths have one length.
fn numbered(pattern: &str, nth: usize) -> String {
    pattern.replace('#', &format!("{nth:05}"))
}

/// The best of five runs.
fn nanoseconds(router: &Router<usize>, path: &str) -> f64 {
    let run = || {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            assert_eq!(black_box(router.matches(black_box("GET"), black_box(path))).refusal(), None);
        }
        start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    };
    (0..5).map(|_| run()).fold(f64::INFINITY, f64::min)
}
