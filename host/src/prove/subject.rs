//! The host under proof: one that runs already, or one that is started for it.

use super::address::Address;
use super::child::Child;
use crate::control::{Answer, Client, Command};
use crate::deployment::{Receipt, Routes};
use crate::error::{Error, Exit};
use crate::ledger::Ledger;
use crate::units;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a swap may take: its steps have deadlines of their own, which end sooner.
const SWAP_MAX: Duration = Duration::from_secs(300);
/// How long any other answer of the host may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How long its workers may take to serve, after the first one does.
const ALL_MAX: Duration = Duration::from_secs(60);
/// How long to wait before they are looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// See the module.
pub(crate) struct Subject {
    control: PathBuf,
    pub(super) address: Address,
    /// It was started for this.
    child: Option<Child>,
}

/// What a host says of itself, as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    pub(super) app: String,
    #[serde(default)]
    pub(super) server: String,
    #[serde(default)]
    pub(super) listeners: Vec<String>,
    #[serde(default)]
    pub(super) generations: Vec<Row>,
    #[serde(default)]
    pub(super) process: Ledger,
    #[serde(default)]
    pub(super) set: Set,
    #[serde(default)]
    pub(super) workers: Vec<Worker>,
}

/// How many workers there are to be.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Set {
    workers: usize,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Worker {
    state: String,
}

/// A generation.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Row {
    pub(super) plugin: String,
    pub(super) generation: u64,
    pub(super) state: String,
    pub(super) why: Option<String>,
    pub(super) digest: String,
    pub(super) file: PathBuf,
}

impl Status {
    /// Whether as many workers serve as there are to be. A host without a supervisor speaks of none.
    fn is_complete(&self) -> bool {
        self.workers.iter().filter(|worker| worker.state == "serving").count() >= self.set.workers
    }

    /// The generations that answer.
    pub(super) fn serving(&self) -> impl Iterator<Item = &Row> {
        self.in_state("serving")
    }

    /// Those in a state, as the status has it.
    pub(super) fn in_state(&self, state: &str) -> impl Iterator<Item = &Row> {
        self.generations.iter().filter(move |row| row.state == state)
    }
}

#[cfg(test)]
impl Row {
    pub(super) fn serving(plugin: &str, file: &str) -> Self {
        let (plugin, state, digest) = (plugin.to_owned(), "serving".to_owned(), String::new());
        Self { plugin, generation: 1, state, why: None, digest, file: file.into() }
    }
}

/// A swap that was carried out.
pub(super) struct Done {
    /// One for each plugin that has another generation.
    pub(super) receipts: Vec<Receipt>,
    pub(super) asked: Instant,
    pub(super) answered: Instant,
}

impl Subject {
    /// A host that runs; without a URL, what it says that it listens on.
    ///
    /// # Errors
    /// The URL is none; nobody answers on the control socket.
    pub(crate) fn running(control: PathBuf, url: Option<&str>) -> Result<Self, Error> {
        let address = match url {
            Some(url) => Address::of_url(url)?,
            None => address_of(&control)?,
        };
        Ok(Self { control, address, child: None })
    }

    /// Starts a host with these arguments, which name an app and a server.
    ///
    /// # Errors
    /// It does not serve.
    pub(crate) fn start(args: &[OsString]) -> Result<Self, Error> {
        let mut child = Child::spawn(args)?;
        let control = child.wait_for_control()?;
        let address = address_of(&control)?;
        Ok(Self { control, address, child: Some(child) })
    }

    /// Whether it was started for this, and nobody else uses it.
    pub(super) fn is_own(&self) -> bool {
        self.child.is_some()
    }

    fn ask(&self, command: &Command, limit: Duration) -> Result<Answer, Error> {
        let answer = Client::connect(&self.control)?.ask(command, limit)?;
        if answer.exit == 0 { Ok(answer) } else { Err(error_of(&answer)) }
    }

    pub(super) fn status(&self) -> Result<Status, Error> {
        let status: Status = parse(self.ask(&Command::Status, ANSWER_MAX)?.data)?;
        if status.server.is_empty() {
            return Err(Error::failed("the host does not say how it is: its worker is not there"));
        }
        Ok(status)
    }

    pub(super) fn routes(&self) -> Result<Routes, Error> {
        parse(self.ask(&Command::Routes, ANSWER_MAX)?.data)
    }

    /// Has each answer name its generation, or not.
    pub(super) fn name_generations(&self, on: bool) -> Result<(), Error> {
        self.ask(&Command::NameGenerations { on }, ANSWER_MAX).map(drop)
    }

    /// Waits until all workers serve that there are to be, and have done what they were told before.
    pub(super) fn wait_for_all(&self) -> Result<(), Error> {
        let until = Instant::now() + ALL_MAX;
        while !self.status()?.is_complete() {
            if Instant::now() >= until {
                return Err(Error::failed(format!(
                    "some workers do not serve, {} later",
                    units::duration(ALL_MAX)
                )));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Swaps a plugin, to the file that it has if none is given.
    pub(super) fn swap(&self, plugin: &str, file: Option<PathBuf>) -> Result<Done, Error> {
        let command = Command::Swap { plugin: plugin.to_owned(), file, force: true, without_state: false };
        let asked = Instant::now();
        let mut answer = self.ask(&command, SWAP_MAX)?;
        let answered = Instant::now();
        Ok(Done { receipts: parse(answer.data["swaps"].take())?, asked, answered })
    }

    /// The last lines of its log, if it was started for this.
    pub(crate) fn last_words(&self) -> Vec<String> {
        self.child.iter().flat_map(Child::last_words).collect()
    }

    /// Ends it, if it was started for this.
    pub(crate) fn end(self) {
        if self.is_own() {
            // Whatever becomes of that: the process goes with its owner.
            let _ = self.ask(&Command::Stop, ANSWER_MAX);
        }
    }
}

fn address_of(control: &Path) -> Result<Address, Error> {
    let answer = Client::connect(control)?.ask(&Command::Status, ANSWER_MAX)?;
    let status: Status = parse(answer.data)?;
    match status.listeners.first() {
        Some(url) => Address::of_url(url),
        None => Err(Error::usage("the host does not say where it listens").help("name it with --url URL")),
    }
}

fn parse<T: DeserializeOwned>(data: serde_json::Value) -> Result<T, Error> {
    serde_json::from_value(data)
        .map_err(|cause| Error::failed(format!("the host answers what this one does not know: {cause}")))
}

/// The error that an answer carries.
fn error_of(answer: &Answer) -> Error {
    let exits = [Exit::Usage, Exit::Spec];
    let exit = exits.into_iter().find(|exit| exit.code() == answer.exit).unwrap_or(Exit::Failed);
    let message = answer.data["error"].as_str().unwrap_or(&answer.text);
    let helps = answer.data["help"].as_array().into_iter().flatten();
    let error = Error::failed(message).exiting(exit);
    helps.filter_map(|help| help.as_str()).fold(error, Error::help)
}
