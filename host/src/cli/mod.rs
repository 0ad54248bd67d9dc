//! The command line. `host --app FILE --server NAME` runs; subcommands only add.

mod app;
mod ctl;
mod prove;
mod run;
mod servers;

use crate::error::Error;
use crate::inspect;
use crate::spec;
use crate::supervisor::Channel;
use app::AppArgs;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use ctl::Ctl;
use prove::Prove;
use run::Run;
use std::path::PathBuf;
use std::time::Duration;

/// A container for web apps made of native plugins.
#[derive(Debug, Parser)]
#[command(name = "host", version, args_conflicts_with_subcommands = true, after_help = AFTER)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

const AFTER: &str = "Example: host --app examples/hello/app.toml --server threaded
Exit codes: 0 done, 1 failed while running, 2 usage, 78 bad spec or plugin.";

#[derive(Debug, Subcommand)]
enum Command {
    /// List the servers that there are, what each is good for, and what it costs when something goes wrong
    Servers {
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print what a plugin says of itself and whether it can be loaded; runs nothing of it
    Inspect {
        /// The shared library
        file: PathBuf,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Load everything and say whether it could be served
    Check(AppArgs),
    /// List the routes of an app
    Routes(AppArgs),
    /// Serve while you work: crates are built and swapped when they change, and pages in browsers load again by themselves
    Dev(Box<Run>),
    /// Ask a running host, or have it do something
    Ctl(Ctl),
    /// Prove that swaps are seamless: swap under load, and check every answer
    Prove(Box<Prove>),
    /// Takes the stacks of threads: the host starts itself for that
    #[command(name = crate::stack::TRACER, hide = true)]
    TakeStacks,
    /// Print a script that completes the command line in a shell
    Completions {
        /// bash, elvish, fish, powershell or zsh
        shell: clap_complete::Shell,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Cli {
    /// Does what the command line asks for, and gives the exit code. With a channel this process is the worker of a
    /// supervisor.
    ///
    /// # Errors
    /// Whatever it asks for failed; the error knows the exit code.
    pub fn execute(self, channel: Option<Channel>) -> Result<u8, Error> {
        match self.command {
            None => return self.run.execute(channel),
            Some(Command::Dev(run)) => return run.in_development().execute(channel),
            Some(Command::Ctl(ctl)) => return ctl.execute(),
            Some(Command::Prove(prove)) => return prove.execute(),
            Some(Command::TakeStacks) => crate::stack::trace(),
            Some(Command::Servers { format: Format::Text }) => print(&servers::list()),
            Some(Command::Servers { format: Format::Json }) => print(&format!("{:#}\n", servers::json())),
            Some(Command::Inspect { file, format: Format::Text }) => print(&inspect::report(&file)?),
            Some(Command::Inspect { file, format: Format::Json }) => {
                print(&format!("{:#}\n", inspect::report_json(&file)?))
            }
            Some(Command::Check(app)) => app::check(&app.logged()?),
            Some(Command::Routes(app)) => app::routes(&app.logged()?),
            Some(Command::Completions { shell }) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "host", &mut script);
                print(&String::from_utf8_lossy(&script))
            }
        }?;
        Ok(0)
    }
}

/// A duration as the spec writes it.
fn limit(text: &str) -> Result<Duration, Error> {
    spec::duration(text)?.ok_or_else(|| Error::usage("every wait has a limit").help("at least \"1ms\""))
}

/// To standard output. A reader that went away (`host routes | head`) is no failure.
fn print(text: &str) -> Result<(), Error> {
    use std::io::{ErrorKind, Write};
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            Err(Error::failed(format!("cannot write to standard output: {cause}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_changes_is_swapped_under_both_names_of_the_flag() {
        let spec = |args: &[&str]| {
            let cli = Cli::try_parse_from(["host", "--app", "shop"].iter().chain(args)).expect("arguments");
            cli.run.spec().expect("a spec")
        };
        assert!(!spec(&[]).swap.watch);
        assert!(spec(&["--watch"]).swap.watch && spec(&["--reload"]).swap.watch);
    }
}
