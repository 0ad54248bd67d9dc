//! The program: parses the command line, does what it says, and turns an error into a message and an exit code.

use clap::Parser;
use host::cli::Cli;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Err(error) = Cli::parse().execute() else { return ExitCode::SUCCESS };
    let _ = writeln!(std::io::stderr(), "host: {error}");
    // At once, without the destructors of libraries: a thread that was left behind may still run their code.
    signal_hook::low_level::exit(error.exit().code().into())
}
