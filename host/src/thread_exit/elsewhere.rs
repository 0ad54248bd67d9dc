//! Systems on which it is not known what a library leaves in threads: every library is kept.

use super::{Id, Leftovers, StillMapped, ThreadInfo};
use std::ffi::CStr;
use std::time::Duration;

/// A load under way.
pub struct Loading(Id);

/// Call it before `dlopen`.
pub fn begin_load(_path: &CStr) -> Loading {
    Loading(Id::next())
}

impl Loading {
    /// Call it after `dlopen`.
    pub fn finish(self) -> Id {
        self.0
    }
}

/// Does nothing.
///
/// # Safety
/// As on glibc.
#[allow(unsafe_code, reason = "the signature of the other systems")]
pub unsafe fn purge_this_thread(_id: Id) {}

/// Does nothing.
///
/// # Safety
/// As on glibc.
#[allow(unsafe_code, reason = "the signature of the other systems")]
pub unsafe fn delete_keys(_id: Id) {}

/// None that is known.
pub fn threads(_id: Id) -> Vec<ThreadInfo> {
    Vec::new()
}

/// That it is not known.
pub fn leftovers(_id: Id) -> Leftovers {
    let why = "what a plugin leaves in threads is only known on glibc, x86-64 or aarch64";
    Leftovers { untracked: Some(why.to_owned()), ..Leftovers::default() }
}

/// That it is not known; waiting would not help.
pub fn wait_clear(id: Id, _limit: Duration) -> Leftovers {
    leftovers(id)
}

/// # Errors
/// Always: nothing proves that it is gone.
pub fn forget(_id: Id) -> Result<(), StillMapped> {
    Err(StillMapped)
}

/// Not known here: 0.
pub fn keys_in_use() -> usize {
    0
}

/// Not known here: 0.
pub fn mapped_objects() -> usize {
    0
}

/// Nothing is kept here.
pub fn keep_own_thread_locals() {}
