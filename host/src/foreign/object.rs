//! One object of a plugin's, and who frees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Calls the plugin's function that frees the object.
type Release = Box<dyn FnOnce() + Send>;

/// What a plugin handed over, until it is given back. It goes back once: when its owner is dropped, or when its generation is
/// retired, whichever comes first. A table of a while ago may still own a handler whose library is long unmapped: by then
/// the handler has gone back, and the table only holds memory of the host's.
pub(crate) struct Object(Mutex<Option<Release>>);

impl Object {
    pub(super) fn new(release: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Box::new(release)))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Release>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives it back. Whoever comes second waits until the plugin's function has returned: only then may its code go away.
    pub(crate) fn release(&self) {
        let mut held = self.lock();
        if let Some(release) = held.take() {
            release();
        }
    }

    /// Whether it was given back. Never waits: one that is on its way back, and may hang there, is not back.
    pub(crate) fn is_released(&self) -> bool {
        match self.0.try_lock() {
            Ok(held) => held.is_none(),
            Err(TryLockError::Poisoned(held)) => held.into_inner().is_none(),
            Err(TryLockError::WouldBlock) => false,
        }
    }

    /// Runs `work` if it was not given back yet, which nobody does meanwhile.
    pub(super) fn while_there<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let held = self.lock();
        held.is_some().then(work)
    }
}
