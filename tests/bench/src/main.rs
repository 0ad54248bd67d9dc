//! Measures the host, as the README beside it tells. Ratios within one run; absolute figures belong to the machine.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod control;
mod count;
mod load;
mod one;
mod plugin;
mod process;
mod reference;
mod routes;
mod swap;

use std::process::ExitCode;

const USAGE: &str = "usage: bench routes | plugin | count | swap [ROUNDS]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rounds = args.get(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    match args.first().map(String::as_str) {
        Some("routes") => routes::run(rounds),
        Some("plugin") => plugin::run(rounds),
        Some("count") => count::run(),
        Some("swap") => swap::run(),
        Some(reference::COMMAND) => reference::serve(),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
