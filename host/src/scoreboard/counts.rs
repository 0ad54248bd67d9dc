//! What generations answered: in the memory that processes that a worker forks have, too, so that what one of them counted outlives it.

use super::board::Board;
use crate::usage::Counts;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The counts of a generation. Taken while `is_taken` is not zero.
#[repr(C)]
pub(super) struct CountsRecord {
    is_taken: AtomicU32,
    _reserved: AtomicU32,
    counts: Counts,
}

/// Counts on the board, until it is dropped.
pub(crate) struct CountsOnBoard {
    board: Arc<Board>,
    index: usize,
}

impl Board {
    /// Counts that begin with none; none: there is no room.
    pub(crate) fn add_counts(self: &Arc<Self>) -> Option<CountsOnBoard> {
        let take = |record: &CountsRecord| {
            record.is_taken.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let index = self.layout().counts.iter().position(take)?;
        let _of_the_one_before = self.layout().counts[index].counts.take();
        Some(CountsOnBoard { board: self.clone(), index })
    }
}

impl CountsOnBoard {
    fn record(&self) -> &CountsRecord {
        &self.board.layout().counts[self.index]
    }

    pub(crate) fn get(&self) -> &Counts {
        &self.record().counts
    }
}

impl Drop for CountsOnBoard {
    fn drop(&mut self) {
        self.record().is_taken.store(0, Ordering::Release);
    }
}
