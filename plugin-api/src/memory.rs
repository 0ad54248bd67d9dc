//! The three rules of memory as code, for both sides of the boundary: [`Slice`] borrows, [`Buf`] owns, and an object is
//! dropped by whoever asked for it.
#![allow(unsafe_code, reason = "turns the pointers of the ABI into Rust's types and back")]

use crate::abi::{Buf, Handler, Pair, Poll, Slice};
use core::ffi::c_void;
use core::ptr;

impl Slice {
    /// No value at all: what a header that was not sent looks like.
    pub const ABSENT: Self = Self { ptr: ptr::null(), len: 0 };

    /// Borrows bytes. The borrow is not tracked from here on: the caller upholds the first rule of memory.
    pub const fn new(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// Borrows text; see [`Slice::new`].
    pub const fn text(text: &str) -> Self {
        Self::new(text.as_bytes())
    }

    /// Whether there is a value, be it empty.
    pub const fn is_present(self) -> bool {
        !self.ptr.is_null()
    }

    /// The bytes; none where the value is absent.
    ///
    /// # Safety
    /// What was borrowed must still be there, unchanged, for `'a`.
    pub const unsafe fn bytes<'a>(self) -> Option<&'a [u8]> {
        if self.ptr.is_null() {
            return None;
        }
        // SAFETY: the pointer is not null, and the caller vouches for `len` bytes during `'a`.
        Some(unsafe { core::slice::from_raw_parts(self.ptr, self.len) })
    }

    /// The text; none where the value is absent or is not UTF-8.
    ///
    /// # Safety
    /// As for [`Slice::bytes`].
    pub const unsafe fn str<'a>(self) -> Option<&'a str> {
        // SAFETY: the caller vouches for the bytes.
        match unsafe { self.bytes() } {
            Some(bytes) => match core::str::from_utf8(bytes) {
                Ok(text) => Some(text),
                Err(_) => None,
            },
            None => None,
        }
    }
}

// SAFETY: a slice is a pointer and a length; who may read through it, and until when, is the contract of `abi.rs`.
unsafe impl Send for Slice {}
// SAFETY: as above; nobody writes through a slice.
unsafe impl Sync for Slice {}
// SAFETY: two slices.
unsafe impl Send for Pair {}
// SAFETY: two slices.
unsafe impl Sync for Pair {}
// SAFETY: the contract lets a buffer be read and dropped on any thread.
unsafe impl Send for Buf {}
// SAFETY: the contract lets a handler be called and dropped on any thread.
unsafe impl Send for Handler {}
// SAFETY: the contract lets a handler be called by several threads at once.
unsafe impl Sync for Handler {}
// SAFETY: the contract lets a poll move between threads; it is polled by one at a time.
unsafe impl Send for Poll {}

impl Buf {
    /// No bytes, nothing to free.
    pub const EMPTY: Self = Self::fixed(b"");

    /// Bytes that live for ever, or in an arena: nothing to free.
    pub const fn fixed(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len(), owner: ptr::null_mut(), drop: None }
    }

    /// Hands a vector over, without a copy and without an allocation: `owner` carries its capacity.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        if bytes.capacity() == 0 {
            return Self::EMPTY;
        }
        let mut bytes = core::mem::ManuallyDrop::new(bytes);
        let owner = ptr::without_provenance_mut(bytes.capacity());
        Self { ptr: bytes.as_mut_ptr(), len: bytes.len(), owner, drop: Some(drop_vec) }
    }

    /// The bytes.
    ///
    /// # Safety
    /// The producer's memory must still be there: the buffer was not released, static and arena memory lives.
    pub const unsafe fn bytes<'a>(&self) -> &'a [u8] {
        if self.ptr.is_null() {
            return &[];
        }
        // SAFETY: the pointer is not null, and the caller vouches for the memory.
        unsafe { core::slice::from_raw_parts(self.ptr, self.len) }
    }

    /// Takes the buffer out and leaves an empty one.
    pub const fn take(&mut self) -> Self {
        core::mem::replace(self, Self::EMPTY)
    }

    /// Gives the bytes back to their producer; what is left is empty, so that a second call does nothing.
    ///
    /// # Safety
    /// The producer's code is still loaded, and nobody reads the bytes any more.
    pub unsafe fn release(&mut self) {
        let buf = self.take();
        if let Some(drop) = buf.drop {
            // SAFETY: taken out above, so this is the one call; the caller vouches for the producer.
            unsafe { drop(buf.owner, buf.ptr, buf.len) }
        }
    }
}

unsafe extern "C" fn drop_vec(capacity: *mut c_void, bytes: *const u8, len: usize) {
    // SAFETY: `Buf::from_vec` took pointer, length and capacity from a vector that it forgot; `drop` is called once.
    drop(unsafe { Vec::from_raw_parts(bytes.cast_mut(), len, capacity.addr()) });
}

impl Poll {
    /// No work.
    pub const NONE: Self = Self { data: ptr::null_mut(), vt: ptr::null() };

    /// Whether there is work.
    pub const fn is_some(&self) -> bool {
        !self.vt.is_null()
    }
}
