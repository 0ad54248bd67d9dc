//! How many bytes a store may keep.

use super::refusal::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts bytes. What is reserved is there before the entry that it is for, and goes after it: the count is never too
/// small, and exact whenever nobody is in between. The limit is shared by all stores, and may change.
pub(super) struct Budget {
    used: AtomicUsize,
    limit: Arc<AtomicUsize>,
}

impl Budget {
    pub(super) fn new(limit: Arc<AtomicUsize>) -> Self {
        Self { used: AtomicUsize::new(0), limit }
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes that many bytes, or none.
    pub(super) fn reserve(&self, bytes: usize) -> Result<(), Refusal> {
        let limit = self.limit.load(Ordering::Relaxed);
        let more = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= limit || bytes == 0);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|used| Refusal::Full { used, limit, needed: bytes })
    }

    pub(super) fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether so many bytes could be there at all: what is above a limit that was lowered may still shrink.
    pub(super) fn could_hold(&self, bytes: usize) -> Result<(), Refusal> {
        let (used, limit) = (self.used(), self.limit.load(Ordering::Relaxed));
        if bytes <= limit.max(used) { Ok(()) } else { Err(Refusal::Full { used, limit, needed: bytes }) }
    }
}
