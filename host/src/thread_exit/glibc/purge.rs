//! Runs what plugins left in this thread: on request, and when the thread ends.
#![allow(unsafe_code, reason = "calls destructors of plugins; values of keys of pthreads")]

use super::super::Id;
use super::{Destructor, keys, next, own, state};
use std::ffi::c_void;
use std::mem::transmute;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A destructor may leave something again. Then there is another round, and so many at most: `PTHREAD_DESTRUCTOR_ITERATIONS`.
const ROUNDS_MAX: usize = 4;

/// So many destructors run in one round; more is one that asks for itself again and again.
const DESTRUCTORS_MAX: usize = 65_536;

/// Runs what the library left in this thread, and removes it. Call it on every thread that ran code of the library and
/// goes on; a thread that ends does it by itself.
///
/// # Safety
/// The library is mapped. No code of it is on this thread's stack, and none runs on this thread again, but for its
/// destructors at `dlclose`: it would find its thread-locals destroyed.
pub unsafe fn purge_this_thread(id: Id) {
    if !state::purging(id) {
        return;
    }
    for _ in 0..ROUNDS_MAX {
        if run_destructors(id) + run_values(id) == 0 {
            break;
        }
    }
    // As in pthreads: after the last round, values are left to themselves.
    for (key, _) in keys::of(id) {
        take_value(key);
    }
    state::purged(id);
}

fn run_destructors(id: Id) -> usize {
    for count in 0..DESTRUCTORS_MAX {
        let Some(pending) = state::take(id) else { return count };
        // SAFETY: the library asked for this call, on this thread, once: `take` removed it. It is mapped: whoever unmaps a
        // library first sees that no thread holds anything of it.
        unsafe { (pending.destructor)(pending.object) };
    }
    DESTRUCTORS_MAX
}

fn run_values(id: Id) -> usize {
    let mut count = 0;
    for (key, destructor) in keys::of(id) {
        let value = take_value(key);
        if value.is_null() || destructor.is_null() {
            continue;
        }
        // SAFETY: `keys` got the address from a `Destructor`.
        let destructor = unsafe { transmute::<*mut (), Destructor>(destructor) };
        // SAFETY: what pthreads would do at the end of the thread: the value is this thread's, and was set to null before. The
        // library is mapped, as above.
        unsafe { destructor(value) };
        count += 1;
    }
    count
}

/// This thread's value of the key, which is null afterwards.
fn take_value(key: u32) -> *mut c_void {
    // SAFETY: any number may be asked for; null is the answer for one that is no key.
    let value = unsafe { libc::pthread_getspecific(key) };
    if !value.is_null() {
        // SAFETY: it is a key: it has a value.
        unsafe { next::set_specific()(key, std::ptr::null()) };
    }
    value
}

/// Gives the library's keys back. A thread that still has a value of one will not run its destructor.
///
/// # Safety
/// The library does not run any more, but for its destructors at `dlclose`, which must not use its keys.
pub unsafe fn delete_keys(id: Id) {
    give_back_keys(id);
}

/// As `delete_keys`, for a library that is gone or as good as gone.
pub(super) fn give_back_keys(id: Id) {
    for (key, _) in keys::of(id) {
        keys::gone(key);
        // SAFETY: a key that the library made and did not give back, and that only the library knows.
        if unsafe { next::key_delete()(key) } == 0 {
            keys::one_less();
        }
    }
}

/// Has `at_end` run when this thread ends: however it ends, after its thread-locals, and before pthreads looks at keys that
/// were made later. `false`: the system has no key left, or no memory.
pub(super) fn arm() -> bool {
    let Some(key) = end_key() else { return false };
    // SAFETY: our key; it is never given back.
    if !unsafe { libc::pthread_getspecific(key) }.is_null() {
        return true;
    }
    // SAFETY: as above. The value is a count, not an address.
    let code = unsafe { next::set_specific()(key, std::ptr::without_provenance(1)) };
    code == 0
}

/// Our own key.
pub(super) fn end_key() -> Option<u32> {
    /// The key + 1; 0: there is none yet.
    static KEY: AtomicU64 = AtomicU64::new(0);
    let known = KEY.load(SeqCst);
    if known != 0 {
        return u32::try_from(known - 1).ok();
    }
    let mut key = 0;
    // SAFETY: `key` is a place for one.
    let code = unsafe { next::key_create()(&raw mut key, Some(at_end)) };
    if code != 0 {
        return None;
    }
    if let Err(other) = KEY.compare_exchange(0, u64::from(key) + 1, SeqCst, SeqCst) {
        // SAFETY: made above, and known to nobody.
        unsafe { next::key_delete()(key) };
        return u32::try_from(other - 1).ok();
    }
    Some(key)
}

/// Called by pthreads at the end of a thread, once in each of its rounds: other libraries' values may be dropped in any of
/// them, and call a plugin. Only after the last one this thread has run the last of every plugin.
unsafe extern "C" fn at_end(round: *mut c_void) {
    for id in state::held() {
        // SAFETY: a library of which a thread holds something is mapped; its stack has only pthreads on it.
        unsafe { purge_this_thread(id) };
    }
    // After those of plugins, which may call what is here.
    own::run();
    let round = round.addr();
    if round >= ROUNDS_MAX {
        crate::crash::give_back_stack();
        return state::this_ended();
    }
    if let Some(key) = end_key() {
        // SAFETY: our key. The value is a count, not an address.
        unsafe { next::set_specific()(key, std::ptr::without_provenance(round + 1)) };
    }
}
