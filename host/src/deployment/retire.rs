//! The way out of an old generation: it drains, gives everything back, stops, and is kept or ends.

use super::books::Kept;
use super::ending::{end_and_unmap, stop};
use super::receipt::{PinnedGeneration, Version};
use super::{Deployment, Receipt};
use crate::generation::{Fate, Generation};
use crate::plugin_threads;
use crate::usage::{Count, InUse};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often to look whether a generation is still used, at first and later.
const LOOKS: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(5));

/// How long requests may take to end after they were asked to.
const CUT_OFF: Duration = Duration::from_secs(1);

/// How long threads may take to let go of a library, before the swap is over without its proof: it goes on being tried.
const UNMAP: Duration = Duration::from_secs(2);

/// A generation that is not current any more, with the one that took its place.
pub(super) struct Left {
    pub(super) old: Option<Arc<Generation>>,
    pub(super) new: Option<Arc<Generation>>,
    /// Tables before this one may have it.
    pub(super) version: u64,
    /// What it had answered when the change began.
    pub(super) before: Count,
    pub(super) began: Instant,
    pub(super) published: Instant,
    pub(super) state: Option<String>,
}

/// Deadlines of a way out.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) drain: Option<Duration>,
    pub(super) step: Option<Duration>,
    pub(super) keep: usize,
}

impl Deployment {
    /// Sees one generation off, and says how that went.
    pub(super) fn retire(&self, left: Left, limits: Limits) -> Receipt {
        let Left { old, new, version, before, began, published, state } = left;
        let name = old.as_ref().or(new.as_ref()).map(|one| one.name().to_owned()).unwrap_or_default();
        let mut receipt = Receipt {
            plugin: name,
            from: old.as_deref().map(Version::of),
            to: new.as_deref().map(Version::of),
            publish_us: micros(published.duration_since(began)),
            state,
            ..Receipt::default()
        };
        let mut count = Count::default();
        if let Some(old) = &old {
            self.drain(old, version, limits, &mut receipt);
            receipt.drain_us = micros(published.elapsed());
            count += self.count(old);
        }
        new.iter().for_each(|new| count += self.count(new));
        receipt.requests = count.requests.saturating_sub(before.requests);
        receipt.failed = count.failed.saturating_sub(before.failed);
        // Of a roll the supervisor knows more.
        if !self.setup.rolls {
            tracing::info!("{receipt}");
        }
        receipt
    }

    /// What a generation answered until now.
    pub(super) fn count(&self, generation: &Generation) -> Count {
        self.service().map(|service| service.slots.count(generation)).unwrap_or_default()
    }

    fn drain(&self, old: &Arc<Generation>, version: u64, limits: Limits, receipt: &mut Receipt) {
        old.uses().iter().for_each(|uses| uses.retire());
        plugin_threads::refresh();
        let at_first = self.in_use(old, version);
        let mut left = self.wait_unused(old, version, limits.drain);
        if !left.is_none() {
            let asked = self.service().map_or(0, |service| service.slots.cancel(old));
            left = self.wait_unused(old, version, Some(CUT_OFF));
            receipt.cut = asked.saturating_sub(left.requests) as u64;
        }
        receipt.finished =
            (at_first.requests.saturating_sub(left.requests) as u64).saturating_sub(receipt.cut);
        if left.is_none() {
            self.stop_and_keep(old, limits, receipt);
        } else {
            self.pin(old, &still_used(left), receipt);
        }
    }

    fn in_use(&self, generation: &Generation, version: u64) -> InUse {
        self.service().map(|service| service.slots.in_use(generation, version)).unwrap_or_default()
    }

    /// Waits until no request uses it; what does when the time is over.
    pub(super) fn wait_unused(
        &self,
        generation: &Generation,
        version: u64,
        limit: Option<Duration>,
    ) -> InUse {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut look = LOOKS.0;
        loop {
            let left = self.in_use(generation, version);
            if left.is_none() || until.is_some_and(|until| Instant::now() >= until) {
                return left;
            }
            std::thread::sleep(look);
            look = (look * 2).min(LOOKS.1);
        }
    }

    /// Nothing uses it any more.
    fn stop_and_keep(&self, old: &Arc<Generation>, limits: Limits, receipt: &mut Receipt) {
        if let Err(error) = stop(old, limits.step) {
            return self.pin(old, error.message(), receipt);
        }
        let book = self.books.of(old.name());
        let leaves: Vec<_> = {
            let mut pages = book.pages();
            pages.forget(old);
            // A plugin that is not served any more is not rolled back to.
            let keep = if receipt.to.is_some() && self.is_declared(old) { limits.keep } else { 0 };
            pages.kept.push(Kept::Stopped(old.clone()));
            let gone = pages.kept.len().saturating_sub(keep);
            let leaves: Vec<Kept> = pages.kept.drain(..gone).collect();
            // Until they are gone, or pinned.
            pages.draining.extend(leaves.iter().cloned().filter_map(Kept::stopped));
            leaves
        };
        leaves.iter().for_each(|kept| self.let_go(book.name.as_str(), kept, limits, receipt));
    }

    /// A library that a target names by its path comes and goes with its app.
    fn is_declared(&self, old: &Generation) -> bool {
        let current = self.current();
        current.as_ref().is_some_and(|current| current.declared.iter().any(|one| one.name() == old.name()))
    }

    /// One that was kept, and makes room.
    fn let_go(&self, plugin: &str, kept: &Kept, limits: Limits, receipt: &mut Receipt) {
        self.setup.parent.forgotten(plugin, kept.number());
        if let Kept::Stopped(generation) = kept {
            self.end_and_unmap(generation, limits, receipt);
        }
    }

    fn end_and_unmap(&self, generation: &Arc<Generation>, limits: Limits, receipt: &mut Receipt) {
        match end_and_unmap(generation, limits.step, UNMAP) {
            Fate::Gone => {
                receipt.unloaded.push(generation.label().number);
                self.gone(generation);
            }
            Fate::Pinned(why) => self.pin(generation, &why, receipt),
        }
    }

    /// It is proved to be unmapped.
    pub(super) fn gone(&self, generation: &Arc<Generation>) {
        let book = self.books.of(generation.name());
        let mut pages = book.pages();
        pages.forget(generation);
        pages.unloaded += 1;
    }

    fn pin(&self, generation: &Arc<Generation>, why: &str, receipt: &mut Receipt) {
        self.setup.parent.forgotten(generation.name(), generation.label().number);
        self.books.of(generation.name()).pages().pin(generation, why);
        self.reaper.try_again();
        let pinned = PinnedGeneration { generation: generation.label().number, why: why.to_owned() };
        receipt.pinned.push(pinned);
    }
}

fn still_used(left: InUse) -> String {
    let InUse { requests, bodies, looking } = left;
    let requests = match requests + looking {
        0 => String::new(),
        1 => "a request is still in its code".to_owned(),
        more => format!("{more} requests are still in its code"),
    };
    let bodies = match bodies {
        0 => String::new(),
        1 => "a body of it is still on its way out".to_owned(),
        more => format!("{more} bodies of it are still on their way out"),
    };
    [requests, bodies].into_iter().filter(|why| !why.is_empty()).collect::<Vec<_>>().join(", ")
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
