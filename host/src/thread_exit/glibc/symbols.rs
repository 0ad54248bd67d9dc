//! The five functions that every library of this process calls instead of those of the C library.
//!
//! The linker exports them from the executable by itself, because a library that it links with, the C library, defines them
//! too. `next::not_exported` proves at run time that it did.
#![allow(unsafe_code, reason = "defines functions of the C library")]

use super::super::Id;
use super::next::{self, Start};
use super::{Destructor, keys, loading, own, owner, purge, ranges, state};
use crate::crash;
use libc::{c_int, c_void, pthread_attr_t, pthread_t};

/// A thread-local wants to be destroyed when this thread ends.
///
/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn __cxa_thread_atexit_impl(
    destructor: Destructor,
    object: *mut c_void,
    library: *mut c_void,
) -> c_int {
    // The destructor first: with a shared `libstd`, `library` is that one. In C++ the destructor may be libstdc++'s.
    if let Some(id) = owner::of_addresses(&[destructor as *const (), library.cast()])
        && purge::arm()
    {
        state::defer(id, destructor, object);
        return 0;
    }
    if own::defer(destructor, object) {
        return 0;
    }
    // SAFETY: the caller's arguments, and the caller's promises.
    unsafe { next::thread_atexit()(destructor, object, library) }
}

/// A thread gets a value of a key.
///
/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn pthread_setspecific(key: u32, value: *const c_void) -> c_int {
    if !value.is_null()
        && let Some(id) = keys::owner(key)
    {
        if !purge::arm() {
            return libc::ENOMEM;
        }
        state::note_value(id);
    }
    // SAFETY: the caller's arguments, and the caller's promises.
    unsafe { next::set_specific()(key, value) }
}

/// A key is made.
///
/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn pthread_key_create(key: *mut u32, destructor: Option<Destructor>) -> c_int {
    let owner = key_owner(key, destructor);
    if owner.is_some() {
        // Ours is made before a plugin's, so that pthreads comes to ours first.
        purge::end_key();
    }
    // SAFETY: the caller's arguments, and the caller's promises.
    let code = unsafe { next::key_create()(key, destructor) };
    if code == 0 {
        // SAFETY: it succeeded: there is a key now.
        let key = unsafe { *key };
        keys::made(key, owner, destructor);
        keys::one_more();
    }
    code
}

/// The plugin that makes a key. In C the destructor often is `free`, or none, and the key is a variable of the plugin. Who
/// called the caller does not count: a shared `libstd` makes a key when a plugin first needs it, and keeps it for the next.
fn key_owner(key: *const u32, destructor: Option<Destructor>) -> Option<Id> {
    let destructor = destructor.map_or(std::ptr::null(), |destructor| destructor as *const ());
    owner::of_addresses(&[destructor, key.cast()]).or_else(|| {
        if !owner::is_possible() || ranges::is_executable(key as usize) {
            return None;
        }
        owner::of_caller(pthread_key_create as *const ())
    })
}

/// A key is given back.
///
/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn pthread_key_delete(key: u32) -> c_int {
    keys::gone(key);
    // SAFETY: the caller's arguments, and the caller's promises.
    let code = unsafe { next::key_delete()(key) };
    if code == 0 {
        keys::one_less();
    }
    code
}

/// A thread is started.
///
/// # Safety
/// As in the C library.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let owner = owner::of_addresses(&[start as *const ()]).or_else(|| starter(start));
    let Some(id) = owner else {
        // SAFETY: the caller's arguments, and the caller's promises.
        return unsafe { next::create()(thread, attributes, start, argument) };
    };
    // Counted before it runs: there is no moment in which it runs and is not counted.
    let serial = state::starting(id, start as usize);
    let origin = ranges::range_of(id).map_or(0, |range| range.start);
    let begin = Box::into_raw(Box::new(Begin { serial, origin, start, argument }));
    // SAFETY: the caller's, but for what runs: `run` takes the box.
    let code = unsafe { next::create()(thread, attributes, run, begin.cast()) };
    if code != 0 {
        // SAFETY: there is no thread that could have taken it.
        drop(unsafe { Box::from_raw(begin) });
        state::ended(serial);
    }
    code
}

/// The plugin that starts a thread whose function is in no plugin: it asks through another library, or it is on a thread
/// that a plugin started, or this is the constructor of something that it needs.
fn starter(start: Start) -> Option<Id> {
    if !owner::is_possible() || ranges::is_executable(start as usize) {
        return None;
    }
    owner::of_callers(pthread_create as *const ()).or_else(loading::id_on_this_thread).or_else(state::starter)
}

/// What a plugin's thread shall run.
#[derive(Clone, Copy)]
struct Begin {
    serial: u64,
    /// Where the plugin is, for a report of a crash.
    origin: usize,
    start: Start,
    argument: *mut c_void,
}

/// What it runs. Nothing here must be dropped while `start` runs: the thread may be ended by `pthread_exit`. Its end is noted
/// by `purge::at_end`, in every case.
unsafe extern "C-unwind" fn run(begin: *mut c_void) -> *mut c_void {
    // SAFETY: the box that `pthread_create` made for this thread alone.
    let begin = *unsafe { Box::from_raw(begin.cast::<Begin>()) };
    state::started(begin.serial);
    crash::started_by(begin.origin);
    // If it cannot, the record is dropped when the thread is seen to be gone, and nobody would give the stack back.
    if purge::arm() {
        crash::take_stack();
    }
    // SAFETY: what the caller of `pthread_create` asked for.
    unsafe { (begin.start)(begin.argument) }
}
