//! What stands behind a key: a value, or a counter.

use super::refusal::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What an entry takes besides the bytes of its key and its value: two allocations with their counts, and its place in a
/// map that is half empty.
pub(super) const ENTRY_BYTES: usize = 128;

/// It stays what it is until it is removed: bytes that happen to be eight are no counter.
pub(super) enum Entry {
    Value(Arc<[u8]>),
    Counter(AtomicI64),
}

impl Entry {
    pub(super) fn counter(count: i64) -> Self {
        Self::Counter(AtomicI64::new(count))
    }

    pub(super) fn as_value(&self) -> Result<&Arc<[u8]>, Refusal> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Counter(_) => Err(Refusal::IsCounter),
        }
    }

    /// Whether it is that value.
    pub(super) fn is(&self, expected: Option<&[u8]>) -> Result<bool, Refusal> {
        self.as_value().map(|value| expected == Some(value))
    }

    /// Adds, and gives the sum. It needs no lock of its own: others may add at the same time.
    pub(super) fn add(&self, amount: i64) -> Result<i64, Refusal> {
        match self {
            Self::Counter(count) => Ok(count.fetch_add(amount, Ordering::AcqRel).wrapping_add(amount)),
            Self::Value(_) => Err(Refusal::IsValue),
        }
    }

    pub(super) fn count(&self) -> Result<i64, Refusal> {
        match self {
            Self::Counter(count) => Ok(count.load(Ordering::Acquire)),
            Self::Value(_) => Err(Refusal::IsValue),
        }
    }

    /// What it counts for, with its key.
    pub(super) fn bytes_with(&self, key: &str) -> usize {
        let bytes = match self {
            Self::Value(value) => value.len(),
            Self::Counter(_) => size_of::<i64>(),
        };
        ENTRY_BYTES + key.len() + bytes
    }
}
