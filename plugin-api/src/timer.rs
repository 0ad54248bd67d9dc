//! Waiting, by the host's clock.
#![allow(unsafe_code, reason = "the host's timer is a poll of the ABI")]

use crate::abi::{self, HostTimer};
use crate::host;
use crate::poll::OwnedPoll;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

/// Waits. No thread waits with it.
///
/// # Panics
/// When it is polled on a host without `"pa.timer/1"`; `requires: ["pa.timer/1"]` in `plugin!` refuses such a host at load.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep(start(duration))
}

/// What [`sleep`] gives.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep(Timer);

#[derive(Debug)]
enum Timer {
    Waits(Wait),
    Over,
    Missing,
}

struct Wait(OwnedPoll);

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wait")
    }
}

fn start(duration: Duration) -> Timer {
    let Some(table) = host::extension::<HostTimer>(abi::EXT_TIMER) else { return Timer::Missing };
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let mut poll = abi::Poll::NONE;
    // SAFETY: any thread may ask for a timer; `poll` is a place for one.
    let code = unsafe { (table.sleep)(table.ctx, nanos, &raw mut poll) };
    if code != abi::READY {
        return Timer::Missing;
    }
    // SAFETY: READY: the poll is ours to drop.
    unsafe { OwnedPoll::new(poll) }.map_or(Timer::Missing, |poll| Timer::Waits(Wait(poll)))
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let code = match &mut self.0 {
            // SAFETY: a timer fills nothing; it is not done, else it would be `Over`.
            Timer::Waits(Wait(poll)) => unsafe { poll.poll(cx, std::ptr::null_mut()) },
            Timer::Over => abi::READY,
            Timer::Missing => panic!("the host has no timer: `{}`", abi::EXT_TIMER),
        };
        if code == abi::PENDING {
            return Poll::Pending;
        }
        self.0 = Timer::Over;
        Poll::Ready(())
    }
}

/// What a future gives, unless it takes longer than that: then it is dropped.
///
/// ```
/// # use plugin_api::prelude::*;
/// # use std::time::Duration;
/// # async fn ask_somebody() -> String { "42".into() }
/// #[get("/answer")]
/// async fn answer() -> Result<String, Error> {
///     timeout(Duration::from_secs(2), ask_somebody()).await.or_abort(504, "nobody answers")
/// }
/// ```
///
/// # Errors
/// It took longer.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut limit = sleep(duration);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => Pin::new(&mut limit).poll(cx).map(|()| Err(Elapsed(duration))),
    })
    .await
}

/// A [`timeout`] passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it took longer than {:?}", self.0)
    }
}

impl std::error::Error for Elapsed {}
