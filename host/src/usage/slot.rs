//! What one exchange is at: written by its exchange alone, read by whoever retires a generation.

use super::Uses;
use super::counts::{Count, Counts};
use crate::waker::HostWaker;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Of so many sets of generations a slot keeps counts of its own.
const TALLIES: usize = 4;

/// See the folder. On cache lines of its own, so that no exchange slows another down.
#[repr(align(128))]
pub(crate) struct Slot {
    /// The number of the table that is looked at, or was when the request began; 0: there is no request.
    table: AtomicU64,
    /// What the request uses; null while that is not known yet.
    uses: AtomicPtr<Uses>,
    /// A request that uses this is to end.
    cancel: AtomicPtr<Uses>,
    /// Wakes whoever polls the request.
    waker: OnceLock<Arc<HostWaker>>,
    tallies: [Tally; TALLIES],
    held: Mutex<Held>,
    /// Of all slots of a worker: held while a tally is handed over, and while all are summed up.
    handing_over: Arc<Mutex<()>>,
    /// It keeps no counts of its own.
    counts_at_once: bool,
}

#[derive(Default)]
struct Held {
    uses: [Option<Arc<Uses>>; TALLIES],
    next: usize,
}

/// Requests of one set of generations, counted by the exchange alone.
struct Tally {
    /// Whose; kept alive by `Held`.
    uses: AtomicPtr<Uses>,
    counts: Counts,
}

/// What a slot says of a request.
pub(super) enum At {
    /// There is none.
    Nothing,
    /// It looks for its route in that table.
    Looking(u64),
    /// It uses this; for comparing, not for reading.
    Using(*const Uses),
}

impl Slot {
    pub(super) fn new(handing_over: Arc<Mutex<()>>, counts_at_once: bool) -> Self {
        let tally = || Tally { uses: AtomicPtr::new(null_mut()), counts: Counts::default() };
        Self {
            table: AtomicU64::new(0),
            uses: AtomicPtr::new(null_mut()),
            cancel: AtomicPtr::new(null_mut()),
            waker: OnceLock::new(),
            tallies: std::array::from_fn(|_| tally()),
            held: Mutex::default(),
            handing_over,
            counts_at_once,
        }
    }

    /// A request begins to look at the table of that number. The caller has to look afterwards whether it is still current.
    pub(crate) fn look_at(&self, table: u64) {
        if !self.cancel.load(Ordering::Relaxed).is_null() {
            self.cancel.store(null_mut(), Ordering::Relaxed);
        }
        self.table.swap(table, Ordering::SeqCst);
    }

    /// The request uses these from here on, and no others.
    pub(crate) fn using(&self, uses: &Arc<Uses>) {
        self.uses.store(Arc::as_ptr(uses).cast_mut(), Ordering::Release);
    }

    /// The request has ended, or runs nothing of a plugin for a while.
    pub(crate) fn leave(&self) {
        self.uses.store(null_mut(), Ordering::Release);
        self.table.store(0, Ordering::Release);
    }

    /// Whether the request that uses these is to end.
    pub(crate) fn is_cancelled(&self, uses: &Arc<Uses>) -> bool {
        std::ptr::eq(self.cancel.load(Ordering::Acquire), Arc::as_ptr(uses))
    }

    /// Whom to wake when the request is to end.
    pub(crate) fn wake_by(&self, waker: &Arc<HostWaker>) {
        let _ = self.waker.set(waker.clone());
    }

    pub(super) fn at(&self) -> At {
        let table = self.table.load(Ordering::SeqCst);
        let uses = self.uses.load(Ordering::Acquire);
        match (table, uses.is_null()) {
            (0, _) => At::Nothing,
            (table, true) => At::Looking(table),
            (_, false) => At::Using(uses),
        }
    }

    /// Asks the request that uses these to end, if that is still the one. Both outlive the retirement that asks.
    pub(super) fn cancel(&self, uses: &Arc<Uses>) {
        self.cancel.store(Arc::as_ptr(uses).cast_mut(), Ordering::Release);
        if let Some(waker) = self.waker.get() {
            waker.wake_task();
        }
    }

    /// Counts a request that has ended.
    pub(crate) fn count(&self, uses: &Arc<Uses>, failed: bool) {
        if self.counts_at_once {
            return uses.count(Count { requests: 1, failed: u64::from(failed) });
        }
        let wanted = Arc::as_ptr(uses);
        let known =
            self.tallies.iter().find(|tally| std::ptr::eq(tally.uses.load(Ordering::Relaxed), wanted));
        known.unwrap_or_else(|| self.tally_for(uses)).counts.add_alone(failed);
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cold]
    fn tally_for(&self, uses: &Arc<Uses>) -> &Tally {
        let _handing_over = self.handing_over.lock();
        let mut held = self.lock();
        let index = held.next;
        held.next = (index + 1) % TALLIES;
        self.hand_over(&mut held, index);
        held.uses[index] = Some(uses.clone());
        self.tallies[index].uses.store(Arc::as_ptr(uses).cast_mut(), Ordering::Relaxed);
        &self.tallies[index]
    }

    /// Adds what a tally has to its generations.
    fn hand_over(&self, held: &mut Held, index: usize) {
        let tally = &self.tallies[index];
        tally.uses.store(null_mut(), Ordering::Relaxed);
        let count = tally.counts.take();
        if let Some(uses) = held.uses[index].take() {
            uses.count(count);
        }
    }

    /// Adds all that was counted to the generations, and forgets them. For the thread of the exchange alone.
    pub(crate) fn settle(&self) {
        let _handing_over = self.handing_over.lock();
        let mut held = self.lock();
        (0..TALLIES).for_each(|index| self.hand_over(&mut held, index));
    }

    /// What was counted, and not handed over yet, of those that `counts` says yes to.
    pub(super) fn sum(&self, counts: impl Fn(&Uses) -> bool) -> Count {
        let held = self.lock();
        let mut sum = Count::default();
        for (uses, tally) in held.uses.iter().zip(&self.tallies) {
            if uses.as_ref().is_some_and(|uses| counts(uses)) {
                sum += tally.counts.get();
            }
        }
        sum
    }
}
