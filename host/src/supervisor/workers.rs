//! A worker from its start until it serves, and what it says.

use super::ending::NO_PROCESS;
use super::message::{Cause, FromWorker, ToWorker};
use super::process::{Phase, Worker, WorkerId};
use super::{NEVER, Supervisor};
use crate::deployment::Change;
use crate::error::Error;
use crate::scoreboard::View;
use crate::server::Shape;
use crate::spec::{COUNT_MAX, Timeouts};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a worker may take until it serves: more than cargo needs for the largest plugin. Each step of a load has a
/// deadline of its own, in the worker.
pub(super) const READY_MAX: Duration = Duration::from_secs(30 * 60);
/// How long a worker may live that has closed its end of the channel: it is on its way out.
const SILENT_MAX: Duration = Duration::from_secs(2);

/// What a worker says that its set is to be. Whatever it says, no more processes are started than a spec may ask for.
pub(super) fn shape_of(workers: usize, rolls: bool) -> Shape {
    Shape { workers: workers.clamp(1, COUNT_MAX), rolls }
}

impl Supervisor {
    /// Starts a worker of the current set. If it cannot be started, that counts as a death.
    pub(super) fn start(&mut self, cause: Cause) {
        match self.spawn(cause, None) {
            Ok(worker) => self.current.workers.push(worker),
            Err(error) if cause == Cause::Start => self.end = Some(Err(error)),
            Err(error) => self.died(error.message(), Duration::ZERO, NO_PROCESS),
        }
    }

    /// Starts a worker with the sockets and what is, or was last, served. One that has ended before it read all that is noticed
    /// by its end, as any other.
    pub(super) fn spawn(&mut self, cause: Cause, roll: Option<Change>) -> Result<Worker, Error> {
        self.workers += 1;
        self.blame.begin_worker();
        let mut worker = (self.spawner)(self.workers, &self.sender)?;
        worker.timeouts = self.timeouts;
        worker.deadline = Some((Instant::now() + READY_MAX, "is not ready in time"));
        self.sockets.hand_to(&worker)?;
        for (generation, copy) in self.current.served.generations.copies() {
            let _ = worker.hand(ToWorker::Serving { generation }, copy);
        }
        let _ = worker.tell(ToWorker::Banned { bans: self.quarantine.list().to_vec() });
        if let Some(text) = self.spec_for(cause) {
            let _ = worker.tell(ToWorker::Spec { text });
        }
        // Of a worker alone it ends with that: whoever asked for it notices that there is another one.
        let names_generations = self.names_generations && self.current.shape.rolls;
        let failures = self.policy.in_a_row();
        let _ = worker.tell(ToWorker::Begin { cause, failures, names_generations, roll });
        // Its answer says that it is up.
        worker.ping();
        Ok(worker)
    }

    /// The workers of a set that rolls have one spec, whatever its file is meanwhile. Who starts a new set because somebody asks
    /// for that reads the file.
    fn spec_for(&self, cause: Cause) -> Option<String> {
        let is_of_set = self.current.shape.rolls && !matches!(cause, Cause::Start | Cause::Replace);
        self.current.served.spec.clone().filter(|_| is_of_set)
    }

    pub(super) fn heard(&mut self, id: WorkerId, message: FromWorker, descriptor: Option<OwnedFd>) {
        if let Some(worker) = self.worker(id) {
            worker.heart.beats();
        }
        match message {
            FromWorker::Scoreboard => self.sees(id, descriptor),
            FromWorker::Pong => {}
            FromWorker::Ready { banner, workers, rolls } => {
                self.ready(id, &banner, shape_of(workers, rolls));
            }
            FromWorker::ChildDied { pid, signal } => self.child_died(id, pid, signal),
            FromWorker::Waiting { error } => self.waits(id, error),
            FromWorker::Rolled { answer, has_changed } => self.rolled(id, answer, has_changed),
            FromWorker::Stopping if self.is_current(id) => self.stop(None),
            FromWorker::Stopping => {}
            FromWorker::Spec { text } => self.tell_of(id, |served| served.spec = Some(text)),
            FromWorker::Watches { things } => self.tell_of(id, |served| served.things = things),
            FromWorker::Published { generation } => {
                if let Some(copy) = descriptor {
                    self.tell_of(id, |served| served.generations.publish(generation, copy));
                }
            }
            FromWorker::Forgotten { plugin, number } => {
                self.tell_of(id, |served| served.generations.forget(&plugin, number));
            }
            FromWorker::Counts { counts, retires } => self.counted(id, counts, retires),
            FromWorker::Answer { id: command, answer } => self.answered(id, command, answer),
            FromWorker::ReplaceMe { reason } => self.replace_one_that_asks(id, &reason),
            FromWorker::Listen { listen, bind } => self.listen(id, listen, &bind),
            FromWorker::Unlisten { bind, shape } => self.unlisten(&bind, &shape),
            FromWorker::Deadlines { shutdown, drain, stuck_after } => {
                // What is longer than the clock goes is for ever, and no sum of it is to overflow.
                let [shutdown, drain, stuck_after] =
                    [shutdown, drain, stuck_after].map(|limit| limit.map(|limit| limit.min(NEVER)));
                if let Some(worker) = self.worker(id) {
                    worker.timeouts = Timeouts { shutdown, drain, stuck_after, ..worker.timeouts };
                }
            }
        }
    }

    fn sees(&mut self, id: WorkerId, board: Option<OwnedFd>) {
        let Some(worker) = self.worker(id) else { return };
        let board = board.ok_or_else(|| Error::failed("no descriptor left for its scoreboard"));
        match board.and_then(|board| View::of(&board.into())) {
            Ok(view) => worker.board = Some(Arc::new(view)),
            Err(error) => tracing::warn!("worker {}: {error}", worker.pid),
        }
    }

    pub(super) fn is_current(&self, id: WorkerId) -> bool {
        self.current.worker(id).is_some()
    }

    fn ready(&mut self, id: WorkerId, banner: &str, shape: Shape) {
        if self.stopping.is_some() {
            return;
        }
        if let Some(next) = self.next.take_if(|next| next.id == id) {
            self.take_over(next);
            self.rolled_over(id);
        }
        let is_first = !self.current.is_serving();
        let Some(worker) = self.current.workers.iter_mut().find(|worker| worker.id == id) else { return };
        worker.phase = Phase::Serving(Instant::now());
        worker.heart.beats();
        worker.deadline = None;
        let (pid, published) = (worker.pid, std::mem::take(&mut worker.publishes));
        let banned = self.quarantine.among(&published.generations);
        if is_first {
            (self.current.served, self.current.shape) = (published, shape);
            self.watch();
        }
        self.serves_what_is_banned(&banned);
        self.sockets.keep_those_of(id);
        if std::mem::replace(&mut self.has_served, true) {
            tracing::info!("worker {pid} serves");
        } else if !self.quiet {
            crate::log::say(banner);
        }
        self.retire_one_for(id);
        self.answer_restarts(pid);
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
        self.ended.retain(|(worker, _)| worker.id != id);
        let Some(worker) = self.worker(id) else { return };
        if let Some(error) = why {
            tracing::error!("worker {}: {error}", worker.pid);
        }
        let soon = Instant::now() + SILENT_MAX;
        let at = worker.deadline.map_or(soon, |(at, _)| at.min(soon));
        worker.deadline = Some((at, "has closed its channel"));
        worker.is_silent = true;
        let pid = worker.pid;
        self.end_the_silent(pid);
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
