//! What the supervisor and a worker say to each other: one JSON object a line, each with at most one descriptor.
//!
//! The supervisor begins: a [`ToWorker::Listener`] for each socket, a [`ToWorker::Serving`] for each generation that the
//! worker before had, then [`ToWorker::Begin`]. The worker loads and says [`FromWorker::Ready`]. From then on either side
//! says what there is to say, and neither waits for the other to read: see `outbox.rs`.

use crate::control::{Answer, Command, Counted};
use crate::deployment::{Change, Published, Thing};
use crate::error::Error;
use crate::listener::Shape;
use crate::quarantine::Ban;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest message: an answer, or the configuration of a plugin, is far shorter.
pub(super) const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// One direction of the channel.
pub(super) trait Message: Serialize + DeserializeOwned + Send + 'static {
    /// Whether a descriptor goes with it.
    fn has_descriptor(&self) -> bool;
}

/// From the supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub(super) enum ToWorker {
    /// A bound socket, with its descriptor. Before [`ToWorker::Begin`], or the answer to [`FromWorker::Listen`] of that
    /// number.
    Listener { bind: String, shape: Shape, listen: Option<u64> },
    /// The answer to [`FromWorker::Listen`], when it cannot be bound.
    NotBound { listen: u64, error: Error },
    /// A generation that the worker before had, with the descriptor of its sealed copy.
    Serving { generation: Published },
    /// These libraries are not to run, and no others. Before [`ToWorker::Begin`], and when it changes.
    Banned { bans: Vec<Ban> },
    /// The spec of the set that the worker is of, as its first one read it. Without it the worker reads its file.
    Spec { text: String },
    /// That was all: load and serve. With a change: load, carry it out, say [`FromWorker::Rolled`], and serve if anything did
    /// change.
    Begin { cause: Cause, failures: usize, names_generations: bool, roll: Option<Change> },
    /// Carry a command out, and answer with this number.
    Execute { id: u64, command: Command },
    /// Say [`FromWorker::Counts`].
    Count,
    /// Say [`FromWorker::Pong`], at once.
    Ping,
    /// The host stops: finish what runs and end.
    Stop,
    /// Another worker serves from now on: accept no more, finish what runs and end.
    Retire,
}

/// From a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub(super) enum FromWorker {
    /// Its scoreboard, with the descriptor of that. Said before anything else.
    Scoreboard,
    /// It serves, as one of so many workers. `rolls`: what is served changes with the processes only.
    Ready { banner: String, workers: usize, rolls: bool },
    /// What became of the change that it began with. If nothing has changed, it ends.
    Rolled { answer: Answer, has_changed: bool },
    /// The text of the spec that it serves, before it is ready.
    Spec { text: String },
    /// What is to be watched, before it is ready.
    Watches { things: Vec<Thing> },
    /// What its generations answered until now: when it is asked, when it is told to retire, and at its end.
    Counts { counts: Vec<Counted>, retires: bool },
    /// It has read [`ToWorker::Ping`].
    Pong,
    /// A process that it forked was ended by that signal: what the scoreboard has of that process is the supervisor's to read, and
    /// to give back.
    ChildDied { pid: u32, signal: i32 },
    /// It could not load, and waits for a change.
    Waiting { error: String },
    /// A plugin asked it to stop the host: it finishes what runs and ends.
    Stopping,
    /// A generation, with the descriptor of its sealed copy, to be handed to the next worker if this one dies.
    Published { generation: Published },
    /// A generation that will never serve again.
    Forgotten { plugin: String, number: u64 },
    /// What became of a command.
    Answer { id: u64, answer: Answer },
    /// It is no longer fit to serve: another worker is to take its place.
    ReplaceMe { reason: String },
    /// Bind this address, and answer with this number.
    Listen { listen: u64, bind: String },
    /// Close this address.
    Unlisten { bind: String, shape: Shape },
    /// How long it may need at its end, and its handlers: `[timeouts]` of the spec as it is there. Said before it is ready, and when it changes.
    Deadlines { shutdown: Option<Duration>, drain: Option<Duration>, stuck_after: Option<Duration> },
}

/// Why a worker is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The host starts.
    Start,
    /// The worker before died.
    Died,
    /// The worker before asked to be started again: [`crate::error::Exit::StartAgain`].
    StartAgain,
    /// The worker before serves until this one is ready.
    Replace,
    /// What the worker before serves is in quarantine. It serves until this one is ready, which has the spec of its set.
    Quarantine,
    /// Its set has too few.
    Join,
    /// A change is to be carried out, by a new set of workers.
    Roll,
}

impl Message for ToWorker {
    fn has_descriptor(&self) -> bool {
        matches!(self, Self::Listener { .. } | Self::Serving { .. })
    }
}

impl Message for FromWorker {
    fn has_descriptor(&self) -> bool {
        matches!(self, Self::Published { .. } | Self::Scoreboard)
    }
}
