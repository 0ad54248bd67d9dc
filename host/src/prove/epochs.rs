//! Which generation was current when.
//!
//! An epoch is the time between two swaps: one table is current in it, and so one generation of each plugin. A client cannot see
//! the moment of a swap. It knows that a new table was not there before it asked for the swap, and that the one before was
//! not found any more from `drain` before the answer on: the receipt says how long the old generation drained.

use super::known::Expected;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long an epoch is remembered after its end, on top of the longest request.
const MARGIN: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Epoch {
    /// The generation of each plugin.
    pub(super) generations: Vec<u64>,
    /// The library of each plugin: epochs of equal libraries have an equal number.
    pub(super) libraries: usize,
    /// What each request has to be answered with; none: that is to be learned.
    pub(super) expected: Vec<Option<Expected>>,
    from: Instant,
    until: Option<Instant>,
}

impl Epoch {
    /// Whether it was current at a moment of a request.
    fn overlaps(&self, began: Instant, ended: Instant) -> bool {
        self.from <= ended && self.until.is_none_or(|until| began <= until)
    }
}

/// All epochs that a request under way may have seen.
#[derive(Debug)]
pub(super) struct Epochs {
    /// The last one is current.
    all: VecDeque<Epoch>,
    /// Which libraries were seen together.
    libraries: Vec<Vec<String>>,
    /// How long a request may take.
    request_max: Duration,
}

/// A swap happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Swapped {
    pub(super) changes: Vec<Change>,
    /// When it was asked for.
    pub(super) asked: Instant,
    /// From when on no new request found the generations before.
    pub(super) left: Instant,
}

/// A plugin has another generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Its place in the list.
    pub(super) plugin: usize,
    pub(super) generation: u64,
    /// Of its library.
    pub(super) digest: String,
}

impl Epochs {
    /// Begins with these generations, and the digests of their libraries; for so many requests, each of which ends in time.
    pub(super) fn new(
        generations: Vec<u64>,
        digests: Vec<String>,
        requests: usize,
        request_max: Duration,
    ) -> Self {
        let expected = vec![None; requests];
        let first = Epoch { generations, libraries: 0, expected, from: Instant::now(), until: None };
        Self { all: VecDeque::from([first]), libraries: vec![digests], request_max }
    }

    pub(super) fn current(&self) -> &Epoch {
        // There is always one: `new` puts it there, and `forget` leaves it.
        &self.all[self.all.len() - 1]
    }

    pub(super) fn current_mut(&mut self) -> &mut Epoch {
        let last = self.all.len() - 1;
        &mut self.all[last]
    }

    /// A new epoch, of which nothing is expected yet.
    pub(super) fn swapped(&mut self, swapped: &Swapped) {
        let mut epoch = self.current().clone();
        let mut digests = self.libraries[epoch.libraries].clone();
        for Change { plugin, generation, digest } in &swapped.changes {
            epoch.generations[*plugin] = *generation;
            digests[*plugin].clone_from(digest);
        }
        epoch.libraries = self.number_of(digests);
        epoch.expected.fill(None);
        epoch.from = swapped.asked;
        self.current_mut().until = Some(swapped.left);
        self.all.push_back(epoch);
        self.forget(swapped.left);
    }

    fn number_of(&mut self, digests: Vec<String>) -> usize {
        let known = self.libraries.iter().position(|known| *known == digests);
        known.unwrap_or_else(|| {
            self.libraries.push(digests);
            self.libraries.len() - 1
        })
    }

    fn forget(&mut self, now: Instant) {
        let Some(oldest) = now.checked_sub(self.request_max + MARGIN) else { return };
        while self.all.len() > 1 && self.all[0].until.is_some_and(|until| until < oldest) {
            self.all.pop_front();
        }
    }

    /// Those that were current at a moment of a request, the latest first.
    pub(super) fn during(&self, began: Instant, ended: Instant) -> impl Iterator<Item = &Epoch> + Clone {
        self.all.iter().rev().filter(move |epoch| epoch.overlaps(began, ended))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Epoch> {
        self.all.iter()
    }

    /// How long before `began` a generation was last current; none: it is not known, or was current later.
    pub(super) fn ended_before(&self, plugin: usize, generation: u64, began: Instant) -> Option<Duration> {
        let last = self.all.iter().rev().find(|epoch| epoch.generations[plugin] == generation)?;
        began.checked_duration_since(last.until?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    fn epochs() -> (Epochs, Instant) {
        let mut epochs = Epochs::new(vec![1, 1], vec!["a".into(), "x".into()], 0, Duration::from_secs(10));
        let start = Instant::now();
        let mut swap = |generation, digest: &str, asked, left| {
            let changes = vec![Change { plugin: 0, generation, digest: digest.to_owned() }];
            epochs.swapped(&Swapped { changes, asked: at(start, asked), left: at(start, left) });
        };
        swap(2, "b", 100, 150);
        swap(3, "a", 200, 250);
        (epochs, start)
    }

    fn during(epochs: &Epochs, start: Instant, from: u64, to: u64) -> Vec<u64> {
        epochs.during(at(start, from), at(start, to)).map(|epoch| epoch.generations[0]).collect()
    }

    #[test]
    fn a_request_may_see_the_epochs_that_it_overlaps_and_no_other() {
        let (epochs, start) = epochs();
        assert_eq!(during(&epochs, start, 10, 90), [1]);
        assert_eq!(during(&epochs, start, 10, 110), [2, 1]);
        assert_eq!(during(&epochs, start, 120, 130), [2, 1], "nobody knows when it happened");
        assert_eq!(during(&epochs, start, 151, 199), [2]);
        assert_eq!(during(&epochs, start, 10, 999), [3, 2, 1]);
        assert_eq!(during(&epochs, start, 251, 252), [3]);
        assert_eq!(epochs.current().generations, [3, 1]);
        assert_eq!(epochs.ended_before(0, 1, at(start, 170)), Some(Duration::from_millis(20)));
        assert_eq!(epochs.ended_before(0, 3, at(start, 170)), None);
        assert_eq!(epochs.ended_before(0, 9, at(start, 170)), None);
    }

    #[test]
    fn epochs_of_equal_libraries_are_told_by_their_number() {
        let (epochs, _) = epochs();
        let numbers: Vec<usize> = epochs.all.iter().map(|epoch| epoch.libraries).collect();
        assert_eq!(numbers, [0, 1, 0]);
    }

    #[test]
    fn only_epochs_that_a_request_may_have_seen_are_kept() {
        let (mut epochs, start) = epochs();
        let (changes, hour) = (vec![Change { plugin: 1, generation: 2, digest: "a".into() }], 3_600_000);
        epochs.swapped(&Swapped { changes, asked: at(start, hour), left: at(start, hour + 50) });
        assert_eq!(epochs.all.len(), 2, "the current one, and the one that ended just now");
    }
}
