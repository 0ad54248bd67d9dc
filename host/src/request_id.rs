//! Ids of requests: unlike within a process, unlikely to be alike between two.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

static PROCESS: LazyLock<u32> = LazyLock::new(|| RandomState::new().build_hasher().finish() as u32);
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The next id: eight hexadecimal digits for the process, a dash, and a count.
pub(crate) fn next() -> String {
    format!("{:08x}-{:x}", *PROCESS, NEXT.fetch_add(1, Ordering::Relaxed))
}
