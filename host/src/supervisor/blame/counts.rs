//! How often each library crashed its worker.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Crashes within a window, by digest.
pub(super) struct Counts {
    window: Duration,
    crashes: HashMap<String, VecDeque<Instant>>,
}

impl Counts {
    /// None so far.
    pub(super) fn within(window: Duration) -> Self {
        Self { window, crashes: HashMap::new() }
    }

    /// One more; how many that makes.
    pub(super) fn add(&mut self, digest: &str, now: Instant) -> usize {
        let window = self.window;
        self.crashes.retain(|_, crashes| {
            crashes.retain(|at| now.duration_since(*at) <= window);
            !crashes.is_empty()
        });
        let crashes = self.crashes.entry(digest.to_owned()).or_default();
        crashes.push_back(now);
        crashes.len()
    }

    /// It begins anew.
    pub(super) fn forget(&mut self, digest: &str) {
        self.crashes.remove(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crashes_of_one_library_within_the_window_add_up() {
        let (mut counts, now) = (Counts::within(Duration::from_secs(60)), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!([0, 10, 20].map(|seconds| counts.add("a", at(seconds))), [1, 2, 3]);
        assert_eq!(counts.add("b", at(20)), 1);
        assert_eq!(counts.add("a", at(75)), 2, "two are too long ago");
        counts.forget("a");
        assert_eq!(counts.add("a", at(76)), 1);
        assert_eq!(counts.add("b", at(1000)), 1);
        assert_eq!(counts.crashes.len(), 1, "what is long ago takes no room");
    }
}
