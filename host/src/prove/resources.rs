//! What the process has from swap to swap, and whether that grows.

use crate::ledger::Ledger;
use serde::Serialize;

/// Heap may grow by so many bytes a swap.
const HEAP_BYTES_A_SWAP_MAX: f64 = 1024.0;
/// The same, when the warm-up was too short for the caches of all threads to fill: and what those may still take is no leak.
const HEAP_BYTES_A_SWAP_MAX_COLD: f64 = 8192.0;
/// So much of what was freed the allocator keeps for each thread, and counts as used; measured on glibc, whose caches of threads
/// that serve and swap end there.
const CACHE_BYTES_A_THREAD: f64 = 32.0 * 1024.0;
/// So many swaps warm caches up, or half of all.
const WARM_UP_SWAPS: usize = 100;
/// With fewer samples behind the warm-up nothing is said.
const SAMPLES_MIN: usize = 12;
/// The least that each of them had is what is compared, first and last.
const PARTS: usize = 4;
/// So many samples are taken in all.
const SAMPLES_WANTED: usize = 100;

/// What the process had after so many swaps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Sample {
    pub(super) swaps: usize,
    #[serde(flatten)]
    pub(super) ledger: Ledger,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Resources {
    pub(super) warm_up_swaps: usize,
    /// How many of the samples are behind the warm-up.
    pub(super) warm_samples: usize,
    pub(super) samples: Vec<Sample>,
    /// None: too few samples.
    pub(super) growth: Option<Growth>,
}

/// From the end of the warm-up to the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Growth {
    pub(super) objects: i64,
    pub(super) keys: i64,
    pub(super) threads: i64,
    pub(super) descriptors: i64,
    /// The slope of the line with the least squares.
    pub(super) heap_bytes_a_swap: f64,
    /// The lesser slope of the two halves: of a buffer that grew once and is kept, that is 0.
    pub(super) heap_bytes_a_swap_least: f64,
    /// More is a leak, if both halves grow.
    pub(super) heap_bytes_a_swap_max: f64,
}

/// A sample is taken behind each so many swaps.
pub(super) fn swaps_a_sample(swaps: usize) -> usize {
    swaps.div_ceil(SAMPLES_WANTED).max(1)
}

/// So many swaps do not count.
pub(super) fn warm_up(swaps: usize) -> usize {
    WARM_UP_SWAPS.min(swaps / 2)
}

impl Resources {
    pub(super) fn of(samples: &[Sample], swaps: usize) -> Self {
        let warm_up_swaps = warm_up(swaps);
        let warm: Vec<Sample> =
            samples.iter().filter(|sample| sample.swaps >= warm_up_swaps).copied().collect();
        let growth = (warm.len() >= SAMPLES_MIN).then(|| Growth::of(&warm, warm_up_swaps));
        Self { warm_up_swaps, warm_samples: warm.len(), samples: samples.to_vec(), growth }
    }
}

impl Growth {
    fn of(samples: &[Sample], warm_up_swaps: usize) -> Self {
        let points: Vec<(f64, f64)> =
            samples.iter().map(|sample| (sample.swaps as f64, sample.ledger.heap_bytes as f64)).collect();
        let (first, second) = points.split_at(points.len() / 2);
        Self {
            objects: least_grows(samples, |ledger| ledger.objects),
            keys: least_grows(samples, |ledger| ledger.keys),
            threads: least_grows(samples, |ledger| ledger.threads),
            descriptors: least_grows(samples, |ledger| ledger.descriptors),
            heap_bytes_a_swap: slope(&points),
            heap_bytes_a_swap_least: slope(first).min(slope(second)),
            heap_bytes_a_swap_max: heap_bytes_a_swap_max(samples, warm_up_swaps),
        }
    }

    /// What grows, if anything does.
    pub(super) fn leaks(&self) -> Vec<String> {
        let counts = [
            ("objects", self.objects),
            ("keys", self.keys),
            ("threads", self.threads),
            ("descriptors", self.descriptors),
        ];
        let counts = counts.into_iter().filter(|(_, more)| *more > 0);
        let mut leaks: Vec<String> = counts.map(|(what, more)| format!("{what} {more:+}")).collect();
        if self.heap_is_more() && self.heap_grows_steadily() {
            leaks.push(format!("heap {:+.0} bytes a swap", self.heap_bytes_a_swap));
        }
        leaks
    }

    fn heap_is_more(&self) -> bool {
        self.heap_bytes_a_swap > self.heap_bytes_a_swap_max
    }

    fn heap_grows_steadily(&self) -> bool {
        self.heap_bytes_a_swap_least > self.heap_bytes_a_swap_max / 2.0
    }

    pub(super) fn text(&self) -> String {
        let Self { objects, keys, threads, descriptors, heap_bytes_a_swap, .. } = self;
        let once = if self.heap_is_more() && !self.heap_grows_steadily() {
            " on average, by a growth that was not repeated"
        } else {
            ""
        };
        format!(
            "objects {objects:+}, keys {keys:+}, threads {threads:+}, descriptors {descriptors:+}, heap \
             {heap_bytes_a_swap:+.0} bytes a swap{once}"
        )
    }
}

/// See [`Growth::heap_bytes_a_swap_max`].
fn heap_bytes_a_swap_max(samples: &[Sample], warm_up_swaps: usize) -> f64 {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return HEAP_BYTES_A_SWAP_MAX };
    if warm_up_swaps == WARM_UP_SWAPS {
        return HEAP_BYTES_A_SWAP_MAX;
    }
    let swaps = (last.swaps - first.swaps).max(1) as f64;
    (last.ledger.threads as f64 * CACHE_BYTES_A_THREAD / swaps).max(HEAP_BYTES_A_SWAP_MAX_COLD)
}

/// How much more the last part had at the least than the first one: what comes and goes with requests does not count.
fn least_grows(samples: &[Sample], count: impl Fn(&Ledger) -> usize) -> i64 {
    let part = samples.len() / PARTS;
    let least = |samples: &[Sample]| samples.iter().map(|sample| count(&sample.ledger)).min().unwrap_or(0);
    let [first, last] = [least(&samples[..part]), least(&samples[samples.len() - part..])];
    i64::try_from(last).unwrap_or(i64::MAX) - i64::try_from(first).unwrap_or(i64::MAX)
}

/// Of the line with the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let [mean_x, mean_y] = [mean(|point| point.0), mean(|point| point.1)];
    let (mut xy, mut xx) = (0.0, 0.0);
    for (x, y) in points {
        xy += (x - mean_x) * (y - mean_y);
        xx += (x - mean_x) * (x - mean_x);
    }
    if xx > 0.0 { xy / xx } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After each of 200 swaps.
    fn samples(of: impl Fn(usize) -> Ledger) -> Vec<Sample> {
        (1..=200).map(|swaps| Sample { swaps, ledger: of(swaps) }).collect()
    }

    fn steady(swaps: usize) -> Ledger {
        // Noise that is larger than the growth that is looked for.
        let noise = swaps * 7919 % 16_000;
        Ledger { objects: 40, keys: 9, threads: 12 + swaps % 3, descriptors: 60, heap_bytes: 900_000 + noise }
    }

    fn leaks(of: impl Fn(usize) -> Ledger) -> Vec<String> {
        Resources::of(&samples(of), 200).growth.expect("enough samples").leaks()
    }

    #[test]
    fn what_comes_and_goes_is_no_leak() {
        assert_eq!(leaks(steady), Vec::<String>::new());
        let warming = |swaps: usize| match steady(swaps) {
            ledger if swaps > 90 => {
                Ledger { heap_bytes: ledger.heap_bytes + 1_000_000, threads: 20, ..ledger }
            }
            ledger => ledger,
        };
        assert_eq!(leaks(warming), Vec::<String>::new(), "the warm-up does not count");
        let once = |swaps: usize| {
            let grown = if swaps > 150 { 500_000 } else { 0 };
            Ledger { heap_bytes: steady(swaps).heap_bytes + grown, ..steady(swaps) }
        };
        assert_eq!(leaks(once), Vec::<String>::new(), "a buffer grew, once");
        let text = Resources::of(&samples(once), 200).growth.expect("enough samples").text();
        assert!(text.ends_with("bytes a swap on average, by a growth that was not repeated"), "{text}");
        let shrinking = |swaps| Ledger { objects: 1000 - swaps, ..steady(swaps) };
        assert_eq!(leaks(shrinking), Vec::<String>::new());
    }

    #[test]
    fn what_grows_is_found_and_named() {
        assert_eq!(leaks(|swaps| Ledger { objects: 40 + swaps, ..steady(swaps) }), ["objects +76"]);
        assert_eq!(leaks(|swaps| Ledger { keys: 9 + swaps / 20, ..steady(swaps) }), ["keys +3"]);
        assert_eq!(
            leaks(|swaps| Ledger { descriptors: 60 + swaps / 70, ..steady(swaps) }),
            ["descriptors +1"]
        );
        let threads = |swaps| Ledger { threads: steady(swaps).threads + swaps / 10, ..steady(swaps) };
        assert_eq!(leaks(threads).len(), 1);
    }

    #[test]
    fn the_slope_of_the_heap_is_right_within_a_hundred_bytes() {
        for bytes in [0, 500, 1000, 64 << 10] {
            let grows =
                |swaps| Ledger { heap_bytes: steady(swaps).heap_bytes + bytes * swaps, ..steady(swaps) };
            let growth = Resources::of(&samples(grows), 200).growth.expect("enough samples");
            let error = growth.heap_bytes_a_swap - bytes as f64;
            assert!(error.abs() < 100.0, "{bytes}: {error}");
        }
        assert_eq!(
            leaks(|swaps| Ledger { heap_bytes: 2000 * swaps, ..steady(swaps) }),
            ["heap +2000 bytes a swap"]
        );
    }

    #[test]
    fn before_caches_are_full_only_a_large_growth_is_a_leak() {
        let growth = |bytes| {
            let all = samples(|swaps| Ledger { heap_bytes: 900_000 + bytes * swaps, ..steady(0) });
            Resources::of(&all[..50], 50).growth.expect("enough samples").leaks().len()
        };
        assert_eq!((growth(2000), growth(64 << 10)), (0, 1));
        let filling = samples(|swaps| Ledger { heap_bytes: 9500 * swaps, ..steady(0) });
        let growth = Resources::of(&filling[..24], 24).growth.expect("enough samples");
        assert_eq!(growth.leaks(), Vec::<String>::new(), "twelve threads may still fill their caches");
    }

    #[test]
    fn of_a_few_swaps_nothing_is_said() {
        let all = samples(steady);
        assert_eq!(Resources::of(&all[..10], 10).growth, None);
        assert_eq!((warm_up(10), warm_up(200), warm_up(2000)), (5, 100, 100));
        assert_eq!((swaps_a_sample(1), swaps_a_sample(100), swaps_a_sample(2000)), (1, 1, 20));
    }
}
