//! A body that is on its way out after its exchange has ended.

use super::Uses;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Keeps the generations from being retired, as a request does.
pub(crate) struct InBody(Arc<Uses>);

impl InBody {
    /// To be made while the exchange still uses them.
    pub(crate) fn of(uses: &Arc<Uses>) -> Self {
        uses.bodies.fetch_add(1, Ordering::Relaxed);
        Self(uses.clone())
    }
}

impl InBody {
    /// The generations.
    pub(crate) fn uses(&self) -> &Arc<Uses> {
        &self.0
    }
}

impl Drop for InBody {
    fn drop(&mut self) {
        // Whoever reads the new count sees that the bytes were given back before.
        self.0.bodies.fetch_sub(1, Ordering::Release);
    }
}
