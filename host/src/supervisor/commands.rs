//! Commands from the control socket: what the supervisor carries out itself, and what it passes on to the worker.

use super::Supervisor;
use super::event::{Event, Reply};
use super::message::ToWorker;
use super::process::WorkerId;
use crate::control::{Answer, Command, Commands};
use crate::error::Error;
use crate::health::Health;
use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How long a client's thread waits for an answer. A command may build a plugin; the client itself is less patient.
const ANSWER_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a command waits for a worker that serves.
const HOLD_MAX: Duration = Duration::from_secs(60);
/// How long the worker may take to say how it is: it is at work, and this is only a question.
const STATUS_MAX: Duration = Duration::from_secs(2);

/// Asks the main thread.
pub(super) struct Asking(pub(super) SyncSender<Event>);

impl Commands for Asking {
    fn execute(&self, command: Command) -> Answer {
        let (reply, answer) = sync_channel(1);
        let asked = self.0.send(Event::Asked { command, reply: Reply::To(reply) });
        let answer = asked.map_err(drop).and_then(|()| answer.recv_timeout(ANSWER_MAX).map_err(drop));
        answer.unwrap_or_else(|()| Error::failed("the host ended, or did not answer").into())
    }
}

/// What was asked and is not answered yet.
#[derive(Default)]
pub(super) struct Pending {
    commands: u64,
    /// Passed on to a worker, by the number of the command.
    passed: HashMap<u64, Passed>,
    /// Waiting for a worker that serves.
    held: Vec<Held>,
}

struct Passed {
    worker: WorkerId,
    reply: Reply,
    /// The answer is wanted for the status, and no later than then.
    status_by: Option<Instant>,
}

struct Held {
    command: Command,
    reply: Reply,
    until: Instant,
}

impl Pending {
    /// When an answer is due, whatever it is then.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let status = self.passed.values().filter_map(|passed| passed.status_by);
        status.chain(self.held.iter().map(|held| held.until)).min()
    }

    pub(super) fn take_all(&mut self) -> Vec<Reply> {
        let passed = self.passed.drain().map(|(_, passed)| passed.reply);
        passed.chain(self.held.drain(..).map(|held| held.reply)).collect()
    }
}

impl Supervisor {
    pub(super) fn ask(&mut self, command: Command, reply: Reply) {
        match command {
            Command::Stop => self.stop(Some(reply)),
            Command::Restart => self.replace(reply),
            Command::Status => self.ask_status(reply),
            Command::Health => reply.send(Health::Live.into()),
            Command::Ready => reply.send(self.readiness().into()),
            Command::Requests { limit } => reply.send(self.requests(limit)),
            _ if self.stopping.is_some() => reply.send(Error::failed("the host stops").into()),
            command => self.pass_on_or_hold(command, reply),
        }
    }

    /// In a row of crashes a worker serves for moments only: a rollback, say, waits for one of them.
    fn pass_on_or_hold(&mut self, command: Command, reply: Reply) {
        if self.current.as_ref().is_some_and(|current| current.is_serving()) {
            self.pass_on(command, reply, None);
        } else {
            self.pending.held.push(Held { command, reply, until: Instant::now() + HOLD_MAX });
        }
    }

    pub(super) fn forward_held(&mut self) {
        for Held { command, reply, .. } in std::mem::take(&mut self.pending.held) {
            self.pass_on(command, reply, None);
        }
    }

    fn ask_status(&mut self, reply: Reply) {
        if self.current.as_ref().is_some_and(|current| current.is_serving()) {
            self.pass_on(Command::Status, reply, Some(Instant::now() + STATUS_MAX));
        } else {
            reply.send(self.status(None));
        }
    }

    fn pass_on(&mut self, command: Command, reply: Reply, status_by: Option<Instant>) {
        let Some(current) = &self.current else { return };
        self.pending.commands += 1;
        let id = self.pending.commands;
        match current.tell(ToWorker::Execute { id, command }) {
            Ok(()) => {
                self.pending.passed.insert(id, Passed { worker: current.id, reply, status_by });
            }
            Err(_) if status_by.is_some() => reply.send(self.status(None)),
            Err(error) => reply.send(error.into()),
        }
    }

    /// What the worker says of a command. Nobody waits for it any more if it comes too late.
    pub(super) fn answered(&mut self, id: u64, answer: Answer) {
        match self.pending.passed.remove(&id) {
            Some(Passed { reply, status_by: Some(_), .. }) => reply.send(self.status(Some(answer))),
            Some(Passed { reply, .. }) => reply.send(answer),
            None => {}
        }
    }

    /// A worker has ended: it answers no more.
    pub(super) fn lose_commands_of(&mut self, worker: WorkerId) {
        let lost = self.pending.passed.extract_if(|_, passed| passed.worker == worker);
        for (_, Passed { reply, status_by, .. }) in lost.collect::<Vec<_>>() {
            match status_by {
                Some(_) => reply.send(self.status(None)),
                None => reply.send(Error::failed("the worker ended before it was done").into()),
            }
        }
    }

    pub(super) fn answer_late(&mut self, now: Instant) {
        let is_late = |passed: &Passed| passed.status_by.is_some_and(|by| by <= now);
        let late = self.pending.passed.extract_if(|_, passed| is_late(passed));
        for (_, passed) in late.collect::<Vec<_>>() {
            passed.reply.send(self.status(None));
        }
        for held in self.pending.held.extract_if(.., |held| held.until <= now) {
            let error = Error::failed("no worker serves: nobody can carry it out");
            held.reply.send(error.help("`host ctl status` says why").into());
        }
    }
}
