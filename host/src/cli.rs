//! The command line. `host --app FILE --server NAME` runs; subcommands only add.

use crate::deployment::Deployment;
use crate::error::Error;
use crate::log::{self, LogFormat};
use crate::run::{self, Options};
use crate::run_handle::RunHandle;
use crate::server::ServerRegistry;
use crate::spec::{At, Bind, Count, Located, Set, Spec};
use crate::stop::Stop;
use crate::table::Listed;
use crate::{banner, inspect};
use clap::builder::FalseyValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// List the servers that there are, and what each is good for
    Servers,
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
    /// Print a script that completes the command line in a shell
    Completions {
        /// bash, elvish, fish, powershell or zsh
        shell: clap_complete::Shell,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Args)]
struct AppArgs {
    /// The app: a TOML file, or a target as `library:name(key = value)`
    #[arg(short, long, env = "HOST_APP", value_name = "FILE|TARGET")]
    app: Option<String>,
    /// Override a key of the spec, as `limits.connections=10`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Set>,
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    app: AppArgs,
    /// The server, by its name: `host servers` lists them
    #[arg(short, long, env = "HOST_SERVER", value_name = "NAME")]
    server: Option<String>,
    /// Where to listen: `host:port`, `[v6]:port`, `:port`, `unix:PATH`, `fd:NAME`; port 0 takes a free one
    #[arg(short, long, env = "HOST_BIND", value_name = "ADDR", value_delimiter = ',')]
    bind: Vec<Bind>,
    /// Event loops or processes, where the server has them
    #[arg(short, long, env = "HOST_WORKERS", value_name = "N|auto")]
    workers: Option<Count>,
    /// Handler threads, where the server has a limit of its own for them
    #[arg(long, env = "HOST_THREADS", value_name = "N|auto")]
    threads: Option<Count>,
    /// Log more, and show clients the causes of errors
    #[arg(long, env = "HOST_DEBUG", value_parser = FalseyValueParser::new())]
    debug: bool,
    /// No banner and no access lines
    #[arg(short, long, env = "HOST_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,
    /// Load everything, say whether it could be served, and end
    #[arg(long)]
    check: bool,
    /// How the log and the access lines look
    #[arg(long, env = "HOST_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    log_format: LogFormat,
}

impl Cli {
    /// Does what the command line asks for.
    ///
    /// # Errors
    /// Whatever it asks for failed; the error knows the exit code.
    pub fn execute(self) -> Result<(), Error> {
        match self.command {
            None => self.run.execute(),
            Some(Command::Servers) => print(&servers()),
            Some(Command::Inspect { file, format: Format::Text }) => print(&inspect::report(&file)?),
            Some(Command::Inspect { file, format: Format::Json }) => {
                print(&format!("{:#}\n", inspect::report_json(&file)?))
            }
            Some(Command::Check(app)) => check(&app.logged()?),
            Some(Command::Routes(app)) => routes(&app.logged()?),
            Some(Command::Completions { shell }) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "host", &mut script);
                print(&String::from_utf8_lossy(&script))
            }
        }
    }
}

impl AppArgs {
    /// The spec, for a command that loads plugins: what they say goes to the log.
    fn logged(&self) -> Result<Spec, Error> {
        let spec = self.spec()?;
        log::install(LogFormat::Auto, spec.app.debug);
        Ok(spec)
    }

    fn spec(&self) -> Result<Spec, Error> {
        let Some(app) = &self.app else {
            let error = Error::usage("no app: nothing to serve");
            return Err(error.help("host --app FILE|TARGET --server NAME; try examples/hello/app.toml"));
        };
        if app.ends_with(".toml") {
            return Spec::load(Path::new(app), &self.set);
        }
        if !self.set.is_empty() {
            return Err(Error::usage(format!("--set changes a spec, and --app names the target `{app}`")));
        }
        let target = app.parse().map_err(|error: Error| error.context("--app"))?;
        Ok(Spec::for_target(target))
    }
}

impl Run {
    fn execute(&self) -> Result<(), Error> {
        let mut spec = self.app.spec()?;
        self.override_server(&mut spec);
        spec.app.debug |= self.debug;
        log::install(self.log_format, spec.app.debug);
        if self.check {
            return check(&spec);
        }
        let stop = Stop::new()?;
        stop_at_signals(&stop)?;
        let json_log = self.log_format == LogFormat::Json;
        run::run(&spec, &Options { quiet: self.quiet, json_log }, stop)
    }

    /// Flags win over the spec.
    fn override_server(&self, spec: &mut Spec) {
        let server = &mut spec.server;
        if let Some(name) = &self.server {
            server.name = Some(Located::new(name.clone(), At::flag(format!("--server {name}"))));
        }
        if !self.bind.is_empty() {
            let bind = self.bind.iter();
            server.bind =
                bind.map(|bind| Located::new(bind.clone(), At::flag(format!("--bind {bind}")))).collect();
        }
        server.workers = self.workers.unwrap_or(server.workers);
        server.threads = self.threads.unwrap_or(server.threads);
    }
}

fn check(spec: &Spec) -> Result<(), Error> {
    run::choose(spec, &ServerRegistry::default())?;
    let deployment = load(spec)?;
    print(&format!("{}: ok, {} routes\n", spec.app.name.value, listing(&deployment).len()))?;
    deployment.end(spec.timeouts.load)
}

fn routes(spec: &Spec) -> Result<(), Error> {
    let deployment = load(spec)?;
    print(&banner::table(&listing(&deployment)))?;
    deployment.end(spec.timeouts.load)
}

fn load(spec: &Spec) -> Result<Arc<Deployment>, Error> {
    let (spec, again) = (spec.clone(), spec.clone());
    Deployment::load(spec, Box::new(move || Ok(again.clone())), RunHandle::new(Stop::new()?), false)
}

fn listing(deployment: &Deployment) -> Vec<Listed> {
    deployment.table().map(|table| table.listing()).unwrap_or_default()
}

fn servers() -> String {
    let list = ServerRegistry::default().list();
    let mut out = String::new();
    for about in &list {
        let default = if about.name == crate::server::DEFAULT { " (default)" } else { "" };
        out.push_str(&format!("{:9} {}{default}\n", about.name, about.summary));
        out.push_str(&format!("          good for: {}\n", about.good_for));
        for (option, what) in about.options {
            out.push_str(&format!("          option {option}: {what}\n"));
        }
        out.push_str(&format!("          Bottle's names for it: {}\n", about.aliases.join(", ")));
    }
    out
}

/// Ctrl-C and SIGTERM stop the server; a second one ends the process at once.
fn stop_at_signals(stop: &Stop) -> Result<(), Error> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let fail = |cause: std::io::Error| Error::failed(format!("cannot take signals: {cause}"));
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(fail)?;
    let stop = stop.clone();
    let wait = move || {
        for signal in signals.forever() {
            if stop.is_requested() {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            stop.request();
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map(drop).map_err(fail)
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
