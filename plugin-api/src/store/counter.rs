//! Counters.

use super::table::Table;
use crate::error::Error;
use std::borrow::Cow;

/// A number that many may add to at once, and that no swap resets. Made by [`store::counter`](super::counter).
///
/// Adding is one call of the host's without an allocation, in which those who add do not wait for each other. It wraps
/// around at the end of an `i64`.
#[derive(Clone, Debug)]
pub struct Counter<'k> {
    key: Cow<'k, str>,
}

impl<'k> Counter<'k> {
    pub(super) const fn new(key: Cow<'k, str>) -> Self {
        Self { key }
    }

    /// Adds, and gives the sum: no two calls of `add(1)` give the same one.
    ///
    /// # Errors
    /// The key has a value, the limit is reached, the key cannot be one, or the host has no store.
    pub fn add(&self, amount: i64) -> Result<i64, Error> {
        Table::of_host("add to", &self.key)?.add(&self.key, amount)
    }

    /// What it stands at; zero where nothing was added.
    ///
    /// # Errors
    /// The key has a value, the key cannot be one, or the host has no store.
    pub fn get(&self) -> Result<i64, Error> {
        Ok(Table::of_host("count", &self.key)?.count(&self.key)?.unwrap_or(0))
    }

    /// Removes it: the next one who adds begins at zero. Whether there was one.
    ///
    /// # Errors
    /// The key cannot be one, or the host has no store.
    pub fn remove(&self) -> Result<bool, Error> {
        super::remove(&self.key)
    }
}
