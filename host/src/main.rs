//! The program: parses the command line, does what it says, and turns an error into a message and an exit code.

use clap::Parser;
use host::cli::Cli;
use host::error::Error;
use host::{log, run, supervisor};
use std::process::ExitCode;

fn main() -> ExitCode {
    match execute() {
        Ok(code) => run::end(code),
        Err(error) => {
            log::last_words(&error);
            // At once, without the destructors of libraries: a thread that was left behind may still run their code.
            signal_hook::low_level::exit(error.exit().code().into())
        }
    }
}

fn execute() -> Result<u8, Error> {
    // A worker sees to it first of all that it ends with its supervisor.
    let channel = supervisor::enter()?;
    Cli::parse().execute(channel)
}
