//! `host prove`: proves that swaps are seamless, on a host that it starts or on one that runs.

use super::{Format, print};
use crate::control::the_socket;
use crate::error::Error;
use crate::log::{self, LogFormat, Process};
use crate::prove::{self, Asked, Options, Report, Subject};
use clap::Args;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Prove {
    /// The app of a host that is started for this, on a free port: a TOML file, or a target
    #[arg(short, long, env = "HOST_APP", value_name = "FILE|TARGET")]
    app: Option<String>,
    /// The server of that host
    #[arg(short, long, env = "HOST_SERVER", value_name = "NAME")]
    server: Option<String>,
    /// Override a key of its spec, as `swap.keep=0`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A host that runs already, by where it listens: `http://127.0.0.1:8080`, `unix:PATH`
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Its control socket; without it, that of the only host that runs
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// How often to swap
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u32).range(1..))]
    swaps: u32,
    /// Swap this plugin (repeatable); without it, all of them in turn
    #[arg(long, value_name = "NAME")]
    plugin: Vec<String>,
    /// Another library of a plugin, which takes turns with its own (repeatable)
    #[arg(long, value_name = "NAME=FILE", value_parser = named_file)]
    with: Vec<(String, PathBuf)>,
    /// Ask for this, and for nothing else (repeatable): a path, or a method and a path as `POST /echo`
    #[arg(long, value_name = "PATH")]
    path: Vec<Asked>,
    /// How many clients ask at once
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=1024))]
    clients: u16,
    /// How long a request may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = super::limit)]
    timeout: Duration,
    /// How long to wait between two swaps
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = super::limit)]
    pause: Duration,
    /// How to print the receipt
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            let file = std::path::absolute(file).map_err(|cause| format!("FILE: {cause}"))?;
            Ok((name.to_owned(), file))
        }
        _ => Err("write NAME=FILE".to_owned()),
    }
}

impl Prove {
    /// Prints the receipt, and gives the exit code: 0 when it is proved.
    pub(super) fn execute(self) -> Result<u8, Error> {
        log::install(LogFormat::Pretty, false, Process::Host);
        let subject = self.subject()?;
        let proved = prove::prove(&subject, &self.options());
        let words = subject.last_words();
        subject.end();
        let report = proved.inspect_err(|_| tell(&words))?;
        if !report.is_proved() {
            tell(&words);
        }
        self.print(&report)?;
        Ok(u8::from(!report.is_proved()))
    }

    fn subject(&self) -> Result<Subject, Error> {
        if self.url.is_some() || self.control.is_some() {
            let control = the_socket(self.control.as_deref(), None)?;
            return Subject::running(control, self.url.as_deref());
        }
        let Some(app) = &self.app else {
            let error = Error::usage("nothing to prove: no app, and no host that runs");
            return Err(error.help("host prove --app FILE|TARGET --server NAME, or --url URL --control PATH"));
        };
        let mut args: Vec<OsString> = vec!["--app".into(), app.into()];
        if let Some(server) = &self.server {
            args.extend(["--server".into(), server.into()]);
        }
        for set in &self.set {
            args.extend(["--set".into(), set.into()]);
        }
        Subject::start(&args)
    }

    fn options(&self) -> Options {
        Options {
            swaps: self.swaps as usize,
            plugins: self.plugin.clone(),
            with: self.with.clone(),
            paths: self.path.clone(),
            clients: usize::from(self.clients),
            timeout: self.timeout,
            pause: self.pause,
        }
    }

    fn print(&self, report: &Report) -> Result<(), Error> {
        match self.format {
            Format::Text => print(&report.to_string()),
            Format::Json => {
                let text = serde_json::to_string_pretty(report);
                let text =
                    text.map_err(|cause| Error::failed(format!("cannot print the receipt: {cause}")))?;
                print(&format!("{text}\n"))
            }
        }
    }
}

/// What the host said last, on standard error.
fn tell(words: &[String]) {
    let mut stderr = std::io::stderr().lock();
    for line in words {
        let _ = writeln!(stderr, "{line}");
    }
}
