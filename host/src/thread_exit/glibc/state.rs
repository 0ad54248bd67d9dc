//! What is kept: for each thread that holds something of a plugin, a record.
#![allow(unsafe_code, reason = "pthread_atfork")]

use super::super::Id;
use super::lock::Lock;
use super::{Destructor, thread};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CString, c_void};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A leaf: nothing but the allocator is called while it is held.
pub(super) static STATE: Lock<State> =
    Lock::new(State { records: BTreeMap::new(), libraries: BTreeMap::new() });

pub(super) struct State {
    /// By `Serial`: a number of the kernel's is used again.
    pub(super) records: BTreeMap<u64, Record>,
    /// Those that were loaded and not forgotten.
    pub(super) libraries: BTreeMap<Id, Library>,
}

/// One thread.
#[derive(Clone, Default)]
pub(super) struct Record {
    /// 0 while the thread is being started.
    pub(super) tid: u32,
    /// By a plugin, with the function that it runs.
    pub(super) started: Option<(Id, usize)>,
    /// Destructors of thread-locals, in the order in which they were asked for.
    pub(super) pending: Vec<Pending>,
    /// The plugins of whose keys it has values, or had, and those that it is being purged of: a destructor that runs is
    /// pending no more, and its library must not be closed yet.
    pub(super) values: Vec<Id>,
}

/// A destructor, to be called once, on its thread.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    id: Id,
    pub(super) destructor: Destructor,
    pub(super) object: *mut c_void,
}

/// A loaded library.
pub(super) struct Library {
    /// What the loader was given.
    pub(super) path: CString,
    /// Of the file; 0 if it is not known.
    pub(super) inode: u64,
    /// Why it can never be known what is left of it.
    pub(super) untracked: Option<String>,
}

thread_local! {
    /// The number of this thread's record; 0: it has none.
    static SERIAL: Cell<u64> = const { Cell::new(0) };
}

fn next_serial() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Relaxed) + 1
}

/// Looks at this thread's record, which is made if there is none.
fn with_record<R>(look: impl FnOnce(&mut Record) -> R) -> R {
    if SERIAL.get() == 0 {
        SERIAL.set(next_serial());
    }
    let (serial, tid) = (SERIAL.get(), thread::current());
    STATE.with(|state| {
        let record = state.records.entry(serial).or_default();
        record.tid = tid;
        look(record)
    })
}

/// Looks at this thread's record, if it has one. Most threads that end have none, and take no lock for it.
fn with_known<R: Default>(look: impl FnOnce(&mut Record) -> R) -> R {
    if SERIAL.get() == 0 {
        return R::default();
    }
    STATE.with(|state| state.records.get_mut(&SERIAL.get()).map(look)).unwrap_or_default()
}

/// The destructor waits for a purge of this thread, or for its end.
pub(super) fn defer(id: Id, destructor: Destructor, object: *mut c_void) {
    with_record(|record| record.pending.push(Pending { id, destructor, object }));
}

/// This thread gets a value of one of the plugin's keys.
pub(super) fn note_value(id: Id) {
    with_record(|record| {
        if !record.values.contains(&id) {
            record.values.push(id);
        }
    });
}

/// The last destructor of the plugin's that waits on this thread. It is the caller's now.
pub(super) fn take(id: Id) -> Option<Pending> {
    with_known(|record| {
        let last = record.pending.iter().rposition(|pending| pending.id == id)?;
        Some(record.pending.remove(last))
    })
}

/// This thread begins to be purged; `false`: it holds nothing of the plugin.
pub(super) fn purging(id: Id) -> bool {
    with_known(|record| {
        let valued = record.values.contains(&id);
        if !valued && record.waiting(id) > 0 {
            record.values.push(id);
        }
        valued || record.waiting(id) > 0
    })
}

/// This thread was purged of the plugin.
pub(super) fn purged(id: Id) {
    with_known(|record| record.values.retain(|other| *other != id));
    STATE.with(|state| {
        if state.records.get(&SERIAL.get()).is_some_and(Record::is_empty) {
            state.records.remove(&SERIAL.get());
        }
    });
}

/// The plugins of which this thread holds something.
pub(super) fn held() -> Vec<Id> {
    with_known(|record| {
        record.pending.iter().map(|pending| pending.id).chain(record.values.iter().copied()).collect()
    })
}

/// A plugin is about to start a thread, which gets the number that is answered.
pub(super) fn starting(id: Id, start: usize) -> u64 {
    let serial = next_serial();
    let record = Record { started: Some((id, start)), ..Record::default() };
    STATE.with(|state| state.records.insert(serial, record));
    serial
}

/// This is the thread that was to get that number.
pub(super) fn started(serial: u64) {
    SERIAL.set(serial);
    with_record(|_| ());
}

/// The plugin that started this thread.
pub(super) fn starter() -> Option<Id> {
    if SERIAL.get() == 0 {
        return None;
    }
    with_known(|record| record.started.map(|(id, _)| id))
}

/// That thread is none, or none any more.
pub(super) fn ended(serial: u64) {
    STATE.with(|state| state.records.remove(&serial));
}

/// This thread holds nothing, and will run nothing of a plugin any more.
pub(super) fn this_ended() {
    if SERIAL.get() != 0 {
        ended(SERIAL.replace(0));
    }
}

impl Record {
    /// Whether it says nothing.
    fn is_empty(&self) -> bool {
        self.started.is_none() && self.pending.is_empty() && self.values.is_empty()
    }

    /// How many destructors of a plugin wait.
    pub(super) fn waiting(&self, id: Id) -> usize {
        self.pending.iter().filter(|pending| pending.id == id).count()
    }

    /// Drops what it holds of a plugin, without running it.
    pub(super) fn forget(&mut self, id: Id) {
        self.pending.retain(|pending| pending.id != id);
        self.values.retain(|other| *other != id);
        self.started = self.started.filter(|(by, _)| *by != id);
    }
}

/// Has the state consistent in the child of a fork, where this thread is the only one.
pub(super) fn survive_forks() {
    static ONCE: Once = Once::new();
    extern "C" fn before() {
        STATE.before_fork();
    }
    extern "C" fn in_parent() {
        STATE.after_fork();
    }
    extern "C" fn in_child() {
        STATE.after_fork();
        let (serial, tid) = (SERIAL.get(), thread::current());
        STATE.with(|state| {
            state.records.retain(|other, _| *other == serial);
            state.records.values_mut().for_each(|record| record.tid = tid);
        });
    }
    ONCE.call_once(|| {
        // SAFETY: functions of the executable, which is never unmapped; they do what a child may do.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}
