//! Calls of a generation's life: one at a time. One that hangs is never followed by another, least of all by the end of its code.

use super::Generation;
use crate::crash::InLife;
use crate::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The call that is under way.
#[derive(Default)]
pub(super) struct Calls(Mutex<Option<&'static str>>);

/// A call that is under way, until this is dropped.
pub(super) struct Call<'a> {
    calls: &'a Calls,
    /// For a report, if it crashes.
    _life: InLife,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        *self.calls.lock() = None;
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generation {
    /// Begins a call.
    ///
    /// # Errors
    /// Another one has not returned.
    pub(super) fn call(&self, name: &'static str) -> Result<Call<'_>, Error> {
        let mut under_way = self.calls.lock();
        if let Some(other) = *under_way {
            return Err(Error::failed(format!("plugin `{}`: {other} has not returned", self.name())));
        }
        *under_way = Some(name);
        Ok(Call { calls: &self.calls, _life: InLife::of(self.on_board()) })
    }

    /// The call that is under way.
    pub(crate) fn under_way(&self) -> Option<&'static str> {
        *self.calls.lock()
    }
}
