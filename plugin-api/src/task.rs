//! A future that answers, as a poll of the ABI.
#![allow(unsafe_code, reason = "a future crosses the ABI as a pointer with its functions")]

use crate::abi::{self, Poll, PollVt};
use crate::finish::Finished;
use crate::guard;
use crate::host::Level;
use crate::request::Request;
use crate::waker;
use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll as Step;

struct Task<F> {
    /// Valid until the poll was dropped.
    request: *const abi::Request,
    future: F,
}

/// The poll of a future: one allocation.
///
/// # Safety
/// All that the future borrows lives until the poll was dropped, and so does `request`.
pub(crate) unsafe fn poll_of<F: Future<Output = Finished> + Send>(
    request: *const abi::Request,
    future: F,
) -> Poll {
    Poll { data: Box::into_raw(Box::new(Task { request, future })).cast(), vt: Task::<F>::VT }
}

impl<F: Future<Output = Finished> + Send> Task<F> {
    const VT: &'static PollVt =
        &PollVt { size: size_of::<PollVt>() as u32, reserved: 0, poll: Self::poll, drop: Self::drop };

    unsafe extern "C" fn poll(data: *mut c_void, waker: *const abi::Waker, out: *mut c_void) -> i32 {
        // SAFETY: `data` came from `poll_of`; one thread at a time polls.
        let task = unsafe { &mut *data.cast::<Self>() };
        // SAFETY: the future stays in its box until it is dropped there.
        let future = unsafe { Pin::new_unchecked(&mut task.future) };
        let request = task.request;
        guard::run(log_to(request), || {
            // SAFETY: the waker is lent for this call.
            let step = unsafe { waker::with_context(waker, |cx| future.poll(cx)) };
            let Step::Ready(finished) = step else { return abi::PENDING };
            // SAFETY: the poll of a response is given a place for one.
            unsafe { finished.write(out.cast()) };
            abi::READY
        })
    }

    unsafe extern "C" fn drop(data: *mut c_void) {
        // SAFETY: `data` came from `poll_of`, and is dropped once.
        let task = unsafe { Box::from_raw(data.cast::<Self>()) };
        guard::run(log_to(task.request), || {
            drop(task);
            abi::READY
        });
    }
}

/// Logs a panic with the id of the request that it happened in.
pub(crate) fn log_to(request: *const abi::Request) -> impl FnOnce(&str) {
    move |line| {
        // SAFETY: only entries of this request call this, while the request is valid.
        let request = unsafe { Request::new(request) };
        request.log(Level::Error, format!("{request:?}: the handler {line}"));
    }
}
