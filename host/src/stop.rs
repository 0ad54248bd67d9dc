//! Stopping, from anywhere: a signal, another thread, a handler.
//!
//! Bottle's `run()` has no stop. Here a [`Stop`] is one descriptor that becomes readable, once and for ever, so that a
//! thread in `poll` sees it next to its sockets, and a list of callbacks for those who do not poll.

use crate::error::Error;
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// A handle that stops the server that runs; clones are the same handle.
#[derive(Clone)]
pub struct Stop(Arc<Inner>);

type Callback = Box<dyn FnOnce() + Send>;

struct Inner {
    requested: AtomicBool,
    event: OwnedFd,
    callbacks: Mutex<Vec<Callback>>,
}

impl Stop {
    /// A handle that nobody has used yet.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> Result<Self, Error> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|cause| {
            Error::failed(format!("cannot make the event that stops the server: {cause}"))
        })?;
        Ok(Self(Arc::new(Inner { requested: AtomicBool::new(false), event, callbacks: Mutex::default() })))
    }

    /// Asks for the stop and returns at once. The second and every later call does nothing.
    pub fn request(&self) {
        if self.0.requested.swap(true, Ordering::SeqCst) {
            return;
        }
        // The event is never read, so it stays readable for every thread that polls it, now and later.
        let _ = rustix::io::write(&self.0.event, &1_u64.to_ne_bytes());
        for callback in self.take_callbacks() {
            callback();
        }
    }

    /// Whether the stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Readable from the moment the stop is asked for.
    pub fn event(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }

    /// Calls back when the stop is asked for: at once if it was already.
    pub fn on_request(&self, callback: impl FnOnce() + Send + 'static) {
        self.0.callbacks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(callback));
        if self.is_requested() {
            for callback in self.take_callbacks() {
                callback();
            }
        }
    }

    fn take_callbacks(&self) -> Vec<Callback> {
        std::mem::take(&mut *self.0.callbacks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
