//! Threads of a server: each holds a place in the watch, so that the end of a server knows who is left.

use super::Serving;
use super::wait::{Deadline, Wakeup, wait};
use super::watch::{Slot, Watch};
use crate::error::Error;
use crate::plugin_threads::{self, Joined};
use crate::stop::Stop;
use rustix::event::PollFlags;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

/// How long connections may take to end after they were cut off.
const CUT_OFF: Duration = Duration::from_secs(1);

/// A thread that runs plugins and waits in `poll`: for its sockets, and for [its event](Self::event).
pub(super) struct PluginThread {
    wakeup: Arc<Wakeup>,
    joined: Joined,
}

impl PluginThread {
    /// This thread, from now on.
    pub(super) fn new() -> Result<Self, Error> {
        let wakeup = Wakeup::new()?;
        let wakes = wakeup.clone();
        Ok(Self { wakeup, joined: plugin_threads::join(move || wakes.wake_by_ref()) })
    }

    /// Readable when the thread has [work](Self::work), or a handler that it polls was woken.
    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.wakeup.event()
    }

    /// What wakes the thread.
    pub(super) fn waker(&self) -> Waker {
        Waker::from(self.wakeup.clone())
    }

    /// Does what the thread is asked for. Call it when its event is readable, and no plugin is on the stack.
    pub(super) fn work(&self, refresh: impl FnMut()) {
        self.wakeup.clear();
        self.joined.work(refresh);
    }

    /// For as long as the answer lives, the thread is woken when a table is published.
    pub(super) fn wants_refresh(&self) -> plugin_threads::Wanted<'_> {
        self.joined.wants_refresh()
    }
}

/// A place in the watch, given back on every way out, panics included.
pub(super) struct Held<'a> {
    pub(super) watch: &'a Watch,
    pub(super) slot: Arc<Slot>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.watch.remove(&self.slot);
    }
}

/// Starts a thread that `wait_for_stop` waits for.
pub(super) fn spawn(name: &str, watch: &Watch, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let slot = watch.slot(None, false);
    let held = watch.clone();
    let result = std::thread::Builder::new().name(name.to_owned()).spawn({
        let slot = slot.clone();
        move || {
            let _held = Held { watch: &held, slot };
            work();
        }
    });
    result.map(drop).map_err(|cause| {
        watch.remove(&slot);
        Error::failed(format!("cannot start thread `{name}`: {cause}"))
    })
}

/// Waits for the stop.
pub(super) fn wait_for_stop(stop: &Stop) {
    wait([(stop.event(), PollFlags::IN)], Deadline::NEVER);
}

/// Waits for every thread to end: for as long as the shutdown deadline, and then a moment more, after every connection
/// was cut off.
pub(super) fn wait_for_end(serving: &Serving, watch: &Watch) -> Result<(), Error> {
    let ended = watch.wait_empty(serving.service.timeouts.shutdown) || {
        watch.cut_all();
        watch.wait_empty(Some(CUT_OFF))
    };
    watch.close();
    if ended { Ok(()) } else { Err(left_behind(&watch.in_handlers())) }
}

/// What a server says of handlers that did not return.
pub(super) fn left_behind(handlers: &[String]) -> Error {
    let error = Error::failed(match handlers {
        [] => "stopped, but a connection did not end in time".to_owned(),
        handlers => format!("stopped, but left behind what never returned: {}", handlers.join("; ")),
    });
    error.help("a handler that waits must have a deadline of its own: native code cannot be interrupted")
}
