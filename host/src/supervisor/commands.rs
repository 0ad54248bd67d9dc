//! Commands from the control socket: what the supervisor carries out itself, and what it passes on to a worker, or to all.

use super::Supervisor;
use super::event::{Event, Reply};
use super::message::ToWorker;
use super::process::{Worker, WorkerId};
use super::status_of_all::StatusOfAll;
use crate::control::{Answer, Command, Commands};
use crate::deployment::Change;
use crate::error::Error;
use crate::health::Health;
use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How long a client's thread waits for an answer. A command may build a plugin; the client itself is less patient.
const ANSWER_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a command waits for a worker that serves.
const HOLD_MAX: Duration = Duration::from_secs(60);

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
    /// Questions how it is, which all workers are asked.
    pub(super) statuses: Vec<StatusOfAll>,
}

struct Passed {
    worker: WorkerId,
    reply: Reply,
}

struct Held {
    command: Command,
    reply: Reply,
    until: Instant,
}

impl Pending {
    /// When an answer is due, whatever it is then.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let statuses = self.statuses.iter().map(|status| status.until);
        statuses.chain(self.held.iter().map(|held| held.until)).min()
    }

    pub(super) fn take_all(&mut self) -> Vec<Reply> {
        let passed = self.passed.drain().map(|(_, passed)| passed.reply);
        let statuses = self.statuses.drain(..).map(|status| status.reply);
        passed.chain(self.held.drain(..).map(|held| held.reply)).chain(statuses).collect()
    }

    /// The number of a new command.
    pub(super) fn next_number(&mut self) -> u64 {
        self.commands += 1;
        self.commands
    }
}

impl Supervisor {
    pub(super) fn ask(&mut self, command: Command, reply: Reply) {
        match command {
            Command::Stop => self.stop(Some(reply)),
            Command::Restart => self.replace(reply),
            Command::Status => self.ask_status(reply),
            Command::Quarantine => reply.send(self.list_quarantine()),
            Command::Lift { name } => self.lift(&name, reply),
            Command::Health => reply.send(Health::Live.into()),
            Command::Ready => reply.send(self.readiness().into()),
            Command::Requests { limit } => reply.send(self.requests(limit)),
            Command::Stack { id } => self.stacks(id.into(), reply),
            _ if self.stopping.is_some() => reply.send(Error::failed("the host stops").into()),
            // In a row of crashes a worker serves for moments only: a rollback, say, waits for one of them.
            command if !self.current.is_serving() => {
                self.pending.held.push(Held { command, reply, until: Instant::now() + HOLD_MAX });
            }
            command if self.current.shape.rolls && changes_what_is_served(&command) => {
                self.roll(Change::Asked { command }, reply);
            }
            command => self.pass_on(command, reply),
        }
    }

    pub(super) fn forward_held(&mut self) {
        for Held { command, reply, .. } in std::mem::take(&mut self.pending.held) {
            self.ask(command, reply);
        }
    }

    /// To the first worker that serves; what all need to know, to all of them, and the first one answers.
    fn pass_on(&mut self, command: Command, reply: Reply) {
        if let Command::NameGenerations { on } = command {
            self.names_generations = on;
            self.tell_the_others(&command);
        }
        let id = self.pending.next_number();
        let Some(first) = self.current.serving().next() else { return };
        match first.tell(ToWorker::Execute { id, command }) {
            Ok(()) => drop(self.pending.passed.insert(id, Passed { worker: first.id, reply })),
            Err(error) => reply.send(error.into()),
        }
    }

    fn tell_the_others(&mut self, command: &Command) {
        let id = self.pending.next_number();
        let first = self.current.serving().next().map(|worker| worker.id);
        // Also those that do not serve yet: they begin with what counted when they were started.
        let others = self.workers().filter(|worker| Some(worker.id) != first);
        let tell = |worker: &Worker| worker.tell(ToWorker::Execute { id, command: command.clone() });
        // One that does not read is ending.
        others.for_each(|worker| drop(tell(worker)));
    }

    /// What a worker says of a command. Nobody waits for it any more if it comes too late.
    pub(super) fn answered(&mut self, worker: WorkerId, id: u64, answer: Answer) {
        match self.pending.passed.remove(&id) {
            Some(passed) => passed.reply.send(answer),
            None => self.says_how_it_is(worker, id, answer),
        }
    }

    /// A worker has ended: it answers no more.
    pub(super) fn lose_commands_of(&mut self, worker: WorkerId) {
        let lost = self.pending.passed.extract_if(|_, passed| passed.worker == worker);
        for (_, passed) in lost.collect::<Vec<_>>() {
            passed.reply.send(Error::failed("the worker ended before it was done").into());
        }
        self.says_nothing(worker);
    }

    pub(super) fn answer_late(&mut self, now: Instant) {
        self.answer_late_statuses(now);
        for held in self.pending.held.extract_if(.., |held| held.until <= now) {
            let error = Error::failed("no worker serves: nobody can carry it out");
            held.reply.send(error.help("`host ctl status` says why").into());
        }
    }
}

/// Whether a command may change what is served.
fn changes_what_is_served(command: &Command) -> bool {
    match command {
        Command::Swap { .. } | Command::Rollback { .. } | Command::SwapChanged | Command::ReloadSpec => true,
        Command::Health
        | Command::Ready
        | Command::Status
        | Command::Requests { .. }
        | Command::Stack { .. }
        | Command::Quarantine
        | Command::Lift { .. }
        | Command::Routes
        | Command::NameGenerations { .. }
        | Command::Restart
        | Command::Stop => false,
    }
}
