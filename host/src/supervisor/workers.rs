//! A worker from its start until it serves, and what it says.

use super::Supervisor;
use super::ending::NO_PROCESS;
use super::generations::Generations;
use super::message::{Cause, FromWorker, ToWorker};
use super::process::{Phase, Worker, WorkerId};
use crate::control::Answer;
use crate::error::Error;
use crate::scoreboard::View;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long a worker may take until it serves: more than cargo needs for the largest plugin. Each step of a load has a
/// deadline of its own, in the worker.
pub(super) const READY_MAX: Duration = Duration::from_secs(30 * 60);
/// How long a worker may live that has closed its end of the channel: it is on its way out.
const SILENT_MAX: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Starts the worker that is to serve. If it cannot be started, that counts as a death.
    pub(super) fn start(&mut self, cause: Cause) {
        match self.spawn(cause) {
            Ok(worker) => self.current = Some(worker),
            Err(error) if cause == Cause::Start => self.end = Some(Err(error)),
            Err(error) => self.died(error.message(), Duration::ZERO, NO_PROCESS),
        }
    }

    /// Starts a worker with the sockets and what was served last. One that has ended before it read all that is noticed by its
    /// end, as any other.
    pub(super) fn spawn(&mut self, cause: Cause) -> Result<Worker, Error> {
        self.workers += 1;
        let mut worker = (self.spawner)(self.workers, &self.sender)?;
        worker.timeouts = self.timeouts;
        worker.deadline = Some((Instant::now() + READY_MAX, "is not ready in time"));
        self.sockets.hand_to(&worker)?;
        let serving = self.current.as_ref().filter(|current| current.is_serving());
        let served = serving.map_or(&self.last_served, |current| &current.generations);
        for (generation, copy) in served.copies() {
            let _ = worker.hand(ToWorker::Serving { generation }, copy);
        }
        let _ = worker.tell(ToWorker::Begin { cause, failures: self.policy.in_a_row() });
        Ok(worker)
    }

    pub(super) fn heard(&mut self, id: WorkerId, message: FromWorker, descriptor: Option<OwnedFd>) {
        match message {
            FromWorker::Scoreboard => self.sees(id, descriptor),
            FromWorker::Ready { banner } => self.ready(id, &banner),
            FromWorker::Waiting { error } => self.waits(id, error),
            FromWorker::Stopping if self.is_current(id) => self.stop(None),
            FromWorker::Stopping => {}
            FromWorker::Published { generation } => {
                if let (Some(worker), Some(copy)) = (self.worker(id), descriptor) {
                    worker.generations.publish(generation, copy);
                }
            }
            FromWorker::Forgotten { plugin, number } => {
                if let Some(worker) = self.worker(id) {
                    worker.generations.forget(&plugin, number);
                }
            }
            FromWorker::Answer { id: command, answer } => self.answered(command, answer),
            FromWorker::ReplaceMe { reason } => self.replace_one_that_asks(id, &reason),
            FromWorker::Listen { listen, bind } => self.listen(id, listen, &bind),
            FromWorker::Unlisten { bind, shape } => self.unlisten(&bind, &shape),
            FromWorker::Deadlines { shutdown, drain } => {
                if let Some(worker) = self.worker(id) {
                    (worker.timeouts.shutdown, worker.timeouts.drain) = (shutdown, drain);
                }
            }
        }
    }

    fn sees(&mut self, id: WorkerId, board: Option<OwnedFd>) {
        let Some(worker) = self.worker(id) else { return };
        let board = board.ok_or_else(|| Error::failed("no descriptor left for its scoreboard"));
        match board.and_then(|board| View::of(&board.into())) {
            Ok(view) => worker.board = Some(view),
            Err(error) => tracing::warn!("worker {}: {error}", worker.pid),
        }
    }

    fn is_current(&self, id: WorkerId) -> bool {
        self.current.as_ref().is_some_and(|current| current.id == id)
    }

    fn ready(&mut self, id: WorkerId, banner: &str) {
        if self.stopping.is_some() {
            return;
        }
        if let Some(next) = self.next.take_if(|next| next.id == id) {
            self.retire_current();
            self.current = Some(next);
        }
        let Some(current) = self.current.as_mut().filter(|current| current.id == id) else { return };
        current.phase = Phase::Serving(Instant::now());
        current.deadline = None;
        let pid = current.pid;
        self.sockets.keep_those_of(id);
        self.last_served = Generations::default();
        if std::mem::replace(&mut self.has_served, true) {
            tracing::info!("worker {pid} serves");
        } else if !self.quiet {
            crate::log::say(banner);
        }
        self.answer_restarts(|| {
            Answer::done(format!("worker {pid} serves"), serde_json::json!({ "worker": pid.as_raw_pid() }))
        });
        self.forward_held();
    }

    fn waits(&mut self, id: WorkerId, error: String) {
        if let Some(worker) = self.worker(id) {
            worker.phase = Phase::Waiting(error);
            worker.deadline = None;
        }
    }

    /// A worker whose channel has ended cannot be told anything: it is ending, or must.
    pub(super) fn silent(&mut self, id: WorkerId, why: Option<Error>) {
        let Some(worker) = self.worker(id) else { return };
        if let Some(error) = why {
            tracing::error!("worker {}: {error}", worker.pid);
        }
        let soon = Instant::now() + SILENT_MAX;
        let at = worker.deadline.map_or(soon, |(at, _)| at.min(soon));
        worker.deadline = Some((at, "has closed its channel"));
    }

    pub(super) fn kill_late_workers(&mut self, now: Instant) {
        for worker in self.workers_mut() {
            if let Some((_, why)) = worker.deadline.take_if(|(at, _)| *at <= now) {
                tracing::error!("worker {} {why}, and is killed", worker.pid);
                worker.was_late = true;
                worker.kill();
            }
        }
    }
}
