//! Ids of requests: unlike within a process, unlikely to be alike between two.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

static PROCESS: LazyLock<u32> = LazyLock::new(|| RandomState::new().build_hasher().finish() as u32);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The part of an id that is this process's.
pub(crate) fn process() -> u32 {
    *PROCESS
}

/// The next id that is counted for the whole process: where a request has no slot to count for itself.
pub(crate) fn next() -> u64 {
    // Above those of slots, which have their number in the upper half.
    (u64::from(u32::MAX) << 32) | NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What all ids of a process begin with.
pub(crate) fn of_process(process: u32) -> String {
    format!("{process:08x}-")
}

/// An id as people see it: eight hexadecimal digits for the process, a dash, and the number.
pub(crate) fn text(process: u32, id: u64) -> String {
    format!("{}{id:x}", of_process(process))
}
