//! What the host keeps for plugins over swaps: values and counters by key, `"pa.store/1"`.
//!
//! There is one [`Store`] for each name of a plugin, for as long as the process lives; the generations of that name share
//! it. Keys and values are copied in, and what goes out is the host's memory: nothing of a plugin's stays, be it memory or
//! code. There is no lock around a store (it is a `dashmap`), and none is held while code of a plugin runs.

mod budget;
mod entry;
mod refusal;
#[cfg(test)]
mod stress;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use table::table;

use budget::Budget;
use dashmap::DashMap;
use dashmap::mapref::entry::{Entry as Place, VacantEntry};
use entry::Entry;
use refusal::Refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The stores of all plugins, by the plugin's name in the spec.
#[derive(Clone)]
pub struct Stores {
    by_plugin: Arc<DashMap<String, Arc<Store>>>,
    limit: Arc<AtomicUsize>,
}

impl Stores {
    /// No stores yet; each may keep that many bytes.
    pub fn new(limit_bytes: usize) -> Self {
        Self { by_plugin: Arc::default(), limit: Arc::new(AtomicUsize::new(limit_bytes)) }
    }

    /// Changes how many bytes each store may keep, now and later. One that keeps more loses nothing, and grows no further.
    pub fn set_limit(&self, limit_bytes: usize) {
        self.limit.store(limit_bytes, Ordering::Relaxed);
    }

    /// The store of a plugin, which is there from now on.
    pub fn of(&self, plugin: &str) -> Arc<Store> {
        if let Some(store) = self.by_plugin.get(plugin) {
            return store.clone();
        }
        let store = self.by_plugin.entry(plugin.to_owned());
        store.or_insert_with(|| Arc::new(Store::new(self.limit.clone()))).clone()
    }

    /// Drops the store of a plugin that has left the spec; whether there was one. A generation that still runs keeps what
    /// it has until it ends; the next one of that name begins with nothing.
    pub fn forget(&self, plugin: &str) -> bool {
        self.by_plugin.remove(plugin).is_some()
    }

    /// Whether the plugin has asked for its store.
    pub fn is_used(&self, plugin: &str) -> bool {
        self.by_plugin.get(plugin).is_some_and(|store| store.is_used.load(Ordering::Relaxed))
    }
}

/// What the host keeps for one plugin.
pub struct Store {
    entries: DashMap<Arc<str>, Entry>,
    budget: Budget,
    /// A generation has asked for it.
    is_used: AtomicBool,
}

type Value = Arc<[u8]>;

impl Store {
    fn new(limit: Arc<AtomicUsize>) -> Self {
        Self { entries: DashMap::new(), budget: Budget::new(limit), is_used: AtomicBool::new(false) }
    }

    /// The plugin has asked for it.
    pub(crate) fn use_it(&self) {
        self.is_used.store(true, Ordering::Relaxed);
    }

    /// How many bytes it keeps: keys, values, and what each entry takes besides.
    pub fn used_bytes(&self) -> usize {
        self.budget.used()
    }

    /// How many values and counters it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Value>, Refusal> {
        self.entries.get(key).map(|entry| entry.as_value().cloned()).transpose()
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), Refusal> {
        let value = self.copy(value)?;
        // What was replaced is dropped when the lock of its part of the map is free again.
        let _replaced = self.at(key, |slot| match slot {
            Slot::Taken(entry) => self.replace(entry, value).map(Some),
            Slot::Free(vacant) => self.insert(vacant, Entry::Value(value)).map(|()| None),
        })?;
        Ok(())
    }

    /// Whether the value was `expected`, and is set now; none stands for no entry, on both sides.
    pub(crate) fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<bool, Refusal> {
        let Some(value) = value else { return self.compare_and_remove(key, expected) };
        let value = self.copy(value)?;
        let replaced = self.at(key, |slot| match slot {
            Slot::Taken(entry) => match entry.is(expected) {
                Ok(true) => self.replace(entry, value).map(|old| (true, Some(old))),
                other => other.map(|_| (false, None)),
            },
            Slot::Free(_) if expected.is_some() => Ok((false, None)),
            Slot::Free(vacant) => self.insert(vacant, Entry::Value(value)).map(|()| (true, None)),
        });
        replaced.map(|(is_set, _)| is_set)
    }

    fn compare_and_remove(&self, key: &str, expected: Option<&[u8]>) -> Result<bool, Refusal> {
        let mut is_equal = Ok(expected.is_none());
        let removed = self.entries.remove_if(key, |_, entry| {
            is_equal = entry.is(expected);
            is_equal.is_ok_and(|is_equal| is_equal)
        });
        self.released(removed);
        is_equal
    }

    /// Whether there was one.
    pub(crate) fn remove(&self, key: &str) -> bool {
        self.released(self.entries.remove(key))
    }

    pub(crate) fn add(&self, key: &str, amount: i64) -> Result<i64, Refusal> {
        // Nearly every time it is there, and the lock of its part of the map is shared with those who add to others.
        if let Some(entry) = self.entries.get(key) {
            return entry.add(amount);
        }
        self.at(key, |slot| match slot {
            Slot::Taken(entry) => entry.add(amount),
            Slot::Free(vacant) => self.insert(vacant, Entry::counter(amount)).map(|()| amount),
        })
    }

    pub(crate) fn count(&self, key: &str) -> Result<Option<i64>, Refusal> {
        self.entries.get(key).map(|entry| entry.count()).transpose()
    }

    /// The keys that begin with these bytes, in order.
    pub(crate) fn keys(&self, prefix: &[u8]) -> Vec<Arc<str>> {
        let all = self.entries.iter();
        let keys = all.filter(|entry| entry.key().as_bytes().starts_with(prefix));
        let mut keys: Vec<_> = keys.map(|entry| entry.key().clone()).collect();
        keys.sort_unstable();
        keys
    }
}

/// The place of a key, while the lock of its part of the map is held.
enum Slot<'a> {
    Taken(&'a mut Entry),
    Free(VacantEntry<'a, Arc<str>, Entry>),
}

impl Store {
    /// Works at the place of a key. The key is copied only where it is not there yet.
    fn at<R>(&self, key: &str, work: impl FnOnce(Slot<'_>) -> R) -> R {
        if let Some(mut entry) = self.entries.get_mut(key) {
            return work(Slot::Taken(entry.value_mut()));
        }
        match self.entries.entry(Arc::from(key)) {
            Place::Occupied(mut entry) => work(Slot::Taken(entry.get_mut())),
            Place::Vacant(vacant) => work(Slot::Free(vacant)),
        }
    }

    /// A value that could never fit is refused before it is copied; it is copied while no lock is held.
    fn copy(&self, value: &[u8]) -> Result<Value, Refusal> {
        self.budget.could_hold(value.len())?;
        Ok(Value::from(value))
    }

    /// Gives back what was there. The budget changes with the entry, under the same lock.
    fn replace(&self, entry: &mut Entry, value: Value) -> Result<Value, Refusal> {
        let Entry::Value(old) = entry else { return Err(Refusal::IsCounter) };
        let (before, after) = (old.len(), value.len());
        self.budget.reserve(after.saturating_sub(before))?;
        let replaced = std::mem::replace(old, value);
        self.budget.release(before.saturating_sub(after));
        Ok(replaced)
    }

    fn insert(&self, vacant: VacantEntry<'_, Arc<str>, Entry>, entry: Entry) -> Result<(), Refusal> {
        self.budget.reserve(entry.bytes_with(vacant.key()))?;
        vacant.insert(entry);
        Ok(())
    }

    fn released(&self, removed: Option<(Arc<str>, Entry)>) -> bool {
        let Some((key, entry)) = removed else { return false };
        self.budget.release(entry.bytes_with(&key));
        true
    }
}
