//! Moments of rest: nobody of the load asks anything, and connections stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

/// Every request is one turn; a rest begins when the turns have ended, and until it is over none begins.
#[derive(Default)]
pub(super) struct Rest {
    turns: Arc<RwLock<()>>,
    is_wanted: AtomicBool,
}

/// A turn, until it is dropped.
pub(super) type Turn<'a> = RwLockReadGuard<'a, ()>;

/// A rest, until it is dropped.
pub(super) struct Resting<'a> {
    rest: &'a Rest,
    _turns: OwnedRwLockWriteGuard<()>,
}

impl Rest {
    /// A turn, if nobody rests or is about to.
    pub(super) fn try_turn(&self) -> Option<Turn<'_>> {
        if self.is_wanted() { None } else { self.turns.try_read().ok() }
    }

    /// A turn, behind a rest.
    pub(super) async fn turn(&self) -> Turn<'_> {
        self.turns.read().await
    }

    /// Whether a rest is to begin: whoever takes its time on purpose should hurry.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::SeqCst)
    }

    /// Waits for the turns that there are, and lets none begin.
    pub(super) async fn begin(&self) -> Resting<'_> {
        self.is_wanted.store(true, Ordering::SeqCst);
        Resting { rest: self, _turns: self.turns.clone().write_owned().await }
    }
}

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.rest.is_wanted.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_rest_waits_for_turns_and_lets_none_begin() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let rest = Rest::default();
        runtime.block_on(async {
            let turn = rest.try_turn().unwrap();
            let mut begin = Box::pin(rest.begin());
            assert!(begin.as_mut().now_or_never().is_none(), "a turn is under way");
            assert!(rest.is_wanted() && rest.try_turn().is_none());
            drop(turn);
            let resting = begin.await;
            let mut later = Box::pin(rest.turn());
            assert!(later.as_mut().now_or_never().is_none(), "nobody begins in a rest");
            drop(resting);
            drop(later.await);
            assert!(rest.try_turn().is_some());
        });
    }
}
