//! A set has as many workers as it is to have: the first one starts alone, the others with what that one published.

use super::Supervisor;
use super::message::Cause;
use std::time::Instant;

impl Supervisor {
    /// Starts the workers that are due to be, after others have ended.
    pub(super) fn start_what_is_due(&mut self, now: Instant) {
        let due: Vec<(Instant, Cause)> = self.starts.extract_if(.., |(at, _)| *at <= now).collect();
        due.into_iter().for_each(|(_, cause)| self.start(cause));
    }

    /// Starts the workers that the set has not. In a restart that is one after the other, so that the machine has one worker more
    /// than it has to have, and no more.
    pub(super) fn fill(&mut self) {
        while self.lacks_one() {
            self.start(Cause::Join);
        }
    }

    fn lacks_one(&self) -> bool {
        let set = &self.current;
        let waits = self.is_restarting() && set.is_starting();
        let is_over = self.stopping.is_some() || self.end.is_some();
        !is_over && !waits && set.is_serving() && set.count() + self.starts.len() < set.shape.workers
    }

    /// Whether workers are replaced because somebody asked for that.
    fn is_restarting(&self) -> bool {
        !self.outgoing.is_empty() && !self.rolls.is_under_way()
    }
}
