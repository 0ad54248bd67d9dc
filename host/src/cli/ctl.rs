//! `host ctl`: asks a running host.

use super::app::spec_of;
use super::{Format, print};
use crate::control::{Answer, Client, Command, the_socket};
use crate::error::{Error, Exit};
use crate::supervisor;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct Ctl {
    /// The control socket of the host; without it, that of the app, or of the only host that runs
    #[arg(long, env = "HOST_CONTROL", value_name = "PATH", global = true)]
    control: Option<PathBuf>,
    /// The app of the host, as it was started with
    #[arg(short, long, env = "HOST_APP", value_name = "FILE|TARGET", global = true)]
    app: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    format: Format,
    /// How long to wait for the answer
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = super::limit, global = true)]
    timeout: Duration,
    #[command(subcommand)]
    command: Asked,
}

#[derive(Debug, Subcommand)]
enum Asked {
    /// How it is: processes, listeners, plugins and their generations
    Status,
    /// Whether it works: exit code 0, or 1 if it does not even answer
    Health,
    /// Whether its app is to be asked: exit code 0, else 1 and why not
    Ready,
    /// List the requests in flight, the oldest first
    Requests {
        /// How many to list
        #[arg(long, value_name = "N", default_value_t = crate::doing::LISTED_MAX)]
        limit: usize,
    },
    /// Show the native stacks of handlers that run
    Stack {
        /// The request, by its id; without it, all that are in a handler
        #[arg(value_name = "ID")]
        id: Option<String>,
    },
    /// Put a new generation of a plugin in place of the current one
    Swap {
        /// The plugin, and its new library if that is another file
        #[arg(value_name = "NAME[=FILE]", value_parser = Named::parse)]
        plugin: Named,
        /// Also when nothing has changed
        #[arg(long)]
        force: bool,
        /// Do not hand the state of the old generation over
        #[arg(long)]
        without_state: bool,
    },
    /// Put the previous generation of a plugin back
    Rollback {
        /// The plugin
        #[arg(value_name = "NAME")]
        plugin: String,
    },
    /// Read the spec again and swap what differs
    ReloadSpec,
    /// List the libraries that are not to run any more, because they crashed their worker too often; with --app FILE also
    /// while no host runs
    Quarantine {
        #[command(subcommand)]
        action: Option<InQuarantine>,
    },
    /// Start a worker beside the one that serves, which ends when the new one is ready
    Restart,
    /// Finish what runs and end, and wait until it has
    Stop,
}

#[derive(Debug, Subcommand)]
enum InQuarantine {
    /// Let them run again
    Lift {
        /// A plugin, the beginning of a digest, or `all`
        #[arg(value_name = "NAME|DIGEST|all")]
        name: String,
    },
}

/// A plugin, and a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    plugin: String,
    /// Absolute: the host is in another folder.
    file: Option<PathBuf>,
}

impl Named {
    fn parse(text: &str) -> Result<Self, String> {
        let (plugin, file) = match text.split_once('=') {
            Some((plugin, file)) => (plugin, Some(file)),
            None => (text, None),
        };
        if plugin.is_empty() {
            return Err("write NAME or NAME=FILE".to_owned());
        }
        let file = file.map(std::path::absolute).transpose();
        Ok(Self { plugin: plugin.to_owned(), file: file.map_err(|cause| format!("FILE: {cause}"))? })
    }
}

impl Ctl {
    /// Prints the answer, and gives its exit code.
    pub(super) fn execute(self) -> Result<u8, Error> {
        let (format, answer) = (self.format, Answer::from(self.ask()));
        match format {
            Format::Json => print(&format!("{:#}\n", json_of(&answer)))?,
            Format::Text if answer.exit == 0 => print(&format!("{}\n", answer.text))?,
            Format::Text => {
                let _ = writeln!(std::io::stderr(), "host: {}", answer.text);
            }
        }
        Ok(answer.exit)
    }

    fn ask(self) -> Result<Answer, Error> {
        let began = Instant::now();
        let connected = self.socket().and_then(|socket| Client::connect(&socket));
        let command = self.command.command();
        let mut client = match connected {
            Ok(client) => client,
            // There are several: what they left on disk is theirs.
            Err(error) if error.exit() == Exit::Usage => return Err(error),
            Err(error) => return offline(self.app.as_deref(), &command)?.ok_or(error),
        };
        let answer = client.ask(&command, self.timeout)?;
        // Whoever stops a host wants its port, say.
        if answer.data["stopped"].is_boolean() {
            client.wait_for_end(self.timeout.saturating_sub(began.elapsed()))?;
        }
        Ok(answer)
    }

    fn socket(&self) -> Result<PathBuf, Error> {
        let app = match (&self.control, &self.app) {
            (None, Some(app)) => Some(spec_of(app, &[])?.app.name.value),
            _ => None,
        };
        the_socket(self.control.as_deref(), app.as_deref())
    }
}

impl Asked {
    fn command(self) -> Command {
        match self {
            Self::Status => Command::Status,
            Self::Health => Command::Health,
            Self::Ready => Command::Ready,
            Self::Requests { limit } => Command::Requests { limit: Some(limit) },
            Self::Stack { id } => Command::Stack { id },
            Self::Swap { plugin: Named { plugin, file }, force, without_state } => {
                Command::Swap { plugin, file, force, without_state }
            }
            Self::Rollback { plugin } => Command::Rollback { plugin },
            Self::ReloadSpec => Command::ReloadSpec,
            Self::Quarantine { action: None } => Command::Quarantine,
            Self::Quarantine { action: Some(InQuarantine::Lift { name }) } => Command::Lift { name },
            Self::Restart => Command::Restart,
            Self::Stop => Command::Stop,
        }
    }
}

/// Without a host some commands are carried out here, if it is known for which app.
fn offline(app: Option<&str>, command: &Command) -> Result<Option<Answer>, Error> {
    let Some(app) = app else { return Ok(None) };
    supervisor::carry_out_offline(&spec_of(app, &[])?, command)
}

/// What programs read: the data, with the exit code.
fn json_of(answer: &Answer) -> Value {
    let mut object = answer.data.as_object().cloned().unwrap_or_default();
    if object.is_empty() {
        object.insert("text".to_owned(), json!(answer.text));
    }
    object.insert("exit".to_owned(), json!(answer.exit));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_absolute_and_a_name_need_not_have_one() {
        let here = std::env::current_dir().expect("a folder");
        let named = |plugin: &str, file: Option<&str>| {
            let file = file.map(|file| here.join(file));
            Ok(Named { plugin: plugin.to_owned(), file })
        };
        assert_eq!(Named::parse("shop"), named("shop", None));
        assert_eq!(Named::parse("shop=a/b.so"), named("shop", Some("a/b.so")));
        assert_eq!(Named::parse("shop=/c=d.so"), named("shop", Some("/c=d.so")));
        assert_eq!(Named::parse("=x.so"), Err("write NAME or NAME=FILE".to_owned()));
        assert!(Named::parse("shop=").is_err());
    }

    #[test]
    fn programs_get_the_data_with_the_exit_code() {
        let answer = Answer::done("for people", json!({ "app": "shop" }));
        assert_eq!(json_of(&answer), json!({ "app": "shop", "exit": 0 }));
        let error = Answer::from(Error::spec("no plugin `x`").help("known: y"));
        assert_eq!(json_of(&error), json!({ "error": "no plugin `x`", "help": ["known: y"], "exit": 78 }));
        assert_eq!(json_of(&Answer::done("done", Value::Null)), json!({ "text": "done", "exit": 0 }));
    }
}
