//! `"pa.timer/1"`: sleeps of asynchronous handlers, on one thread for the whole process.
//!
//! A sleep is a [`Poll`](abi::Poll) whose owner registers its waker here. The thread sleeps until the earliest of them
//! and wakes what is due; it ends when nothing is left to wait for, and the next sleep starts it again.
#![allow(unsafe_code, reason = "the functions of a poll are called through the ABI")]

use crate::plugin_threads;
use crate::waker::Foreign;
use plugin_api::abi;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::c_void;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest sleep; a longer one is cut: a wish for "for ever" must not overflow the clock.
const SLEEP_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

static TIMERS: Timers =
    Timers { state: Mutex::new(State { due: BinaryHeap::new(), running: false }), changed: Condvar::new() };

struct Timers {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    due: BinaryHeap<Reverse<Due>>,
    running: bool,
}

/// Whom a sleep wakes: its poll puts a waker in, its drop takes it out, and the heap holds one entry for each sleep,
/// however often it is polled. The lock is held while the waker is woken: it may be a plugin's own, and when the drop of a sleep
/// has returned nothing of the plugin may be at work for it.
type Slot = Arc<Mutex<Option<Foreign>>>;

struct Due {
    at: Instant,
    slot: Slot,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_at(&'static self, at: Instant, slot: Slot) {
        let mut state = self.lock();
        state.due.push(Reverse(Due { at, slot }));
        if state.running {
            self.changed.notify_one();
            return;
        }
        let thread = std::thread::Builder::new().name("timer".into()).spawn(move || self.run());
        state.running = thread.is_ok();
    }

    fn run(&'static self) {
        // It wakes plugins' own wakers, too, and may hold something of theirs afterwards.
        let joined = plugin_threads::join(|| {
            let _state = self.lock();
            self.changed.notify_one();
        });
        let mut state = self.lock();
        while let Some(Reverse(next)) = state.due.peek() {
            if joined.has_work() {
                drop(state);
                joined.work(|| {});
                state = self.lock();
                continue;
            }
            let now = Instant::now();
            if let Some(left) = next.at.checked_duration_since(now).filter(|left| !left.is_zero()) {
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let due = state.due.pop();
            drop(state);
            if let Some(Reverse(due)) = due {
                wake(&due.slot);
            }
            state = self.lock();
        }
        state.running = false;
    }
}

fn wake(slot: &Slot) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(waker) = slot.take() {
        waker.wake();
    }
}

fn take(slot: &Slot) -> Option<Foreign> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

struct Sleep {
    until: Instant,
    slot: Option<Slot>,
}

impl Sleep {
    fn poll(&mut self, waker: Foreign) -> i32 {
        if Instant::now() >= self.until {
            return abi::READY;
        }
        if let Some(slot) = &self.slot {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
        } else {
            let slot = Arc::new(Mutex::new(Some(waker)));
            self.slot = Some(slot.clone());
            TIMERS.wake_at(self.until, slot);
        }
        // The timer may have fired between the look at the clock and the new waker in an old slot.
        if Instant::now() >= self.until { abi::READY } else { abi::PENDING }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            take(slot);
        }
    }
}

static SLEEP_VT: abi::PollVt =
    abi::PollVt { size: size_of::<abi::PollVt>() as u32, reserved: 0, poll: sleep_poll, drop: sleep_drop };

/// The host's side of [`abi::HostTimer::sleep`].
pub(crate) unsafe extern "C" fn sleep(_ctx: *const c_void, nanos: u64, out: *mut abi::Poll) -> i32 {
    let until = Instant::now() + Duration::from_nanos(nanos).min(SLEEP_MAX);
    let data = Box::into_raw(Box::new(Sleep { until, slot: None })).cast();
    // SAFETY: the contract of `sleep`: `out` is the caller's place for one poll.
    unsafe { out.write(abi::Poll { data, vt: &raw const SLEEP_VT }) };
    abi::READY
}

unsafe extern "C" fn sleep_poll(data: *mut c_void, waker: *const abi::Waker, _out: *mut c_void) -> i32 {
    // SAFETY: `data` came from `sleep`, is not dropped yet, and is polled by one thread at a time.
    let sleep = unsafe { &mut *data.cast::<Sleep>() };
    // SAFETY: the waker is borrowed for this call; `clone_of` makes an owner of its own.
    sleep.poll(unsafe { Foreign::clone_of(waker) })
}

unsafe extern "C" fn sleep_drop(data: *mut c_void) {
    // SAFETY: `data` came from `sleep`, and is dropped once.
    drop(unsafe { Box::from_raw(data.cast::<Sleep>()) });
}
