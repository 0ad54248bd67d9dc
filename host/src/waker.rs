//! Wakers, in both directions: the host's counted object that a plugin wakes, and the owner of a waker that came as a
//! pointer.
#![allow(unsafe_code, reason = "a waker crosses the ABI as a pointer with its functions")]

use futures_util::task::AtomicWaker;
use plugin_api::abi;
use std::sync::Arc;
use std::task::Waker;

/// The host's waker for one request: a plugin may keep clones for as long as it likes; they touch this alone.
#[repr(C)]
pub(crate) struct HostWaker {
    raw: abi::Waker,
    task: AtomicWaker,
}

// SAFETY: `raw` points to a static table of functions; `AtomicWaker` is made for several threads.
unsafe impl Send for HostWaker {}
// SAFETY: as above.
unsafe impl Sync for HostWaker {}

static VT: abi::WakerVt = abi::WakerVt {
    size: size_of::<abi::WakerVt>() as u32,
    reserved: 0,
    clone,
    wake,
    wake_by_ref,
    drop: release,
};

impl HostWaker {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { raw: abi::Waker { vt: &raw const VT }, task: AtomicWaker::new() })
    }

    /// Whom to wake from now on.
    pub(crate) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Wakes whoever polls.
    pub(crate) fn wake_task(&self) {
        self.task.wake();
    }

    /// The waker to lend to a plugin for a call.
    pub(crate) fn as_raw(self: &Arc<Self>) -> *const abi::Waker {
        Arc::as_ptr(self).cast()
    }
}

unsafe extern "C" fn clone(waker: *const abi::Waker) -> *const abi::Waker {
    // SAFETY: every pointer with this table came from an `Arc<HostWaker>` that is alive: its holder owns a count.
    unsafe { Arc::increment_strong_count(waker.cast::<HostWaker>()) };
    waker
}

unsafe extern "C" fn wake(waker: *const abi::Waker) {
    // SAFETY: as in `clone`; this takes over the count that the caller gives up.
    unsafe { Arc::from_raw(waker.cast::<HostWaker>()) }.task.wake();
}

unsafe extern "C" fn wake_by_ref(waker: *const abi::Waker) {
    // SAFETY: as in `clone`; the caller keeps its count for the call.
    unsafe { &*waker.cast::<HostWaker>() }.task.wake();
}

unsafe extern "C" fn release(waker: *const abi::Waker) {
    // SAFETY: as in `clone`; this takes over the count that the caller gives up.
    drop(unsafe { Arc::from_raw(waker.cast::<HostWaker>()) });
}

/// One count of a waker that came over the boundary.
pub(crate) struct Foreign(*const abi::Waker);

// SAFETY: the contract lets a waker be woken and dropped on any thread.
unsafe impl Send for Foreign {}

impl Foreign {
    /// # Safety
    /// `waker` is valid for this call.
    pub(crate) unsafe fn clone_of(waker: *const abi::Waker) -> Self {
        // SAFETY: the caller vouches for the waker.
        let vt = unsafe { (*waker).vt };
        // SAFETY: a waker's table lives as long as the waker.
        let clone = unsafe { (*vt).clone };
        // SAFETY: the waker is valid for this call, as `clone` wants.
        Self(unsafe { clone(waker) })
    }

    /// Wakes, and gives the count up.
    pub(crate) fn wake(self) {
        let waker = std::mem::ManuallyDrop::new(self).0;
        // SAFETY: `self` owned a count, so the waker is alive.
        let vt = unsafe { (*waker).vt };
        // SAFETY: its table lives as long as it does.
        let wake = unsafe { (*vt).wake };
        // SAFETY: the count is given up here; `ManuallyDrop` keeps `drop` from giving it up again.
        unsafe { wake(waker) }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: `self` owns a count, so the waker is alive.
        let vt = unsafe { (*self.0).vt };
        // SAFETY: its table lives as long as it does.
        let drop = unsafe { (*vt).drop };
        // SAFETY: gives up the count that `self` owned.
        unsafe { drop(self.0) }
    }
}
