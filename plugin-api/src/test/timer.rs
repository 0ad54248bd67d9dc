//! Sleeps on real time: a thread for each one that is waited for.
#![allow(unsafe_code, reason = "a timer is a poll of the ABI")]

use super::waker::Counted;
use crate::abi::{self, Poll, PollVt};
use std::ffi::c_void;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The longest sleep: a test that waits for longer has a mistake.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

struct Sleep {
    end: Instant,
    waiting: Option<Arc<Waiting>>,
}

/// Whom to wake, if anybody still waits; the thread ends when nobody does.
#[derive(Default)]
struct Waiting {
    waker: Mutex<Option<Counted>>,
    changed: Condvar,
}

impl Waiting {
    fn replace(&self, waker: Option<Counted>) {
        let before =
            std::mem::replace(&mut *self.waker.lock().unwrap_or_else(PoisonError::into_inner), waker);
        // Dropped when the lock is free again.
        drop(before);
    }

    fn wake_at(&self, end: Instant) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        let left = end.saturating_duration_since(Instant::now());
        let wait = self.changed.wait_timeout_while(waker, left, |waker| waker.is_some());
        let waker = wait.unwrap_or_else(PoisonError::into_inner).0.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

static VT: PollVt = PollVt { size: size_of::<PollVt>() as u32, reserved: 0, poll, drop: drop_sleep };

pub(super) unsafe extern "C" fn sleep(_: *const c_void, nanos: u64, out: *mut Poll) -> i32 {
    let end = Instant::now() + Duration::from_nanos(nanos).min(SLEEP_MAX);
    let sleep = Box::new(Sleep { end, waiting: None });
    // SAFETY: a place for one poll.
    unsafe { out.write(Poll { data: Box::into_raw(sleep).cast(), vt: &raw const VT }) };
    abi::READY
}

unsafe extern "C" fn poll(data: *mut c_void, waker: *const abi::Waker, _: *mut c_void) -> i32 {
    // SAFETY: `data` came from `sleep`; one thread at a time polls.
    let sleep = unsafe { &mut *data.cast::<Sleep>() };
    let left = sleep.end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return abi::READY;
    }
    let is_first = sleep.waiting.is_none();
    let waiting = sleep.waiting.get_or_insert_default().clone();
    // SAFETY: the waker is lent for this call.
    waiting.replace(Some(unsafe { Counted::clone_of(waker) }));
    if is_first {
        let end = sleep.end;
        thread::spawn(move || waiting.wake_at(end));
    }
    abi::PENDING
}

unsafe extern "C" fn drop_sleep(data: *mut c_void) {
    // SAFETY: `data` came from `sleep`, and is dropped once.
    let sleep = unsafe { Box::from_raw(data.cast::<Sleep>()) };
    if let Some(waiting) = sleep.waiting {
        waiting.replace(None);
        waiting.changed.notify_all();
    }
}
