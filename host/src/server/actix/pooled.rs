//! Requests whose handlers are called on threads: the server `pool`.
//!
//! An exchange is one owned thing that may move between threads, so it does: with its request it is sent to the handler threads as an
//! [errand](errand::Errand), and comes back with what came of it. While it is away the loop has its head alone, which is
//! shared, and waits with a deadline. A handler that is pending holds no thread: its exchange is on the loop until its waker calls,
//! and then goes on an errand again. Whatever has begun and is given up is dropped on a thread, too.
//!
//! A request uses no generation while it waits in the queue: nothing of its plugin has run, and it may be answered by the next one.

mod ending;
mod errand;
mod request;
mod signal;
mod stream;

pub(super) use request::Asked;

use super::head::ActixHead;
use super::owned::OwnedHead;
use super::worker::{EXCHANGES_KEPT_MAX, Shared};
use crate::exchange::Exchange;
use crate::server::handler_threads::HandlerThreads;
use std::cell::RefCell;
use std::sync::Arc;

/// An exchange that may be anywhere.
type PoolExchange = Exchange<Arc<OwnedHead>>;

/// What is sent from thread to thread.
type Parcel = Box<PoolExchange>;

/// What the connections of one event loop share.
pub(super) struct Pooled {
    threads: HandlerThreads,
    spare: RefCell<Vec<Parcel>>,
}

impl Pooled {
    pub(super) fn new(threads: HandlerThreads) -> Self {
        Self { threads, spare: RefCell::default() }
    }

    /// A table was published: lets go of what is held of older ones.
    pub(super) fn refresh(&self) {
        self.spare.borrow_mut().iter_mut().for_each(|exchange| exchange.refresh());
    }

    /// An exchange for a request with that head.
    fn take(&self, shared: &Shared, head: &ActixHead) -> Parcel {
        let spare = self.spare.borrow_mut().pop();
        let mut exchange =
            spare.unwrap_or_else(|| Box::new(Exchange::new(&shared.serving.service, Arc::default())));
        let place = exchange.head_mut();
        match Arc::get_mut(place) {
            Some(owned) => owned.fill(head),
            None => *place = Arc::new(OwnedHead::from(head)),
        }
        exchange
    }

    /// Takes an exchange that is done with, for the next request.
    fn put_back(&self, mut exchange: Parcel) {
        exchange.finish();
        let mut spare = self.spare.borrow_mut();
        if spare.len() < EXCHANGES_KEPT_MAX {
            spare.push(exchange);
        }
    }
}
