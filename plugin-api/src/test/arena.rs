//! The memory that a request lends.
#![allow(unsafe_code, reason = "lends memory by pointer, and frees it at the end")]

use std::alloc::{Layout, alloc, dealloc};
use std::sync::{Mutex, PoisonError};

/// Memory by the piece; all of it is freed with the request.
#[derive(Default)]
pub(super) struct Arena(Mutex<Vec<(*mut u8, Layout)>>);

// SAFETY: the pointers are the arena's own; who uses the memory behind them is the business of whoever asked for it.
unsafe impl Send for Arena {}
// SAFETY: as above, and the list has a lock.
unsafe impl Sync for Arena {}

impl Arena {
    pub(super) fn alloc(&self, size: usize, align: usize) -> *mut u8 {
        let Ok(layout) = Layout::from_size_align(size.max(1), align) else { return std::ptr::null_mut() };
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc(layout) };
        if !memory.is_null() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((memory, layout));
        }
        memory
    }

    pub(super) fn text(&self, text: &str) -> crate::abi::Slice {
        let memory = self.alloc(text.len(), 1);
        // SAFETY: fresh memory of that length.
        unsafe { memory.copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        crate::abi::Slice { ptr: memory, len: text.len() }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for (memory, layout) in self.0.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // SAFETY: it came from `alloc` with this layout, and is freed once.
            unsafe { dealloc(memory, layout) }
        }
    }
}
