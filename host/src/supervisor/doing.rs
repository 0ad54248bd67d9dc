//! What the workers are doing, as their scoreboards say: no worker is asked, as one may hang.

use super::Supervisor;
use super::event::Reply;
use super::process::Worker;
use crate::control::Answer;
use crate::doing::{self, Wanted};
use crate::scoreboard::View;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

impl Supervisor {
    /// What is in flight in all workers.
    pub(super) fn requests(&self, limit: Option<usize>) -> Answer {
        let boards = self.boards();
        let in_flight = doing::in_flight(boards.iter().map(AsRef::as_ref));
        let mut answer = doing::list(in_flight, limit.unwrap_or(doing::LISTED_MAX));
        for worker in self.workers().filter(|worker| worker.board.is_none()) {
            // Writing to a string cannot fail.
            let _ = write!(answer.text, "\nworker {} has shown no scoreboard yet", worker.pid);
        }
        answer
    }

    /// Stacks of handlers, in all workers. Taking them takes its time, and the main thread never waits.
    pub(super) fn stacks(&self, wanted: Wanted, reply: Reply) {
        let boards = self.boards();
        doing::on_a_thread(move || reply.send(doing::stacks(&boards, &wanted)));
    }

    /// What SIGUSR1 asks for.
    pub(super) fn say_what_we_do(&self) {
        let list = self.requests(None);
        let boards = self.boards();
        doing::on_a_thread(move || doing::say(&list, &boards));
    }

    /// Handlers that have not returned for long are written to the log.
    pub(super) fn look_at_handlers(&mut self, now: Instant) {
        let watched = |worker: &Worker| Some((worker.board.clone()?, worker.timeouts.stuck_after?));
        let watched: Vec<_> = self.workers().filter_map(watched).collect();
        let stuck = self.watchdog.look(now, &watched);
        if !stuck.is_empty() {
            let boards = self.boards();
            doing::on_a_thread(move || doing::report(&boards, stuck));
        }
    }

    fn boards(&self) -> Vec<Arc<View>> {
        self.workers().filter_map(|worker| worker.board.clone()).collect()
    }
}
