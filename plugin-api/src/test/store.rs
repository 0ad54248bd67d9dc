//! The store of a client, in memory: as the host's, with one lock.

use crate::abi::STORE_KEY_BYTES_MAX;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// What a spec has that says nothing.
const LIMIT: usize = 64 << 20;
/// What the host counts for an entry, besides its key and its value.
const ENTRY_BYTES: usize = 128;

/// What one client, and those that are made of it, keep for their plugin.
pub(super) struct TestStore(Mutex<Entries>);

struct Entries {
    by_key: BTreeMap<String, Entry>,
    limit: usize,
}

enum Entry {
    Value(Vec<u8>),
    Counter(i64),
}

thread_local! {
    /// The store of the client that this thread used last.
    static CURRENT: RefCell<Option<Arc<TestStore>>> = const { RefCell::new(None) };
}

/// For threads that no client was used on: those that a plugin began itself.
static SHARED: LazyLock<Arc<TestStore>> = LazyLock::new(Arc::default);

/// The store that a plugin's code on this thread gets at.
pub(super) fn current() -> Arc<TestStore> {
    CURRENT.with_borrow(Option::clone).unwrap_or_else(|| SHARED.clone())
}

impl Default for TestStore {
    fn default() -> Self {
        Self(Mutex::new(Entries { by_key: BTreeMap::new(), limit: LIMIT }))
    }
}

impl TestStore {
    /// The plugin's code on this thread gets at this one, until another client is used.
    pub(super) fn enter(self: &Arc<Self>) {
        // A thread that ends has no use for one.
        let _ = CURRENT.try_with(|current| current.replace(Some(self.clone())));
    }

    pub(super) fn set_limit(&self, bytes: usize) {
        self.lock().limit = bytes;
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.lock().value(key).map(|value| value.map(<[u8]>::to_vec))
    }

    pub(super) fn set(&self, key: &str, value: Option<&[u8]>) -> Result<(), String> {
        let value = value.ok_or("there is no value: remove it instead")?;
        let mut entries = self.lock();
        entries.value(key)?;
        entries.put(key, Entry::Value(value.to_vec()))
    }

    pub(super) fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<bool, String> {
        let mut entries = self.lock();
        if entries.value(key)? != expected {
            return Ok(false);
        }
        match value {
            Some(value) => entries.put(key, Entry::Value(value.to_vec()))?,
            None => drop(entries.by_key.remove(key)),
        }
        Ok(true)
    }

    pub(super) fn remove(&self, key: &str) -> bool {
        self.lock().by_key.remove(key).is_some()
    }

    pub(super) fn add(&self, key: &str, amount: i64) -> Result<i64, String> {
        let mut entries = self.lock();
        let sum = entries.counter(key)?.unwrap_or(0).wrapping_add(amount);
        entries.put(key, Entry::Counter(sum)).map(|()| sum)
    }

    pub(super) fn count(&self, key: &str) -> Result<Option<i64>, String> {
        self.lock().counter(key)
    }

    pub(super) fn keys(&self, prefix: &[u8]) -> Vec<String> {
        let entries = self.lock();
        entries.by_key.keys().filter(|key| key.as_bytes().starts_with(prefix)).cloned().collect()
    }
}

impl Entries {
    fn value(&self, key: &str) -> Result<Option<&[u8]>, String> {
        match self.by_key.get(key) {
            Some(Entry::Counter(_)) => Err("it is a counter".into()),
            Some(Entry::Value(value)) => Ok(Some(value)),
            None => Ok(None),
        }
    }

    fn counter(&self, key: &str) -> Result<Option<i64>, String> {
        match self.by_key.get(key) {
            Some(Entry::Value(_)) => Err("it is a value, not a counter".into()),
            Some(Entry::Counter(count)) => Ok(Some(*count)),
            None => Ok(None),
        }
    }

    fn put(&mut self, key: &str, entry: Entry) -> Result<(), String> {
        let used: usize = self.by_key.iter().map(|(key, entry)| entry.bytes_with(key)).sum();
        let before = self.by_key.get(key).map_or(0, |entry| entry.bytes_with(key));
        let needed = entry.bytes_with(key).saturating_sub(before);
        let limit = self.limit;
        if needed > 0 && used + needed > limit {
            return Err(format!(
                "the store is full: {needed} bytes more, and {used} of {limit} are used: remove what is not needed, or \
                 raise `store_bytes` in [limits]"
            ));
        }
        self.by_key.insert(key.to_owned(), entry);
        Ok(())
    }
}

impl Entry {
    fn bytes_with(&self, key: &str) -> usize {
        let bytes = match self {
            Self::Value(value) => value.len(),
            Self::Counter(_) => size_of::<i64>(),
        };
        ENTRY_BYTES + key.len() + bytes
    }
}

/// What may be a key.
pub(super) fn checked(key: &[u8]) -> Result<&str, String> {
    match key.len() {
        0 => Err("the key is empty".into()),
        bytes if bytes > STORE_KEY_BYTES_MAX => {
            Err(format!("the key has {bytes} bytes, at most {STORE_KEY_BYTES_MAX} are allowed"))
        }
        _ => str::from_utf8(key).map_err(|_| "the key is not UTF-8".into()),
    }
}
