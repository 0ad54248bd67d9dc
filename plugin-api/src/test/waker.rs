//! The test client's waker: it unparks the thread that waits.
#![allow(unsafe_code, reason = "a waker crosses the ABI as a pointer with its functions")]

use crate::abi::{Waker, WakerVt};
use std::sync::Arc;
use std::thread::{self, Thread};

#[repr(C)]
pub(super) struct ThreadWaker {
    raw: Waker,
    thread: Thread,
}

// SAFETY: the table is static, and a thread's handle may be used by any thread.
unsafe impl Send for ThreadWaker {}
// SAFETY: as above.
unsafe impl Sync for ThreadWaker {}

static VT: WakerVt =
    WakerVt { size: size_of::<WakerVt>() as u32, reserved: 0, clone, wake, wake_by_ref, drop: release };

impl ThreadWaker {
    pub(super) fn current() -> Arc<Self> {
        Arc::new(Self { raw: Waker { vt: &raw const VT }, thread: thread::current() })
    }

    pub(super) fn as_raw(self: &Arc<Self>) -> *const Waker {
        Arc::as_ptr(self).cast()
    }
}

unsafe extern "C" fn clone(waker: *const Waker) -> *const Waker {
    // SAFETY: the pointer came from an `Arc<ThreadWaker>` that is alive.
    unsafe { Arc::increment_strong_count(waker.cast::<ThreadWaker>()) };
    waker
}

unsafe extern "C" fn wake(waker: *const Waker) {
    // SAFETY: as in `clone`; takes the caller's count over.
    unsafe { Arc::from_raw(waker.cast::<ThreadWaker>()) }.thread.unpark();
}

unsafe extern "C" fn wake_by_ref(waker: *const Waker) {
    // SAFETY: as in `clone`.
    unsafe { &*waker.cast::<ThreadWaker>() }.thread.unpark();
}

unsafe extern "C" fn release(waker: *const Waker) {
    // SAFETY: as in `clone`; takes the caller's count over.
    drop(unsafe { Arc::from_raw(waker.cast::<ThreadWaker>()) });
}

/// A count of somebody's waker.
pub(super) struct Counted(*const Waker);

// SAFETY: the contract lets a waker be woken and dropped on any thread.
unsafe impl Send for Counted {}

/// The functions of a waker.
///
/// # Safety
/// The waker is valid for `'a`.
unsafe fn table<'a>(waker: *const Waker) -> &'a WakerVt {
    // SAFETY: the caller vouches for the waker.
    let vt = unsafe { (*waker).vt };
    // SAFETY: the contract: a waker's table lives as long as the waker.
    unsafe { &*vt }
}

impl Counted {
    /// # Safety
    /// The waker is valid for this call.
    pub(super) unsafe fn clone_of(waker: *const Waker) -> Self {
        // SAFETY: the caller vouches for it.
        let clone = unsafe { table(waker) }.clone;
        // SAFETY: as above.
        Self(unsafe { clone(waker) })
    }

    pub(super) fn wake(&self) {
        // SAFETY: `self` owns a count.
        let wake = unsafe { table(self.0) }.wake_by_ref;
        // SAFETY: as above.
        unsafe { wake(self.0) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // SAFETY: `self` owns a count.
        let drop = unsafe { table(self.0) }.drop;
        // SAFETY: given up once.
        unsafe { drop(self.0) }
    }
}
