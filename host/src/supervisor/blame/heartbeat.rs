//! Whether workers still answer: each is asked again and again, on a thread of its own that waits for no plugin.
//!
//! It is counted how often an answer is owed when the next one would be due, and no time is measured: a supervisor that was itself
//! stopped for a while, with the machine or by somebody, has missed no answer.

use super::super::Supervisor;
use super::super::event::Event;
use super::super::message::ToWorker;
use super::super::process::{Worker, WorkerId};
use crate::doing;
use crate::units;
use std::time::{Duration, Instant};

/// How often a worker is asked within the time that it may not answer.
const BEATS: u32 = 4;
/// How long the stacks of a worker that hangs may take: nobody is served meanwhile.
const STACKS_MAX: Duration = Duration::from_secs(5);

/// When workers are asked next.
pub(in super::super) struct Beats {
    /// `[supervisor] heartbeat`; none: never.
    limit: Option<Duration>,
    next: Option<Instant>,
}

/// What one worker owes.
#[derive(Default)]
pub(in super::super) struct Heart {
    /// It has answered once: before that it may still be on its way to `main`.
    is_up: bool,
    owes: bool,
    missed: u32,
}

impl Beats {
    pub(in super::super) fn of(limit: Option<Duration>) -> Self {
        Self { limit, next: limit.map(|limit| Instant::now() + limit / BEATS) }
    }

    /// When there is something to do.
    pub(in super::super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether that is now.
    fn are_due(&mut self, now: Instant) -> Option<Duration> {
        let limit = self.limit?;
        self.next.take_if(|next| *next <= now)?;
        self.next = Some(now + limit / BEATS);
        Some(limit)
    }
}

impl Heart {
    /// It has answered. Whatever it says is an answer: one that has much to do says something else first.
    pub(in super::super) fn beats(&mut self) {
        *self = Self { is_up: true, owes: false, missed: 0 };
    }

    /// The next answer would be due; whether it has owed one for too long.
    fn owes_for_too_long(&mut self) -> bool {
        self.missed += u32::from(self.owes && self.is_up);
        self.missed >= BEATS
    }
}

impl Worker {
    /// Asks for an answer, unless it owes one. One that does not read owes it, too.
    pub(in super::super) fn ping(&mut self) {
        if !std::mem::replace(&mut self.heart.owes, true) {
            let _ = self.tell(ToWorker::Ping);
        }
    }
}

impl Supervisor {
    /// Asks the workers that serve, if it is time; replaces those that do not answer any more.
    pub(in super::super) fn beat(&mut self, now: Instant) {
        let Some(limit) = self.beats.are_due(now) else { return };
        let mut hang: Vec<WorkerId> = Vec::new();
        // The others have deadlines of their own: they are to be ready, or to end.
        for worker in self.workers_mut().filter(|worker| worker.deadline.is_none()) {
            if worker.heart.owes_for_too_long() {
                hang.push(worker.id);
            } else {
                worker.ping();
            }
        }
        hang.into_iter().for_each(|worker| self.hangs(worker, limit));
    }

    /// It is said, with the stacks of its threads, and the worker killed; what follows is what follows the end of any worker.
    fn hangs(&mut self, id: WorkerId, limit: Duration) {
        let sender = self.sender.clone();
        let Some(worker) = self.worker(id).filter(|worker| worker.hangs.is_none()) else { return };
        let (pid, limit) = (worker.pid, units::duration(limit));
        if is_traced(worker) {
            worker.heart.missed = 0;
            return tracing::warn!("worker {pid} has not answered for {limit}: a debugger holds it");
        }
        tracing::error!("worker {pid} has not answered for {limit}, and is killed");
        worker.hangs = Some(format!("did not answer for {limit}, and was killed"));
        worker.deadline = Some((Instant::now() + STACKS_MAX, "does not let its stacks be taken"));
        let board = worker.board.clone();
        doing::on_a_thread(move || {
            let stacks = doing::stacks_of_process(pid.as_raw_pid().cast_unsigned(), board.as_deref());
            tracing::error!("stacks of worker {pid}:\n{stacks}");
            let _ = sender.send(Event::LookedAt { worker: id });
        });
    }

    /// There is nothing more to learn from it.
    pub(in super::super) fn looked_at(&mut self, id: WorkerId) {
        if let Some(worker) = self.worker(id) {
            worker.kill();
        }
    }
}

/// Whether a debugger has it.
fn is_traced(worker: &Worker) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.pid)).unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_is_owed_again_and_again_is_too_late() {
        let owing = |is_up| Heart { is_up, owes: true, missed: 0 };
        let mut heart = owing(false);
        assert!((0..100).all(|_| !heart.owes_for_too_long()), "it is not up yet");
        let mut heart = owing(true);
        assert!((1..BEATS).all(|_| !heart.owes_for_too_long()));
        assert!(heart.owes_for_too_long());
        heart.beats();
        assert!((0..100).all(|_| !heart.owes_for_too_long()), "it owes nothing");
    }

    #[test]
    fn a_supervisor_that_slept_has_missed_one_answer_at_most() {
        let mut beats = Beats::of(Some(Duration::from_secs(8)));
        let now = Instant::now();
        assert_eq!(beats.are_due(now), None);
        let late = now + Duration::from_secs(3600);
        assert!(beats.are_due(late).is_some());
        assert_eq!(beats.are_due(late), None);
        assert!(beats.are_due(late + Duration::from_secs(2)).is_some());
        assert!(Beats::of(None).are_due(late).is_none());
    }
}
