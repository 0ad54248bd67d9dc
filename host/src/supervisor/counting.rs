//! What workers answered. Each counts for itself, and says so when it is asked and at its end.

use super::Supervisor;
use super::process::WorkerId;
use crate::control::Counted;
use std::collections::BTreeMap;

/// What some workers answered, by plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum(BTreeMap<String, Counted>);

impl Sum {
    pub(super) fn of(counts: &[Counted]) -> Self {
        let mut sum = Self::default();
        sum.add(counts);
        sum
    }

    pub(super) fn add(&mut self, counts: &[Counted]) {
        for one in counts {
            let of_plugin = self.0.entry(one.plugin.clone()).or_default();
            // A worker may say anything.
            of_plugin.requests = of_plugin.requests.saturating_add(one.requests);
            of_plugin.failed = of_plugin.failed.saturating_add(one.failed);
            of_plugin.in_flight = of_plugin.in_flight.saturating_add(one.in_flight);
        }
    }

    /// What was answered since.
    pub(super) fn add_since(&mut self, counts: &[Counted], before: &[Counted]) {
        let before = Self::of(before);
        let counts = Self::of(counts).0.into_iter().map(|(plugin, mut now)| {
            let then = before.plugin(&plugin);
            now.plugin = plugin;
            now.requests = now.requests.saturating_sub(then.requests);
            now.failed = now.failed.saturating_sub(then.failed);
            now
        });
        self.add(&counts.collect::<Vec<_>>());
    }

    pub(super) fn plugin(&self, plugin: &str) -> Counted {
        self.0.get(plugin).cloned().unwrap_or_default()
    }
}

impl Supervisor {
    /// A worker says what it answered.
    pub(super) fn counted(&mut self, id: WorkerId, counts: Vec<Counted>, retires: bool) {
        self.rolls.counted(id, &counts, retires);
        let ended = self.ended.iter_mut().map(|(worker, _)| worker).find(|worker| worker.id == id);
        let counted = match ended {
            Some(worker) => Some(&mut worker.counted),
            None => self.worker(id).map(|worker| &mut worker.counted),
        };
        if let Some(counted) = counted {
            *counted = counts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(plugin: &str, generation: u64, requests: u64, failed: u64) -> Counted {
        Counted { plugin: plugin.to_owned(), generation, requests, failed, in_flight: 1 }
    }

    #[test]
    fn the_generations_of_a_plugin_are_added_up_and_what_was_before_does_not_count() {
        let mut sum =
            Sum::of(&[counted("shop", 1, 10, 1), counted("shop", 2, 5, 0), counted("blog", 1, 7, 0)]);
        sum.add_since(&[counted("shop", 2, 30, 4)], &[counted("shop", 1, 10, 1)]);
        let shop = sum.plugin("shop");
        assert_eq!((shop.requests, shop.failed, shop.in_flight), (35, 4, 3));
        assert_eq!((sum.plugin("blog").requests, sum.plugin("none").requests), (7, 0));
        sum.add(&[counted("blog", 2, u64::MAX, u64::MAX)]);
        assert_eq!(sum.plugin("blog").requests, u64::MAX);
    }
}
