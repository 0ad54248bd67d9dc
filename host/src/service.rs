//! What a server serves: the current table, and the settings that every request needs.

use crate::own_pages::OwnPages;
use crate::spec::{Limits, Timeouts};
use crate::table::Table;
use crate::usage::Slots;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Waker;

/// The app of a worker. Servers know this and nothing of specs, apps and plugins.
pub struct Service {
    table: RwLock<Arc<Table>>,
    version: AtomicU64,
    /// Deadlines of connections and requests.
    pub timeouts: Timeouts,
    /// Quotas of this worker.
    pub limits: Limits,
    /// Whether clients may see the causes of errors.
    pub debug: bool,
    in_flight: AtomicUsize,
    /// What each exchange uses at this moment.
    pub(crate) slots: Slots,
    /// Requests that wait until the state of their plugin has moved.
    at_gate: Mutex<Vec<Waker>>,
    names_generations: AtomicBool,
    /// Requests are the host's own questions, and nobody's to count.
    is_rehearsal: bool,
    /// What the host answers itself.
    own_pages: Option<Arc<dyn OwnPages>>,
}

/// One request in flight, until it is dropped.
pub(crate) struct InFlight<'a>(Option<&'a AtomicUsize>);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Service {
    /// Serves `table` from now on.
    pub fn of(table: Arc<Table>, timeouts: Timeouts, limits: Limits, debug: bool) -> Self {
        Self {
            table: RwLock::new(table),
            version: AtomicU64::new(1),
            timeouts,
            limits,
            debug,
            in_flight: AtomicUsize::new(0),
            slots: Slots::default(),
            at_gate: Mutex::default(),
            names_generations: AtomicBool::new(false),
            is_rehearsal: false,
            own_pages: None,
        }
    }

    /// As [`of`](Self::of), for requests that the host itself asks.
    pub(crate) fn rehearsing(table: Arc<Table>, timeouts: Timeouts, limits: Limits, debug: bool) -> Self {
        Self { is_rehearsal: true, ..Self::of(table, timeouts, limits, debug) }
    }

    /// With pages of the host's own.
    pub(crate) fn with_own_pages(self, pages: Option<Arc<dyn OwnPages>>) -> Self {
        Self { own_pages: pages, ..self }
    }

    pub(crate) fn own_pages(&self) -> Option<&dyn OwnPages> {
        self.own_pages.as_deref()
    }

    /// Whether requests are counted.
    pub(crate) fn counts(&self) -> bool {
        !self.is_rehearsal
    }

    /// Counts a request, if one more may be in flight. Nothing is counted, and no counter shared, where connections are
    /// the tighter limit: a connection has one request at a time.
    pub(crate) fn enter(&self) -> Option<InFlight<'_>> {
        if self.limits.in_flight >= self.limits.connections {
            return Some(InFlight(None));
        }
        let held = InFlight(Some(&self.in_flight));
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        (before < self.limits.in_flight).then_some(held)
    }

    /// The number of the current table. In one order with the slots: see `usage`.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// The current table with its number.
    pub(crate) fn current(&self) -> (Arc<Table>, u64) {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        (table.clone(), self.version())
    }

    /// The current table.
    pub fn table(&self) -> Arc<Table> {
        self.current().0
    }

    /// Serves another table from now on; its number. The caller holds the one before: nothing of a plugin is dropped here.
    pub(crate) fn publish(&self, new: Arc<Table>) -> u64 {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = new;
        self.version.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Whether each answer names the generation that it comes from, in a header.
    pub(crate) fn names_generations(&self) -> bool {
        self.names_generations.load(Ordering::Relaxed)
    }

    /// Has each answer name its generation, or not.
    pub(crate) fn name_generations(&self, on: bool) {
        self.names_generations.store(on, Ordering::Relaxed);
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.at_gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes a request when a gate opens. Look again whether it is closed after this.
    pub(crate) fn wait_at_gate(&self, waker: &Waker) {
        let mut waiting = self.waiting();
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// Wakes every request that waits at a gate.
    pub(crate) fn wake_at_gate(&self) {
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_iter().for_each(Waker::wake);
    }
}
