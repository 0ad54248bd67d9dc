//! What a server serves: the current table, and the settings that every request needs.

use crate::spec::{Limits, Timeouts};
use crate::table::Table;
use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

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
    pub fn new(table: Table, timeouts: Timeouts, limits: Limits, debug: bool) -> Self {
        Self {
            table: RwLock::new(Arc::new(table)),
            version: AtomicU64::new(1),
            timeouts,
            limits,
            debug,
            in_flight: AtomicUsize::new(0),
        }
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

    /// The number of the current table: a request that was answered by this one need not ask for the table again.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// The current table with its number.
    pub(crate) fn current(&self) -> (Arc<Table>, u64) {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        (table.clone(), self.version.load(Ordering::Relaxed))
    }

    /// The current table.
    pub fn table(&self) -> Arc<Table> {
        self.current().0
    }
}
