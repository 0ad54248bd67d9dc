//! A worker beside the one that serves, which takes its place when it is ready, and not before.

use super::event::Reply;
use super::message::{Cause, ToWorker};
use super::process::{Ending, Phase, Worker, WorkerId};
use super::{Supervisor, stopping};
use crate::control::Answer;
use crate::error::Error;
use std::time::Instant;

impl Supervisor {
    /// Starts a worker that takes over when it is ready. When none runs at the moment, it is the next to start.
    pub(super) fn replace(&mut self, reply: Reply) {
        let refuse = |why: &str| Answer::from(Error::failed(format!("cannot start another worker: {why}")));
        match (&self.current, &self.next) {
            _ if self.stopping.is_some() => return reply.send(refuse("the host stops")),
            (_, Some(next)) => {
                return reply.send(refuse(&format!("worker {} is starting already", next.pid)));
            }
            (Some(current), None) if current.phase == Phase::Starting => {
                return reply.send(refuse(&format!("worker {} is starting already", current.pid)));
            }
            (Some(_), None) => match self.spawn(Cause::Replace) {
                Ok(worker) => self.next = Some(worker),
                Err(error) => return reply.send(error.into()),
            },
            (None, None) => {
                let cause = self.start_at.map_or(Cause::Died, |(_, cause)| cause);
                self.start_at = Some((Instant::now(), cause));
            }
        }
        if let Reply::To(_) = &reply {
            self.history.add("asked for with `host ctl restart`".to_owned());
        }
        self.restarting.push(reply);
    }

    /// A worker that asks again and again, while none that could take its place gets ready, is not heard each time.
    pub(super) fn replace_one_that_asks(&mut self, id: WorkerId, reason: &str) {
        let too_early = self.replace_after.is_some_and(|after| Instant::now() < after);
        let Some(current) = self.current.as_ref().filter(|current| current.id == id) else { return };
        if self.next.is_some() || self.stopping.is_some() || too_early {
            return;
        }
        let why = format!("worker {} asks to be replaced: {reason}", current.pid);
        tracing::warn!("{why}");
        self.history.add(why);
        self.replace(Reply::Log);
    }

    pub(super) fn answer_restarts(&mut self, answer: impl Fn() -> Answer) {
        for reply in std::mem::take(&mut self.restarting) {
            if matches!(reply, Reply::To(_)) {
                reply.send(answer());
            }
        }
    }

    pub(super) fn retire_current(&mut self) {
        let Some(mut old) = self.current.take() else { return };
        tracing::info!("worker {} finishes what it began", old.pid);
        // If it does not read, it is late in the end.
        let _ = old.tell(ToWorker::Retire);
        let limit = stopping::retire_limit(&old.timeouts);
        old.deadline = limit.map(|limit| (Instant::now() + limit, "has not finished in time"));
        self.retiring.push(old);
    }

    pub(super) fn retired(&self, worker: &Worker, ending: Ending) {
        match ending {
            Ending::Exit(0) => tracing::info!("worker {} has finished", worker.pid),
            ending => tracing::warn!("worker {}, which was to finish what it began, {ending}", worker.pid),
        }
    }

    /// The worker that was to take the place of another one is gone: nothing has changed.
    pub(super) fn next_ended(&mut self, worker: &Worker, ending: Ending) {
        self.sockets.close_those_of(worker.id);
        if self.stopping.is_some() {
            return;
        }
        self.replace_after = Some(Instant::now() + self.policy.pause_max());
        let serves =
            self.current.as_ref().map_or(String::new(), |current| format!("; {} serves on", current.pid));
        let error = Error::failed(format!("worker {}, which was to take over, {ending}{serves}", worker.pid));
        tracing::error!("{error}");
        self.answer_restarts(|| error.clone().into());
    }
}
