//! Swaps under load: what a proof is about.

use super::Options;
use super::conductor::Conductor;
use super::load::Load;
use super::resources::{Sample, swaps_a_sample};
use super::schedule::{Next, Schedule};
use super::subject::Row;
use crate::deployment::Receipt;
use crate::error::Error;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long old generations may take to go, after the last swap.
const UNLOAD_MAX: Duration = Duration::from_secs(3);
/// How long to wait before they are looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// What came of the swaps.
#[derive(Default)]
pub(super) struct Storm {
    pub(super) swaps: usize,
    pub(super) took: Duration,
    /// From a swap's command to the first answer of the new generation, in microseconds, of each swap.
    pub(super) first_answers_us: Vec<u64>,
    pub(super) samples: Vec<Sample>,
    /// Old generations that are gone.
    pub(super) unloaded: usize,
    /// That are kept for a rollback.
    pub(super) kept: usize,
    /// That should be gone, and are not.
    pub(super) mapped: Vec<Row>,
    /// What went wrong, besides requests.
    pub(super) problems: Vec<String>,
    pinned: BTreeSet<(String, u64)>,
}

impl Storm {
    /// Swaps under the load. What goes wrong is a part of the result.
    pub(super) fn run(
        conductor: &Conductor<'_>,
        load: &Load<'_>,
        schedule: &mut Schedule,
        options: &Options,
    ) -> Self {
        let (began, mut storm) = (Instant::now(), Self::default());
        for number in 1..=options.swaps {
            std::thread::sleep(options.pause);
            let next = schedule.next();
            if let Err(error) = storm.swap(conductor, load, &next, options.swaps) {
                storm.problems.push(format!("swap {number} of {} failed: {error}", options.swaps));
                break;
            }
        }
        storm.took = began.elapsed();
        storm
    }

    fn swap(
        &mut self,
        conductor: &Conductor<'_>,
        load: &Load<'_>,
        next: &Next,
        swaps: usize,
    ) -> Result<(), Error> {
        let done = conductor.swap(next)?;
        self.swaps += 1;
        settle(conductor, load)?;
        done.receipts.iter().for_each(|receipt| self.take(receipt));
        let of_next = done.receipts.iter().find(|receipt| receipt.plugin == next.plugin);
        if let Some(to) = of_next.and_then(|receipt| receipt.to.as_ref()) {
            self.wait_for_first_answer(conductor, &next.plugin, to.generation, done.asked)?;
        }
        if self.swaps.is_multiple_of(swaps_a_sample(swaps)) {
            let _rest = load.rest();
            self.samples.push(Sample { swaps: self.swaps, ledger: conductor.sample()? });
        }
        Ok(())
    }

    fn take(&mut self, receipt: &Receipt) {
        self.unloaded += receipt.unloaded.len();
        let pinned = receipt.pinned.iter().map(|pinned| (receipt.plugin.clone(), pinned.generation));
        self.pinned.extend(pinned);
    }

    /// A swap proves nothing before somebody has seen the new generation.
    fn wait_for_first_answer(
        &mut self,
        conductor: &Conductor<'_>,
        plugin: &str,
        generation: u64,
        asked: Instant,
    ) -> Result<(), Error> {
        let Some(place) = conductor.place(plugin) else { return Ok(()) };
        if !conductor.shared.judge().is_named(place) {
            return Ok(());
        }
        let Some(first) = conductor.shared.wait_for_first_answer(place, generation) else {
            return Err(Error::failed(format!("no answer names generation {generation} of `{plugin}`")));
        };
        let took = first.saturating_duration_since(asked);
        self.first_answers_us.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Looks what has become of the old generations, once all is quiet.
    pub(super) fn look_back(&mut self, conductor: &Conductor<'_>) -> Result<(), Error> {
        let until = Instant::now() + UNLOAD_MAX;
        loop {
            let status = conductor.subject.status()?;
            self.mapped = status.in_state("pinned").chain(status.in_state("draining")).cloned().collect();
            self.kept = status.in_state("kept").count();
            if self.mapped.is_empty() || Instant::now() >= until {
                break;
            }
            std::thread::sleep(LOOK);
        }
        let is_mapped = |one: &&(String, u64)| {
            self.mapped.iter().any(|row| row.plugin == one.0 && row.generation == one.1)
        };
        self.unloaded += self.pinned.iter().filter(|one| !is_mapped(one)).count();
        Ok(())
    }
}

/// Has the judge know the new table, and judge what waited for that.
fn settle(conductor: &Conductor<'_>, load: &Load<'_>) -> Result<(), Error> {
    let unlearned = conductor.shared.judge().unlearned();
    if !unlearned.is_empty() {
        let _rest = load.rest();
        conductor.learn(&unlearned)?;
    }
    conductor.shared.judge().settle();
    Ok(())
}
