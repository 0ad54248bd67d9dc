//! What the process has: the numbers that must not grow from swap to swap.
#![allow(unsafe_code, reason = "mallinfo2")]

use crate::thread_exit;
use serde::{Deserialize, Serialize};

/// What the process has at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Executables and libraries that the loader has mapped.
    pub objects: usize,
    /// Keys of pthreads that were made and not given back; there are 1024.
    pub keys: usize,
    /// Threads.
    pub threads: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// Bytes of memory that were taken from the allocator and not given back.
    pub heap_bytes: usize,
}

impl Ledger {
    /// Counts. What cannot be read counts as 0.
    pub fn now() -> Self {
        // SAFETY: takes nothing, and answers with numbers.
        let heap = unsafe { libc::mallinfo2() };
        Self {
            objects: thread_exit::mapped_objects(),
            keys: thread_exit::keys_in_use(),
            threads: entries("/proc/self/task"),
            // The folder itself is open while it is read.
            descriptors: entries("/proc/self/fd").saturating_sub(1),
            heap_bytes: heap.uordblks + heap.hblkhd,
        }
    }
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::fixture::{self, Folder};
    use crate::library::{Library, Sealed};

    #[test]
    fn a_library_is_one_more_object_and_one_more_descriptor() {
        let folder = Folder::new();
        let file = folder.library(&fixture::good(), &[]);
        let before = Ledger::now();
        assert!(before.objects > 1 && before.threads > 0 && before.descriptors > 2 && before.heap_bytes > 0);
        let _library = Library::open(Sealed::copy(&file).unwrap()).unwrap();
        // Other tests open libraries, too.
        let after = Ledger::now();
        assert!(after.objects > 1 && after.descriptors > 2, "{before:?} {after:?}");
    }
}
