//! What a server serves: the current table, with the settings that its requests need.

use crate::own_pages::OwnPages;
use crate::spec::{Limits, Spec, Timeouts};
use crate::table::Table;
use crate::usage::Slots;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::task::Waker;

/// The app of a worker. Servers know this and nothing of specs, apps and plugins.
pub struct Service {
    current: RwLock<(Arc<Table>, Settings)>,
    version: AtomicU64,
    in_flight: AtomicUsize,
    /// What each exchange uses at this moment.
    pub(crate) slots: Slots,
    /// Requests that wait until the state of their plugin has moved.
    at_gate: Mutex<Vec<Waker>>,
    /// Requests that were answered with 503 because there were too many.
    refused: AtomicU64,
    names_generations: AtomicBool,
    /// Requests are the host's own questions, and nobody's to count.
    is_rehearsal: bool,
    /// What the host answers itself.
    own_pages: Option<Arc<dyn OwnPages>>,
}

/// What every request needs to know of the spec. Published with a table: a request has those of its table, and looks at no
/// shared place for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Deadlines of connections and requests.
    pub timeouts: Timeouts,
    /// Quotas of this worker.
    pub limits: Limits,
    /// Whether clients may see the causes of errors.
    pub debug: bool,
    /// The header of answers that has the request's id.
    pub request_id: Option<&'static str>,
}

impl Settings {
    /// Those of a spec.
    pub fn of(spec: &Spec) -> Self {
        Self {
            timeouts: spec.timeouts,
            limits: spec.limits,
            debug: spec.app.debug,
            request_id: spec.log.request_id,
        }
    }
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
    pub fn of(table: Arc<Table>, settings: Settings) -> Self {
        Self {
            current: RwLock::new((table, settings)),
            version: AtomicU64::new(1),
            in_flight: AtomicUsize::new(0),
            slots: Slots::default(),
            at_gate: Mutex::default(),
            refused: AtomicU64::new(0),
            names_generations: AtomicBool::new(false),
            is_rehearsal: false,
            own_pages: None,
        }
    }

    /// With no app at all, for tests of whoever serves it.
    #[cfg(test)]
    pub(crate) fn of_nothing() -> Self {
        let spec = Spec::for_target("nothing".parse().expect("a target"));
        Self::of(Arc::new(Table::empty()), Settings::of(&spec))
    }

    /// As [`of`](Self::of), for requests that the host itself asks.
    pub(crate) fn rehearsing(table: Arc<Table>, settings: Settings) -> Self {
        Self { is_rehearsal: true, ..Self::of(table, settings) }
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
    pub(crate) fn enter(&self, limits: &Limits) -> Option<InFlight<'_>> {
        if limits.in_flight >= limits.connections {
            return Some(InFlight(None));
        }
        let held = InFlight(Some(&self.in_flight));
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        (before < limits.in_flight).then_some(held)
    }

    /// Counts a request that is answered with 503 because there are too many.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The number of the current table. In one order with the slots: see `usage`.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    fn read(&self) -> RwLockReadGuard<'_, (Arc<Table>, Settings)> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current table with its settings and its number.
    pub(crate) fn current(&self) -> (Arc<Table>, Settings, u64) {
        let current = self.read();
        (current.0.clone(), current.1, self.version())
    }

    /// The current settings. A request has those of its exchange.
    pub(crate) fn settings(&self) -> Settings {
        self.read().1
    }

    /// The current table.
    pub fn table(&self) -> Arc<Table> {
        self.read().0.clone()
    }

    /// Serves another table from now on; its number. The caller holds the one before: nothing of a plugin is dropped here.
    pub(crate) fn publish(&self, table: Arc<Table>, settings: Settings) -> u64 {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (table, settings);
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
