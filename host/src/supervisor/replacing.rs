//! Workers beside those that serve, which take their places when they are ready, and not before.

use super::Supervisor;
use super::event::Reply;
use super::message::Cause;
use super::process::{Ending, Worker, WorkerId};
use crate::control::Answer;
use crate::error::Error;
use rustix::process::Pid;
use serde_json::json;
use std::time::Instant;

impl Supervisor {
    /// Starts the first worker of a new set, which takes over when it is ready. When none runs at the moment, it is the next to
    /// start.
    pub(super) fn replace(&mut self, reply: Reply) {
        self.replace_for(Cause::Replace, reply);
    }

    /// The same, for that reason.
    pub(super) fn replace_for(&mut self, cause: Cause, reply: Reply) {
        if let Some(why) = self.why_not_replace() {
            let error = Error::failed(format!("cannot start another worker: {why}"));
            return reply.send(error.into());
        }
        if self.current.workers.is_empty() {
            let cause = self.starts.first().map_or(Cause::Died, |(_, cause)| *cause);
            self.starts = vec![(Instant::now(), cause)];
        } else {
            match self.spawn(cause, None) {
                Ok(worker) => self.next = Some(worker),
                Err(error) => return reply.send(error.into()),
            }
        }
        if let Reply::To(_) = &reply {
            self.history.add("asked for with `host ctl restart`".to_owned());
        }
        self.restarting.push(reply);
    }

    pub(super) fn why_not_replace(&self) -> Option<String> {
        let of_set = self.current.workers.iter().find(|worker| worker.is_starting());
        let starting = self.next.as_ref().or(of_set.filter(|_| !self.current.is_serving()));
        match starting {
            _ if self.stopping.is_some() => Some("the host stops".to_owned()),
            Some(worker) => Some(format!("worker {} is starting already", worker.pid)),
            None if !self.outgoing.is_empty() => Some("workers are being replaced already".to_owned()),
            None if self.rolls.is_under_way() => Some("a change is being carried out".to_owned()),
            None => None,
        }
    }

    /// A worker that asks again and again, while none that could take its place gets ready, is not heard each time. Of a set of
    /// several one is replaced after the other: who is not heard asks again.
    pub(super) fn replace_one_that_asks(&mut self, id: WorkerId, reason: &str) {
        let too_early = self.replace_after.is_some_and(|after| Instant::now() < after);
        let is_busy = self.next.is_some() || !self.outgoing.is_empty() || self.current.is_replacing_one();
        let Some(worker) = self.current.worker(id) else { return };
        if is_busy || self.stopping.is_some() || too_early {
            return;
        }
        let why = format!("worker {} asks to be replaced: {reason}", worker.pid);
        match self.current.shape.rolls {
            true => tracing::info!("{why}"),
            false => tracing::warn!("{why}"),
        }
        self.history.add(why);
        match self.current.shape.rolls {
            true => self.replace_member(id),
            false => self.replace(Reply::Log),
        }
    }

    /// Another worker of the same set takes the place of one when it is ready.
    fn replace_member(&mut self, id: WorkerId) {
        match self.spawn(Cause::Join, None) {
            Ok(mut worker) => {
                worker.replaces = Some(id);
                self.current.workers.push(worker);
            }
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// Once all that are to be replaced are, by this one last.
    pub(super) fn answer_restarts(&mut self, last: Pid) {
        if !self.outgoing.is_empty() {
            return;
        }
        let workers: Vec<i32> = self.current.serving().map(|worker| worker.pid.as_raw_pid()).collect();
        let text = match workers.len() {
            0 | 1 => format!("worker {last} serves"),
            more => format!("{more} new workers serve"),
        };
        let answer = Answer::done(text, json!({ "worker": last.as_raw_pid(), "workers": workers }));
        for reply in std::mem::take(&mut self.restarting) {
            if matches!(reply, Reply::To(_)) {
                reply.send(answer.clone());
            }
        }
    }

    /// The worker that was to take the place of others is gone: nothing has changed.
    pub(super) fn next_ended(&mut self, worker: &Worker, ending: Ending) {
        self.sockets.close_those_of(worker.id);
        if self.stopping.is_some() || self.roll_failed(worker, ending) {
            return;
        }
        let error = self.not_taken_over(worker, ending);
        self.quarantine.not_replaced_by(worker.id, self.policy.pause_max());
        for reply in std::mem::take(&mut self.restarting) {
            if matches!(reply, Reply::To(_)) {
                reply.send(error.clone().into());
            }
        }
    }

    /// The same for one of a set that was to take the place of another one.
    pub(super) fn not_taken_over(&mut self, worker: &Worker, ending: Ending) -> Error {
        self.replace_after = Some(Instant::now() + self.policy.pause_max());
        let serving: Vec<String> = self.current.serving().map(|one| one.pid.to_string()).collect();
        let serves = match serving.as_slice() {
            [] => String::new(),
            [one] => format!("; {one} serves on"),
            more => format!("; {} serve on", more.join(", ")),
        };
        let error = Error::failed(format!("worker {}, which was to take over, {ending}{serves}", worker.pid));
        tracing::error!("{error}");
        error
    }
}
