//! Wakers across the boundary: the host's as Rust's, and Rust's as one that the host can wake.
#![allow(unsafe_code, reason = "a waker crosses the ABI as a pointer with its functions")]

use crate::abi;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

/// Rust's view of a host's waker: the data is the `*const abi::Waker`, and whoever holds one owns a count.
static HOSTS: RawWakerVTable = RawWakerVTable::new(
    |data| RawWaker::new(call(data, |vt| vt.clone).cast(), &HOSTS),
    |data| call(data, |vt| vt.wake),
    |data| call(data, |vt| vt.wake_by_ref),
    |data| call(data, |vt| vt.drop),
);

/// Calls one of a host waker's functions.
fn call<R>(
    data: *const (),
    which: impl FnOnce(&abi::WakerVt) -> unsafe extern "C" fn(*const abi::Waker) -> R,
) -> R {
    let waker = data.cast::<abi::Waker>();
    // SAFETY: `HOSTS` is only ever paired with a waker of the host's that its holder owns or was lent.
    let vt = unsafe { (*waker).vt };
    // SAFETY: a waker's table lives as long as the waker.
    let function = which(unsafe { &*vt });
    // SAFETY: the waker is alive, as above; each function of `HOSTS` calls its namesake, with its rule of ownership.
    unsafe { function(waker) }
}

/// Runs `work` with the host's waker as Rust's, without a count: a clone takes one.
///
/// # Safety
/// `waker` is valid for the call.
pub(crate) unsafe fn with_context<R>(
    waker: *const abi::Waker,
    work: impl FnOnce(&mut Context<'_>) -> R,
) -> R {
    // SAFETY: the functions of `HOSTS` keep the rules of a raw waker; the caller vouches for the pointer.
    let waker = unsafe { Waker::from_raw(RawWaker::new(waker.cast(), &HOSTS)) };
    // It was lent: dropping it would give up a count that is not ours.
    let waker = ManuallyDrop::new(waker);
    work(&mut Context::from_waker(&waker))
}

/// Lends a waker for one call to the other side: the host's own if that is what the context has, else one that wakes the
/// context's. Combinators such as `FuturesUnordered` bring wakers of their own.
pub(crate) fn lend<R>(cx: &Context<'_>, work: impl FnOnce(*const abi::Waker) -> R) -> R {
    let waker = cx.waker();
    if std::ptr::eq(waker.vtable(), &raw const HOSTS) {
        return work(waker.data().cast());
    }
    let bridge = Arc::new(Bridge { raw: abi::Waker { vt: &raw const BRIDGES }, waker: waker.clone() });
    work(Arc::as_ptr(&bridge).cast())
}

/// A counted waker of this side's.
#[repr(C)]
struct Bridge {
    raw: abi::Waker,
    waker: Waker,
}

// SAFETY: the table is static, and Rust's waker may be used by any thread.
unsafe impl Send for Bridge {}
// SAFETY: as above.
unsafe impl Sync for Bridge {}

static BRIDGES: abi::WakerVt = abi::WakerVt {
    size: size_of::<abi::WakerVt>() as u32,
    reserved: 0,
    clone: bridge_clone,
    wake: bridge_wake,
    wake_by_ref: bridge_wake_by_ref,
    drop: bridge_drop,
};

unsafe extern "C" fn bridge_clone(waker: *const abi::Waker) -> *const abi::Waker {
    // SAFETY: a pointer with this table came from an `Arc<Bridge>` that its holder keeps alive.
    unsafe { Arc::increment_strong_count(waker.cast::<Bridge>()) };
    waker
}

unsafe extern "C" fn bridge_wake(waker: *const abi::Waker) {
    // SAFETY: as in `bridge_clone`; this takes over the count that the caller gives up.
    let bridge = unsafe { Arc::from_raw(waker.cast::<Bridge>()) };
    crate::guard::quietly(|| bridge.waker.wake_by_ref());
}

unsafe extern "C" fn bridge_wake_by_ref(waker: *const abi::Waker) {
    // SAFETY: as in `bridge_clone`; the caller keeps its count for the call.
    let bridge = unsafe { &*waker.cast::<Bridge>() };
    crate::guard::quietly(|| bridge.waker.wake_by_ref());
}

unsafe extern "C" fn bridge_drop(waker: *const abi::Waker) {
    // SAFETY: as in `bridge_clone`; this takes over the count that the caller gives up.
    let bridge = unsafe { Arc::from_raw(waker.cast::<Bridge>()) };
    crate::guard::quietly(|| drop(bridge));
}
