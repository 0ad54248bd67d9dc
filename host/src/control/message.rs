//! What goes over the control socket: a [`Command`] in one line of JSON, and an [`Answer`] in another.

use crate::error::{Error, Exit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// What a client of the control socket asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Whether it works.
    Health,
    /// Whether its app is to be asked: if not, the exit code is 1, and the text says why.
    Ready,
    /// What runs: processes, plugins, generations, what drains, what is pinned and why.
    Status,
    /// The routes that are served, and the paths that its plugins test themselves with.
    Routes,
    /// The requests in flight, the oldest first.
    Requests {
        /// How many are listed; none: a hundred.
        #[serde(default)]
        limit: Option<usize>,
    },
    /// The native stacks of handlers that run.
    Stack {
        /// The id of one request; none: of all.
        #[serde(default)]
        id: Option<String>,
    },
    /// Puts a new generation of a plugin in place of the current one.
    Swap {
        /// The plugin's name.
        plugin: String,
        /// Its new library; none: the file that it came from, as it is now. An absolute path.
        #[serde(default)]
        file: Option<PathBuf>,
        /// Also when the bytes and the configuration are the same.
        #[serde(default)]
        force: bool,
        /// The new generation takes no state over.
        #[serde(default)]
        without_state: bool,
    },
    /// Puts the previous generation of a plugin back.
    Rollback {
        /// The plugin's name.
        plugin: String,
    },
    /// Swaps every plugin whose file or spec has changed: what SIGHUP does.
    SwapChanged,
    /// Reads the spec again and swaps what differs.
    ReloadSpec,
    /// Whether each response names the generation that answered, in a header.
    NameGenerations {
        /// Whether it does.
        on: bool,
    },
    /// The libraries that are not to run any more, because they crashed their worker too often.
    Quarantine,
    /// Lets libraries run again.
    Lift {
        /// The name of a plugin, or the beginning of a digest, or `all`.
        name: String,
    },
    /// Starts a worker beside the one that serves, which ends when the new one is ready.
    Restart,
    /// Finishes what runs and ends.
    Stop,
}

/// What becomes of a [`Command`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The exit code of `host ctl`: 0, or as [`Exit`] has it.
    pub exit: u8,
    /// For people.
    pub text: String,
    /// For programs; for an error `{"error": message, "help": [cure, ...]}`.
    #[serde(default)]
    pub data: Value,
}

impl Answer {
    /// It was done.
    pub fn done(text: impl Into<String>, data: Value) -> Self {
        Self { exit: 0, text: text.into(), data }
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        let data = serde_json::json!({ "error": error.message(), "help": error.helps() });
        Self { exit: error.exit().code(), text: error.to_string(), data }
    }
}

impl From<Result<Self, Error>> for Answer {
    fn from(result: Result<Self, Error>) -> Self {
        result.unwrap_or_else(Self::from)
    }
}

/// What a generation answered in one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its plugin.
    pub plugin: String,
    /// Its number.
    pub generation: u64,
    /// Requests that it answered.
    pub requests: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Requests that are at work on it.
    pub in_flight: u64,
}

/// Whoever carries commands out. Called on a thread for each command, several at once; each call returns within the
/// deadlines of what it does.
pub trait Commands: Send + Sync {
    /// Carries it out.
    fn execute(&self, command: Command) -> Answer;

    /// What generations answered in this process until now.
    fn counts(&self) -> Vec<Counted> {
        Vec::new()
    }
}

/// The exit code of a client that got no answer.
pub const NO_ANSWER: Exit = Exit::Failed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_object_with_its_name() {
        let swap = Command::Swap { plugin: "catalog".into(), file: None, force: false, without_state: false };
        let text = serde_json::to_string(&swap).unwrap();
        assert_eq!(
            text,
            r#"{"command":"swap","plugin":"catalog","file":null,"force":false,"without_state":false}"#
        );
        let short: Command = serde_json::from_str(r#"{"command":"swap","plugin":"catalog"}"#).unwrap();
        assert_eq!(short, swap);
        assert!(serde_json::from_str::<Command>(r#"{"command":"swap","plugin":"a","fiel":"b"}"#).is_err());
        assert!(serde_json::from_str::<Command>(r#"{"command":"fly"}"#).is_err());
    }

    #[test]
    fn an_error_keeps_its_exit_code_and_its_cures() {
        let answer = Answer::from(Error::spec("no plugin `x`").help("known: y"));
        assert_eq!((answer.exit, answer.text.as_str()), (78, "no plugin `x`\nhelp: known: y"));
        assert_eq!(answer.data["help"][0], "known: y");
    }
}
