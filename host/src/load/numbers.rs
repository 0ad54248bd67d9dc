//! Which generation of a plugin comes next.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The last number of each plugin, from 1. A generation that is not published gives its number back by not [using](Numbers::used) it.
#[derive(Default)]
pub(crate) struct Numbers(Mutex<HashMap<String, u64>>);

impl Numbers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number that the plugin's next generation would have.
    pub(crate) fn upcoming(&self, plugin: &str) -> u64 {
        self.lock().get(plugin).map_or(1, |last| last + 1)
    }

    /// The plugin has a generation of that number.
    pub(crate) fn used(&self, plugin: &str, number: u64) {
        let mut numbers = self.lock();
        let last = numbers.entry(plugin.to_owned()).or_default();
        *last = number.max(*last);
    }

    /// A number that nobody has.
    pub(crate) fn next(&self, plugin: &str) -> u64 {
        let number = self.upcoming(plugin);
        self.used(plugin, number);
        number
    }
}
