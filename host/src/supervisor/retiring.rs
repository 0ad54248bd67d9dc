//! Workers whose place has been taken: they finish what they began.

use super::message::ToWorker;
use super::process::{Ending, Worker, WorkerId};
use super::set::Served;
use super::{Supervisor, stopping};
use rustix::process::Pid;
use std::time::{Duration, Instant};

/// How long the last words of a worker that has ended may take to be read.
pub(super) const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

impl Supervisor {
    /// The first worker of a new set is ready. Those of the old one serve until others of the new one are, too.
    pub(super) fn take_over(&mut self, next: Worker) {
        let old = std::mem::take(&mut self.current);
        self.starts.clear();
        self.current.workers.push(next);
        let (serving, others): (Vec<Worker>, Vec<Worker>) =
            old.workers.into_iter().partition(Worker::is_serving);
        self.outgoing.extend(serving);
        others.into_iter().for_each(|worker| self.retire(worker));
    }

    /// A worker is ready: another one may go for it.
    pub(super) fn retire_one_for(&mut self, id: WorkerId) {
        let worker = self.current.workers.iter_mut().find(|worker| worker.id == id);
        let old = match worker.and_then(|worker| worker.replaces.take()) {
            Some(old) => self.current.take(|worker| worker.id == old),
            None if self.outgoing.is_empty() => None,
            None => Some(self.outgoing.remove(0)),
        };
        old.into_iter().for_each(|old| self.retire(old));
        if self.current.serving().count() >= self.current.shape.workers {
            std::mem::take(&mut self.outgoing).into_iter().for_each(|old| self.retire(old));
        }
    }

    pub(super) fn retire(&mut self, mut old: Worker) {
        tracing::info!("worker {} finishes what it began", old.pid);
        // If it does not read, it is late in the end.
        let _ = old.tell(ToWorker::Retire);
        let limit = stopping::retire_limit(&old.timeouts);
        old.deadline = limit.map(|limit| (Instant::now() + limit, "has not finished in time"));
        self.retiring.push(old);
    }

    /// One that was to go has gone; whether there was any of that number.
    pub(super) fn leaver_ended(&mut self, pid: Pid, ending: Ending) -> bool {
        if let Some(at) = self.retiring.iter().position(|worker| worker.pid == pid) {
            let worker = self.retiring.remove(at);
            self.lose_commands_of(worker.id);
            log_end(&worker, ending);
            self.blame(&worker, ending);
            self.keep_until_read(worker);
            return true;
        }
        let Some(at) = self.outgoing.iter().position(|worker| worker.pid == pid) else { return false };
        let worker = self.outgoing.remove(at);
        self.lose_commands_of(worker.id);
        let why = format!("worker {}, whose place was about to be taken, {ending}", worker.pid);
        tracing::warn!("{why}");
        self.history.add(why);
        self.blame(&worker, ending);
        self.keep_until_read(worker);
        true
    }

    /// What a process said last may be read after its end was seen.
    fn keep_until_read(&mut self, worker: Worker) {
        if !worker.is_silent {
            self.ended.push((worker, Instant::now() + LAST_WORDS_MAX));
        }
    }

    pub(super) fn forget_the_ended(&mut self, now: Instant) {
        self.ended.retain(|(_, until)| *until > now);
    }

    /// Takes in what a worker says of what it serves. Before it serves that counts for nobody else.
    pub(super) fn tell_of(&mut self, id: WorkerId, change: impl FnOnce(&mut Served)) {
        let is_of_set = !self.current.shape.rolls && self.current.worker(id).is_some_and(Worker::is_serving);
        if is_of_set {
            change(&mut self.current.served);
        } else if let Some(worker) = self.worker(id) {
            change(&mut worker.publishes);
        }
    }
}

fn log_end(worker: &Worker, ending: Ending) {
    match ending {
        Ending::Exit(0) => tracing::info!("worker {} has finished", worker.pid),
        ending => tracing::warn!("worker {}, which was to finish what it began, {ending}", worker.pid),
    }
}
