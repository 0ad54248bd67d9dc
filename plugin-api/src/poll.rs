//! The other side's polls as futures: an owner for one, and the call with the right waker.
#![allow(unsafe_code, reason = "polls and drops objects of the other side's, through the ABI")]

use crate::abi;
use crate::waker;
use std::ffi::c_void;
use std::task::{Context, Waker};

/// A poll that came over the boundary; dropping it cancels what is left.
pub(crate) struct OwnedPoll(abi::Poll);

// SAFETY: all that a shared reference allows is to look at two pointers.
unsafe impl Sync for OwnedPoll {}

impl OwnedPoll {
    /// The owner, if there is work.
    ///
    /// # Safety
    /// The poll is valid, and nobody else drops it.
    pub(crate) unsafe fn new(poll: abi::Poll) -> Option<Self> {
        // Not `then_some`: an owner that is made in vain would drop what is not there.
        poll.is_some().then(|| Self(poll))
    }

    /// Goes on with the work; see [`poll_raw`].
    ///
    /// # Safety
    /// `out` is what this kind of poll fills, and the work is not done.
    pub(crate) unsafe fn poll(&mut self, cx: &Context<'_>, out: *mut c_void) -> i32 {
        // SAFETY: `self` owns a valid poll; the caller vouches for the rest.
        unsafe { poll_raw(&self.0, cx, out) }
    }

    /// Gives the ownership up.
    pub(crate) fn into_raw(self) -> abi::Poll {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for OwnedPoll {
    fn drop(&mut self) {
        // SAFETY: `new` was promised a valid poll, so its table is there.
        let drop = unsafe { (*self.0.vt).drop };
        // SAFETY: `self` is the only owner.
        unsafe { drop(self.0.data) }
    }
}

/// Goes on with the work of a poll.
///
/// # Safety
/// The poll is valid and not done, one thread at a time polls it, and `out` is what it fills.
pub(crate) unsafe fn poll_raw(poll: &abi::Poll, cx: &Context<'_>, out: *mut c_void) -> i32 {
    // An eager first poll, before anybody waits: the host is going to poll with a waker of its own.
    if cx.waker().will_wake(Waker::noop()) {
        return abi::PENDING;
    }
    // SAFETY: the caller vouches for the poll, so its table is there.
    let function = unsafe { (*poll.vt).poll };
    // SAFETY: the caller vouches for the work and for `out`; the waker is lent for the call.
    waker::lend(cx, |waker| unsafe { function(poll.data, waker, out) })
}
