//! The keys of pthreads that plugins made, without a lock: one place for each key that there can be.

use super::super::Id;
use super::Destructor;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::SeqCst};

/// `PTHREAD_KEYS_MAX` of glibc.
const KEYS_MAX: usize = 1024;

struct Key {
    /// 0: made by no plugin.
    owner: AtomicU64,
    destructor: AtomicPtr<()>,
}

static KEYS: [Key; KEYS_MAX] =
    [const { Key { owner: AtomicU64::new(0), destructor: AtomicPtr::new(null_mut()) } }; KEYS_MAX];

/// How many keys there are in the process, of plugins and of everybody else.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// How many keys of pthreads were made and not given back.
pub fn keys_in_use() -> usize {
    IN_USE.load(SeqCst)
}

/// One more key was made.
pub(super) fn one_more() {
    IN_USE.fetch_add(1, SeqCst);
}

/// A key was given back.
pub(super) fn one_less() {
    IN_USE.fetch_sub(1, SeqCst);
}

/// The key was just made: by a plugin, or by someone else after a plugin gave it back.
pub(super) fn made(key: u32, owner: Option<Id>, destructor: Option<Destructor>) {
    let Some(place) = KEYS.get(key as usize) else { return };
    let destructor = destructor.map_or(null_mut(), |destructor| destructor as *mut ());
    place.destructor.store(destructor, SeqCst);
    place.owner.store(owner.map_or(0, |id| id.0), SeqCst);
}

/// The key is about to be given back. Not after: by then it may be another one's.
pub(super) fn gone(key: u32) {
    made(key, None, None);
}

/// The plugin that made the key.
pub(super) fn owner(key: u32) -> Option<Id> {
    let owner = KEYS.get(key as usize)?.owner.load(SeqCst);
    (owner != 0).then_some(Id(owner))
}

/// The keys that a plugin made, each with the address of its destructor.
pub(super) fn of(id: Id) -> impl Iterator<Item = (u32, *mut ())> {
    let all = KEYS.iter().zip(0..);
    all.filter(move |(key, _)| key.owner.load(SeqCst) == id.0)
        .map(|(key, number)| (number, key.destructor.load(SeqCst)))
}
