//! The one error type of the host: what could not be done, what would cure it, and the exit code that says so.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A failure as it is shown to the user: `where: what could not be done: cause`, then `help:` lines.
///
/// ```
/// use host::error::Error;
/// let error = Error::usage("unknown server `threded`").help("did you mean `threaded`?").context("--server");
/// assert_eq!(error.to_string(), "--server: unknown server `threded`\nhelp: did you mean `threaded`?");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    message: String,
    help: Vec<String>,
    exit: Exit,
}

/// How the process ends. The numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// Something failed while running.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// The spec or a plugin is bad: starting again would not help.
    Spec = 78,
    /// Only from a worker: start me again.
    StartAgain = 3,
}

impl Exit {
    /// The code for the operating system.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl Error {
    /// A bad spec or plugin: [`Exit::Spec`].
    pub fn spec(message: impl Into<String>) -> Self {
        Self::new(message.into(), Exit::Spec)
    }

    /// A bad command line: [`Exit::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(message.into(), Exit::Usage)
    }

    /// A failure while running: [`Exit::Failed`].
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(message.into(), Exit::Failed)
    }

    /// The worker asks to be started again: [`Exit::StartAgain`].
    pub fn start_again(message: impl Into<String>) -> Self {
        Self::new(message.into(), Exit::StartAgain)
    }

    fn new(message: String, exit: Exit) -> Self {
        Self { message, help: Vec::new(), exit }
    }

    /// Adds a cure, shown as a `help:` line of its own.
    #[must_use]
    pub fn help(mut self, cure: impl Into<String>) -> Self {
        self.help.push(cure.into());
        self
    }

    /// Says where it happened: prefixes the message with `place: `.
    #[must_use]
    pub fn context(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same error with another exit code.
    #[must_use]
    pub fn exiting(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// What could not be done, without the `help:` lines.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The cures, in the order they were added.
    pub fn helps(&self) -> &[String] {
        &self.help
    }

    /// How the process should end because of it.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|cure| write!(f, "\nhelp: {cure}"))
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_place_its_message_and_every_cure() {
        let error =
            Error::failed("no such file").help("build it").help("or name it").context("a.so").context("load");
        assert_eq!(error.to_string(), "load: a.so: no such file\nhelp: build it\nhelp: or name it");
        assert_eq!((error.message(), error.helps().len()), ("load: a.so: no such file", 2));
    }

    #[test]
    fn every_kind_has_its_exit_code() {
        let codes = [Error::failed(""), Error::usage(""), Error::spec(""), Error::start_again("")]
            .map(|error| error.exit().code());
        assert_eq!(codes, [1, 2, 78, 3]);
        assert_eq!(Error::failed("").exiting(Exit::Spec).exit(), Exit::Spec);
    }
}
