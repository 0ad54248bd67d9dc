//! Owns what plugins leave in threads, so that a library can really be unloaded.
//!
//! `dlclose` alone does not unload an ordinary Rust plugin. A thread-local with a destructor keeps the library mapped; a
//! `thread::current()` leaves a key of pthreads whose destructor points into a library that is gone, and the thread
//! crashes when it ends; each such key is one of 1,024 and is never given back.
//!
//! The cure rests on one fact: Linux looks symbols up in the executable first. So when the *executable* defines the five
//! functions by which a library leaves something in a thread (`symbols`), every library calls these. Each asks
//! `owner` whose library asks, by address. What belongs to a plugin is kept here instead of in the C library; all
//! else is handed on to the next definition, and behaves as ever.
//!
//! | asked for | by | kept until |
//! |---|---|---|
//! | `__cxa_thread_atexit_impl` | thread-locals with destructors | the thread is purged, or ends |
//! | `pthread_setspecific` | values of keys, such as the guard behind `thread::current()` | the thread is purged, or ends |
//! | `pthread_key_create`, `pthread_key_delete` | the keys themselves | [`delete_keys`] |
//! | `pthread_create` | threads | the thread ended, and ran what it left |
//!
//! # Life of a library
//! 1. [`begin_load`], `dlopen`, [`Loading::finish`]: now its addresses are known, and an [`Id`] stands for it.
//! 2. It runs, on any thread. A thread that ends runs what it holds, while the code is still mapped.
//! 3. When nothing calls it any more: [`purge_this_thread`] on every thread that ran it and goes on, then
//!    [`wait_clear`]. What is still left is a reason to keep the library, and says which thread it is.
//! 4. [`delete_keys`], `dlclose`, [`forget`], and only then may the file descriptor be closed that it was loaded from.
//!
//! # What is the executable's own
//! The C library would take the lock of its loader for each thread-local with a destructor, and constructors run under that
//! lock: so these are kept here, too, from the first load on, until their thread ends. See `own`.
//!
//! # What a library needs stays
//! A plugin's own dependencies (a `libstd` of `-C prefer-dynamic`, `libssl`) are marked so that they are never unmapped:
//! the next generation is loaded before the last one is closed and shares them, so a key or a thread-local of theirs is
//! in use when the plugin that brought them leaves. They are found by name, so they do not add up over swaps.
//!
//! # Rules of this folder
//! - The lock of `state` is a leaf: only the allocator is called under it. It may be taken in a constructor, that is
//!   under the lock of the loader; so nothing that takes the loader's lock (`dlsym`, `dlopen`, `dladdr`) is called under it.
//! - A request of the host's own takes no lock, and allocates with the C library if at all: it may come from inside an
//!   allocator.
//! - No thread-local here has a destructor: it would ask for itself.
//!
//! On anything but glibc on x86-64 or aarch64, and where the executable does not export the five functions, each library
//! is reported as one that cannot be unloaded.

mod leftovers;

pub use leftovers::{Leftovers, ThreadInfo, Unpurged};

/// Stands for one load of one library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u64);

/// [`forget`] found that the library is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillMapped;

impl Id {
    /// An id that was not given out before.
    fn next() -> Self {
        static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        Self(LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod glibc;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
use glibc as system;

#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
mod elsewhere;
#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
use elsewhere as system;

pub use system::{
    Loading, begin_load, delete_keys, forget, keep_own_thread_locals, keys_in_use, leftovers, mapped_objects,
    purge_this_thread, threads, wait_clear,
};
