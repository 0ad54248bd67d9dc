//! What could not end at once: old tables that a connection still has at hand, and generations that were pinned.

use super::Deployment;
use super::assemble::Assembly;
use super::books::Book;
use super::ending::{end_and_unmap, stop};
use crate::generation::{Fate, Generation, Phase};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often to try again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// How long threads may take to let go of a library in one try.
const UNMAP: Duration = Duration::from_millis(20);

/// Old assemblies. A connection that waits for its client may have the table of its last request; nothing of a plugin is
/// to be dropped on its thread.
#[derive(Default)]
pub(super) struct Reaper {
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Default)]
struct Work {
    old: Vec<Assembly>,
    /// Something is pinned that may end.
    pinned: bool,
    ended: bool,
}

impl Reaper {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops it when nobody has its table any more.
    pub(super) fn drop_later(&self, assembly: Assembly) {
        self.lock().old.push(assembly);
        self.changed.notify_all();
    }

    /// Something was pinned that may end later.
    pub(super) fn try_again(&self) {
        self.lock().pinned = true;
        self.changed.notify_all();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits while there is nothing to do, and then a moment; `false`: the deployment has ended.
    fn wait(&self) -> bool {
        let idle = |work: &mut Work| work.old.is_empty() && !work.pinned && !work.ended;
        let work = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let until_ended = |work: &mut Work| !work.ended;
        let waited = self.changed.wait_timeout_while(work, TRY_AGAIN, until_ended);
        let mut work = waited.unwrap_or_else(PoisonError::into_inner).0;
        work.pinned = false;
        !work.ended
    }

    /// Drops the tables that nobody has any more.
    pub(super) fn drop_unused(&self) {
        let unused: Vec<Assembly> = self.lock().old.extract_if(.., |assembly| assembly.is_unused()).collect();
        // Without the lock: plugins are called.
        drop(unused);
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.reaper.end();
    }
}

impl Deployment {
    /// Goes on trying, for as long as the deployment lives.
    pub(super) fn reap(self: &Arc<Self>) {
        let (deployment, reaper) = (Arc::downgrade(self), self.reaper.clone());
        // Without the thread nothing ends later: memory is kept.
        let _ = std::thread::Builder::new().name("reaper".into()).spawn(move || {
            while reaper.wait() {
                let Some(deployment) = deployment.upgrade() else { return };
                reaper.drop_unused();
                deployment.try_pinned_again();
            }
        });
    }

    fn try_pinned_again(&self) {
        for book in self.books.all() {
            let pinned = book.pages().pinned.clone();
            let may_end = pinned.iter().filter(|pinned| pinned.generation.may_end());
            may_end.for_each(|pinned| self.try_to_end(&book, &pinned.generation));
        }
    }

    fn try_to_end(&self, book: &Book, generation: &Arc<Generation>) {
        self.reaper.try_again();
        let limit = self.served().and_then(|served| served.spec.timeouts.load);
        // What hangs in it has not returned; or a request uses it.
        if generation.under_way().is_some()
            || !self.wait_unused(generation, u64::MAX, Some(Duration::ZERO)).is_none()
        {
            return;
        }
        if generation.phase() == Phase::Started && stop(generation, limit).is_err() {
            return;
        }
        match end_and_unmap(generation, limit, UNMAP) {
            Fate::Gone => {
                tracing::info!("{} unloaded", generation.label());
                self.gone(generation);
            }
            Fate::Pinned(why) => book.pages().pin(generation, &why),
        }
    }
}
