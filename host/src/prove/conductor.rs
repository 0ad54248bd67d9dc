//! Swaps, and what has to be known around each of them.

use super::baseline::{ASKS, survey};
use super::epochs::{Change, Swapped};
use super::load::Shared;
use super::schedule::Next;
use super::subject::{Done, Subject};
use crate::deployment::Receipt;
use crate::error::Error;
use crate::ledger::Ledger;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long threads and descriptors of requests that have ended may take to go.
const SETTLE_MAX: Duration = Duration::from_millis(500);
/// How long to wait before they are counted again.
const SETTLE: Duration = Duration::from_millis(3);

/// Swaps plugins of a host, and tells the judge.
pub(super) struct Conductor<'a> {
    pub(super) subject: &'a Subject,
    pub(super) runtime: &'a Runtime,
    pub(super) shared: Arc<Shared>,
    /// By their places in the judge's lists.
    pub(super) plugins: Vec<String>,
}

impl Conductor<'_> {
    /// Swaps. What the judge does not know of the new table is to be [learned](Self::learn), before it settles.
    pub(super) fn swap(&self, next: &Next) -> Result<Done, Error> {
        self.shared.judge().begin_swap();
        let done = self.subject.swap(&next.plugin, next.file.clone())?;
        let changes: Vec<Change> = done.receipts.iter().filter_map(|receipt| self.change(receipt)).collect();
        self.check(next, &done.receipts)?;
        // Each of them was measured from the publication on, and had ended before the answer.
        // Old processes answer until they are gone.
        let in_place = done.receipts.iter().filter(|receipt| !receipt.is_roll);
        let drained = in_place.map(|receipt| Duration::from_micros(receipt.drain_us)).max();
        let left = done.answered.checked_sub(drained.unwrap_or_default()).unwrap_or(done.answered);
        let swapped = Swapped { changes, asked: done.asked, left: left.max(done.asked) };
        self.shared.judge().end_swap(&swapped);
        Ok(done)
    }

    /// The place of a plugin.
    pub(super) fn place(&self, plugin: &str) -> Option<usize> {
        self.plugins.iter().position(|known| known == plugin)
    }

    fn change(&self, receipt: &Receipt) -> Option<Change> {
        let (plugin, to) = (self.place(&receipt.plugin)?, receipt.to.as_ref()?);
        Some(Change { plugin, generation: to.generation, digest: to.digest.clone() })
    }

    /// Nobody else may swap meanwhile: what is current when would not be known.
    fn check(&self, next: &Next, receipts: &[Receipt]) -> Result<(), Error> {
        let Some(receipt) = receipts.iter().find(|receipt| receipt.plugin == next.plugin) else {
            return Err(Error::failed(format!("`{}`: the host says nothing of its swap", next.plugin)));
        };
        let place = self.place(&receipt.plugin).unwrap_or_default();
        let known = self.shared.judge().current().generations[place];
        match &receipt.from {
            _ if receipt.unchanged => Err(Error::failed(format!("{receipt}"))),
            Some(from) if from.generation != known => Err(Error::failed(format!(
                "somebody else swaps `{}`: generation {known} was swapped last, and {} was there",
                receipt.plugin, from.generation
            ))),
            _ => Ok(()),
        }
    }

    /// Learns what is not known of the current table. To be called while nobody else asks.
    pub(super) fn learn(&self, which: &[usize]) -> Result<(), Error> {
        for asked in which {
            let request = &self.shared.drives[*asked].asked;
            let (address, limit) = (&self.shared.address, self.shared.timeout);
            let surveyed = self.runtime.block_on(survey(address, request, ASKS, limit));
            let surveyed = surveyed.map_err(|why| Error::failed(format!("{request} {why}")))?;
            self.shared.judge().learn(*asked, surveyed);
        }
        Ok(())
    }

    /// What the process has, in a moment of rest.
    pub(super) fn sample(&self) -> Result<Ledger, Error> {
        let until = Instant::now() + SETTLE_MAX;
        let mut last = self.subject.status()?.process;
        loop {
            std::thread::sleep(SETTLE);
            let now = self.subject.status()?.process;
            let heap_bytes = now.heap_bytes.min(last.heap_bytes);
            if counts(&now) == counts(&last) || Instant::now() >= until {
                return Ok(Ledger { heap_bytes, ..now });
            }
            last = now;
        }
    }
}

fn counts(ledger: &Ledger) -> [usize; 4] {
    [ledger.objects, ledger.keys, ledger.threads, ledger.descriptors]
}
