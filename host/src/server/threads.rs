//! Threads of a server, and its end: each holds a place in the watch, so that the end knows who is left.

use super::Serving;
use super::wait::{Deadline, Wakeup, wait};
use super::watch::Watch;
use crate::error::Error;
use crate::plugin_threads::{self, Joined};
use rustix::event::PollFlags;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::JoinHandle;
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
        Ok(Self::with(Wakeup::new()?))
    }

    /// The same, with an event that is there already.
    pub(super) fn with(wakeup: Arc<Wakeup>) -> Self {
        let wakes = wakeup.clone();
        Self { wakeup, joined: plugin_threads::join(move || wakes.wake_by_ref()) }
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

/// Starts a thread that the end of the server waits for.
pub(super) fn spawn(
    name: &str,
    watch: &Watch,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let place = watch.place();
    let work = move || {
        let _place = place;
        work();
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|cause| Error::failed(format!("cannot start thread `{name}`: {cause}")))
}

/// What remains for a server to do at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// No connection comes any more.
    Retire,
    /// Connections on which nothing happens are to end.
    Stop,
    /// Every connection is to end, whatever it is at.
    CutOff,
}

/// Waits until the server is to end, and then for its end: while it retires for as long as the drain deadline, from the stop on for
/// as long as the shutdown deadline, and then a moment more, after every connection was cut off.
pub(super) fn see_out(serving: &Serving, watch: &Watch, tell: impl Fn(Ending)) -> Result<(), Error> {
    let Serving { stop, .. } = serving;
    wait([(stop.retiring_event(), PollFlags::IN)], Deadline::NEVER);
    // Clients are refused at once while others are still served, or somebody else lets them in.
    serving.listening.close();
    tell(Ending::Retire);
    let timeouts = serving.service.settings().timeouts;
    watch.wait_retired(stop, timeouts.drain);
    stop.request();
    tell(Ending::Stop);
    let ended = watch.wait_empty(timeouts.shutdown) || {
        watch.cut_all();
        tell(Ending::CutOff);
        watch.wait_empty(Some(CUT_OFF))
    };
    watch.close();
    if ended { Ok(()) } else { Err(left_behind(&watch.in_handlers())) }
}

/// What a server says of handlers that did not return.
fn left_behind(handlers: &[String]) -> Error {
    let error = Error::failed(match handlers {
        [] => "stopped, but a connection did not end in time".to_owned(),
        handlers => format!("stopped, but left behind what never returned: {}", handlers.join("; ")),
    });
    error.help("a handler that waits must have a deadline of its own: native code cannot be interrupted")
}
