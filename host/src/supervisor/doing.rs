//! What the workers are doing, as their scoreboards say: no worker is asked, as one may hang.

use super::Supervisor;
use crate::control::Answer;
use crate::doing;
use std::fmt::Write;

impl Supervisor {
    /// What is in flight in all workers.
    pub(super) fn requests(&self, limit: Option<usize>) -> Answer {
        let boards = self.workers().filter_map(|worker| worker.board.as_ref());
        let mut answer = doing::list(doing::in_flight(boards), limit.unwrap_or(doing::LISTED_MAX));
        for worker in self.workers().filter(|worker| worker.board.is_none()) {
            // Writing to a string cannot fail.
            let _ = write!(answer.text, "\nworker {} has shown no scoreboard yet", worker.pid);
        }
        answer
    }
}
