//! Accepting connections: a thread for each listener, so that none starves another.

use super::listening::{Accepts, Bound};
use super::now_and_then::NowAndThen;
use super::socket::Socket;
use super::threads;
use super::wait::{Deadline, wait};
use super::watch::Watch;
use crate::error::Error;
use crate::listener::Listener;
use rustix::event::PollFlags;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long to wait when the process has no descriptor left: a connection that ends gives one back.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// How often it is said that there is none.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// Says that no connection can be accepted, as long as that is so: one for each server.
pub(super) struct CannotAccept(NowAndThen);

impl CannotAccept {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(NowAndThen::every(SAY_AGAIN)))
    }

    pub(super) fn say(&self, listener: &Listener, cause: &impl fmt::Display) {
        if self.0.is_time() {
            tracing::error!("cannot accept connections on {listener}: {cause}; who comes waits");
        }
    }
}

/// Calls back for each connection, which then waits until it has a place; that must not last longer than its listener.
pub(super) struct Acceptors<F> {
    watch: Watch,
    cannot: Arc<CannotAccept>,
    each: Arc<F>,
    threads: Mutex<Vec<(Arc<Bound>, JoinHandle<()>)>>,
}

impl<F: Fn(Socket, &Bound) + Send + Sync + 'static> Acceptors<F> {
    pub(super) fn new(watch: &Watch, cannot: &Arc<CannotAccept>, each: F) -> Arc<Self> {
        let (watch, cannot, each) = (watch.clone(), cannot.clone(), Arc::new(each));
        Arc::new(Self { watch, cannot, each, threads: Mutex::default() })
    }
}

impl<F: Fn(Socket, &Bound) + Send + Sync + 'static> Accepts for Acceptors<F> {
    fn begin(&self, bound: &Arc<Bound>) -> Result<(), Error> {
        let (each, cannot, of_thread) = (self.each.clone(), self.cannot.clone(), bound.clone());
        let accept = move || accept_until_closed(&of_thread, &cannot, &*each);
        let thread = threads::spawn("accept", &self.watch, accept)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push((bound.clone(), thread));
        Ok(())
    }

    fn end(&self, bound: &Arc<Bound>) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, thread) in threads.extract_if(.., |(of, _)| Arc::ptr_eq(of, bound)) {
            let _ = thread.join();
        }
    }
}

fn accept_until_closed(bound: &Bound, cannot: &CannotAccept, each: &impl Fn(Socket, &Bound)) {
    let listener = bound.listener();
    while !bound.is_closing() {
        match Socket::accept(listener) {
            Ok(socket) => each(socket, bound),
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                let fds = [listener.as_fd(), bound.closing_event()].map(|fd| (fd, PollFlags::IN));
                wait(fds, Deadline::NEVER);
            }
            Err(cause) if has_given_up(&cause) => {}
            Err(cause) => {
                cannot.say(listener, &cause);
                wait([(bound.closing_event(), PollFlags::IN)], Deadline::after(Some(PAUSE)));
            }
        }
    }
}

/// Whether the client gave up between its connect and the accept, or nothing happened at all: there may be another one.
pub(super) fn has_given_up(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}
