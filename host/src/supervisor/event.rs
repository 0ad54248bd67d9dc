//! What the supervisor's main thread waits for. Other threads only pass on what came to them; all is decided in one place.

use super::message::FromWorker;
use super::process::WorkerId;
use crate::control::{Answer, Command};
use crate::deployment::Key;
use crate::error::Error;
use crate::listener::Listener;
use crate::spec::Bind;
use crate::systemd;
use crate::watch::Settled;
use std::os::fd::OwnedFd;
use std::sync::mpsc::SyncSender;

pub(super) enum Event {
    /// A signal, SIGCHLD among them.
    Signal(i32),
    /// A worker says something.
    Said { worker: WorkerId, message: FromWorker, descriptor: Option<OwnedFd> },
    /// A worker's end of its channel is closed, or what it says cannot be read.
    Silent { worker: WorkerId, why: Option<Error> },
    /// The stacks of a worker that hangs were taken.
    LookedAt { worker: WorkerId },
    /// A client of the control socket asks for something.
    Asked { command: Command, reply: Reply },
    /// Something has settled on disk.
    Settled(Settled<Key>),
    /// An address that a worker asked for.
    Bound { worker: WorkerId, listen: u64, bind: Bind, result: Result<Listener, Error> },
}

/// Where the answer to a command goes.
pub(super) enum Reply {
    To(SyncSender<Answer>),
    /// Nobody waits: it was a signal that asked.
    Log,
    /// The same, and systemd was told that something is loaded again.
    Reload,
}

impl Reply {
    /// Never waits: there is room for the one answer.
    pub(super) fn send(self, answer: Answer) {
        match self {
            Self::To(client) => drop(client.try_send(answer)),
            Self::Reload => {
                Self::Log.send(answer);
                systemd::reloaded();
            }
            Self::Log if answer.exit == 0 => tracing::info!("{}", answer.text),
            Self::Log => tracing::error!("{}", answer.text),
        }
    }
}
