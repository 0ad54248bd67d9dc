//! Stopping, from anywhere: a signal, another thread, a handler; and retiring, when another process takes over.
//!
//! Bottle's `run()` has no stop. Here a [`Stop`] has two steps, each of which happens once and is for ever: a descriptor that
//! becomes readable, so that a thread in `poll` sees it next to its sockets, and a list of callbacks for those who do not poll.

use crate::error::Error;
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// A handle that ends the server that runs; clones are the same handle.
#[derive(Clone)]
pub struct Stop(Arc<Inner>);

struct Inner {
    retired: Latch,
    requested: Latch,
}

impl Stop {
    /// A handle that nobody has used yet.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner { retired: Latch::new()?, requested: Latch::new()? })))
    }

    /// Somebody else takes new connections from now on. Those that are here have one more answer, which says that it was the
    /// last; after the drain deadline it is as if the stop had been asked for.
    pub fn retire(&self) {
        self.0.retired.fall();
    }

    /// Whether no connection is to have a further request: the server retires, or stops.
    pub fn is_retiring(&self) -> bool {
        self.0.retired.has_fallen()
    }

    /// Readable from the moment the server is to take no more connections: it retires, or stops.
    pub fn retiring_event(&self) -> BorrowedFd<'_> {
        self.0.retired.event.as_fd()
    }

    /// Asks for the stop and returns at once: what runs is finished, and connections without a request end. The second and
    /// every later call does nothing.
    pub fn request(&self) {
        self.0.retired.fall();
        self.0.requested.fall();
    }

    /// Whether the stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.requested.has_fallen()
    }

    /// Readable from the moment the stop is asked for.
    pub fn event(&self) -> BorrowedFd<'_> {
        self.0.requested.event.as_fd()
    }

    /// Calls back when the stop is asked for: at once if it was already.
    pub fn on_request(&self, callback: impl FnOnce() + Send + 'static) {
        self.0.requested.on_fall(Box::new(callback));
    }
}

type Callback = Box<dyn FnOnce() + Send>;

/// Something that happens once.
struct Latch {
    fallen: AtomicBool,
    event: OwnedFd,
    callbacks: Mutex<Vec<Callback>>,
}

impl Latch {
    fn new() -> Result<Self, Error> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|cause| {
            Error::failed(format!("cannot make the event that stops the server: {cause}"))
        })?;
        Ok(Self { fallen: AtomicBool::new(false), event, callbacks: Mutex::default() })
    }

    fn fall(&self) {
        if self.fallen.swap(true, Ordering::SeqCst) {
            return;
        }
        // The event is never read, so it stays readable for every thread that polls it, now and later.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        self.call_back();
    }

    fn has_fallen(&self) -> bool {
        self.fallen.load(Ordering::SeqCst)
    }

    fn on_fall(&self, callback: Callback) {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).push(callback);
        if self.has_fallen() {
            self.call_back();
        }
    }

    fn call_back(&self) {
        let callbacks = std::mem::take(&mut *self.callbacks.lock().unwrap_or_else(PoisonError::into_inner));
        callbacks.into_iter().for_each(|callback| callback());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_stop_retires_too_and_a_retirement_is_no_stop() {
        let stop = Stop::new().expect("a stop");
        assert!(!stop.is_retiring() && !stop.is_requested());
        stop.retire();
        assert!(stop.is_retiring() && !stop.is_requested());
        let stop = Stop::new().expect("a stop");
        stop.request();
        assert!(stop.is_retiring() && stop.is_requested());
    }

    #[test]
    fn who_asks_to_be_called_is_called_once_also_when_it_is_late() {
        let stop = Stop::new().expect("a stop");
        let (called, calls) = channel();
        let call = |number| {
            let called = called.clone();
            move || called.send(number).unwrap_or_default()
        };
        stop.on_request(call(1));
        stop.retire();
        assert!(calls.try_recv().is_err());
        stop.request();
        stop.request();
        stop.on_request(call(2));
        assert_eq!(calls.try_iter().collect::<Vec<_>>(), [1, 2]);
    }
}
