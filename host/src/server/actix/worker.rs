//! What the connections of an event loop share, and what all loops do.

use super::body::{ActixExchange, BoxedExchange};
use super::carried;
use super::connection::Guard;
use super::head::ActixHead;
use super::pooled::Pooled;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::plugin_threads;
use crate::server::Serving;
use crate::server::blocking_pool::BlockingPool;
use crate::server::handler_threads::HandlerThreads;
use crate::server::watch::{Crew, Watch, Watched};
use crate::spec::Limits;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use tokio::sync::Notify;

/// How many exchanges a worker keeps for the next requests.
pub(super) const EXCHANGES_KEPT_MAX: usize = 64;

/// How many threads handlers that block may have, where `threads` says nothing.
const BLOCKING_THREADS_MAX: usize = 256;

/// What all workers share.
pub(super) struct Shared {
    pub(super) serving: Serving,
    pub(super) watch: Watch,
    pub(super) blocking: BlockingPool,
    /// Where all handlers are called; none: on the loops.
    pub(super) handlers: Option<HandlerThreads>,
}

impl Shared {
    /// Handlers are called on the loops, those that block on threads.
    pub(super) fn new(serving: Serving) -> Self {
        let threads = serving.threads.unwrap_or(BLOCKING_THREADS_MAX);
        let watch = start_watch(&serving, threads);
        Self { serving, watch, blocking: BlockingPool::new(threads), handlers: None }
    }

    /// All handlers are called on so many threads.
    pub(super) fn pooled(serving: Serving, threads: usize, queue_max: usize) -> Result<Self, Error> {
        let watch = start_watch(&serving, threads);
        let handlers = Some(HandlerThreads::start(&watch, threads, queue_max)?);
        Ok(Self { serving, watch, blocking: BlockingPool::new(0), handlers })
    }
}

fn start_watch(serving: &Serving, threads: usize) -> Watch {
    let loops = serving.workers;
    Watch::start(serving, move |crew| match crew {
        Crew::Loops => loops,
        Crew::Pool | Crew::Handlers => threads,
        Crew::Connections => usize::MAX,
    })
}

/// What the connections of one event loop share.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    slot: Arc<Watched>,
    spare: RefCell<Vec<BoxedExchange>>,
    in_flight: Cell<usize>,
    /// Where handlers are called on threads.
    pub(super) pooled: Option<Pooled>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, slot: Arc<Watched>) -> Rc<Self> {
        let (spare, in_flight) = (RefCell::default(), Cell::new(0));
        let pooled = shared.handlers.clone().map(Pooled::new);
        let worker = Rc::new(Self { shared, slot, spare, in_flight, pooled });
        actix_web::rt::spawn(work(Rc::downgrade(&worker)));
        worker
    }

    /// A table was published: lets go of what is held of older ones.
    fn refresh(&self) {
        self.spare.borrow_mut().iter_mut().for_each(|spare| spare.refresh());
        self.pooled.iter().for_each(Pooled::refresh);
        carried::copy_retiring();
    }

    pub(super) fn take(&self) -> BoxedExchange {
        let spare = self.spare.borrow_mut().pop();
        spare.unwrap_or_else(|| Box::new(Exchange::new(&self.shared.serving.service, ActixHead::default())))
    }

    pub(super) fn put_back(&self, mut exchange: BoxedExchange) {
        exchange.finish();
        *exchange.head_mut() = ActixHead::default();
        let mut spare = self.spare.borrow_mut();
        if spare.len() < EXCHANGES_KEPT_MAX {
            spare.push(exchange);
        }
    }

    /// Lets a handler run on this worker, watched.
    pub(super) fn watched<T>(
        &self,
        exchange: &mut ActixExchange,
        guard: Option<&Rc<Guard>>,
        work: impl FnOnce(&mut ActixExchange) -> T,
    ) -> T {
        let Some(route) = exchange.route() else { return work(exchange) };
        self.slot.is_for(exchange.number());
        self.slot.enter_on(route, guard.and_then(|guard| guard.fd()));
        let done = work(exchange);
        // The answer is handed to actix nevertheless: it notices that the connection is gone.
        if self.slot.leave().is_err() {
            exchange.returned_too_late();
        }
        done
    }
}

/// Does what this thread is asked for, for as long as its worker lives.
async fn work(worker: Weak<Worker>) {
    let asked = Arc::new(Notify::new());
    let ask = asked.clone();
    let joined = plugin_threads::join(move || ask.notify_one());
    joined.always_wants_refresh();
    while worker.strong_count() > 0 {
        asked.notified().await;
        joined.work(|| worker.upgrade().iter().for_each(|worker| worker.refresh()));
    }
}

/// One more request in flight, until it is dropped.
pub(super) struct InFlight(Rc<Worker>);

impl InFlight {
    pub(super) fn begin(worker: &Rc<Worker>, limits: &Limits) -> Option<Self> {
        // A part of the limit each, so that no counter is shared.
        let max = limits.in_flight.div_ceil(worker.shared.serving.workers);
        if worker.in_flight.get() >= max {
            return None;
        }
        worker.in_flight.set(worker.in_flight.get() + 1);
        Some(Self(worker.clone()))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
    }
}
