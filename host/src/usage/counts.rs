//! How many requests a generation answered.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Requests that were answered, and those of them that failed by no will of their handler: with a 5xx that the host made, or
/// cut short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.failed += other.failed;
    }
}

/// A count that several threads add to, now and then; on the scoreboard several processes do.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Counts {
    requests: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    pub(crate) fn add(&self, count: Count) {
        self.requests.fetch_add(count.requests, Relaxed);
        self.failed.fetch_add(count.failed, Relaxed);
    }

    pub(crate) fn get(&self) -> Count {
        Count { requests: self.requests.load(Relaxed), failed: self.failed.load(Relaxed) }
    }

    /// One more, where nobody else adds: no locked instruction.
    pub(super) fn add_alone(&self, failed: bool) {
        self.requests.store(self.requests.load(Relaxed) + 1, Relaxed);
        if failed {
            self.failed.store(self.failed.load(Relaxed) + 1, Relaxed);
        }
    }

    /// What there is, which is none afterwards.
    pub(crate) fn take(&self) -> Count {
        Count { requests: self.requests.swap(0, Relaxed), failed: self.failed.swap(0, Relaxed) }
    }
}
