//! An exchange on its way to a handler thread and back.

use super::{Parcel, PoolExchange};
use crate::exchange::Exchange;
use crate::server::handler_threads::{HandlerThreads, Job};
use crate::server::watch::Slot;
use actix_web::rt::time::{Sleep, sleep_until};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Something to be done with an exchange on a handler thread.
struct Errand<T, W> {
    exchange: Parcel,
    work: W,
    turn: Turn,
    back: oneshot::Sender<(Parcel, T)>,
}

/// The loop's side: comes back with the exchange. Whoever drops it gives the errand up: if it waits for a thread, it is not
/// begun; in any case the exchange is dropped on that thread.
pub(super) struct Away<T> {
    turn: Turn,
    back: oneshot::Receiver<(Parcel, T)>,
    since: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// Whether a thread has taken an errand, known to both sides.
#[derive(Clone, Default)]
struct Turn(Arc<Mutex<Stage>>);

#[derive(Clone, Copy, Default, PartialEq)]
enum Stage {
    #[default]
    Waiting,
    Taken(Instant),
    GivenUp,
}

/// Why an exchange does not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// No thread took it in time.
    Waiting,
    /// It was taken, and takes too long.
    Late,
    /// The handler had begun long before, and no thread went on with it in time, or came back.
    Overdue,
    /// The host panicked.
    Panicked,
}

/// How long an errand may take.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// So long until a thread takes it, and so long from then on; none: for ever.
    Each(Option<Duration>),
    /// Until that moment, wherever it is by then; none: for ever.
    Until(Option<Instant>),
}

impl Turn {
    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a thread may begin.
    fn take(&self) -> bool {
        let mut stage = self.lock();
        let may = *stage == Stage::Waiting;
        if may {
            *stage = Stage::Taken(Instant::now());
        }
        may
    }

    /// Keeps it from being begun, if it was not; how far it was.
    fn give_up(&self) -> Stage {
        let mut stage = self.lock();
        let was = *stage;
        if was == Stage::Waiting {
            *stage = Stage::GivenUp;
        }
        was
    }
}

impl<T, W> Errand<T, W>
where
    T: Send + 'static,
    W: FnOnce(&mut PoolExchange, &Slot) -> T + Send + 'static,
{
    fn new(exchange: Parcel, work: W) -> (Box<Self>, Away<T>) {
        let (turn, (back, receiver)) = (Turn::default(), oneshot::channel());
        let away = Away { turn: turn.clone(), back: receiver, since: Instant::now(), sleep: None };
        (Box::new(Self { exchange, work, turn, back }), away)
    }
}

impl<T, W> Job for Errand<T, W>
where
    T: Send + 'static,
    W: FnOnce(&mut PoolExchange, &Slot) -> T + Send + 'static,
{
    fn run(self: Box<Self>, slot: &Slot) {
        let Self { mut exchange, work, turn, back } = *self;
        if turn.take() {
            let done = work(&mut exchange, slot);
            // Nobody waits any more when its client is gone or was answered: the exchange is dropped here.
            let _ = back.send((exchange, done));
        }
    }
}

/// Has a thread begin with a request, in its turn; the exchange again, when too many wait already.
pub(super) fn begin<T: Send + 'static>(
    threads: &HandlerThreads,
    exchange: Parcel,
    work: impl FnOnce(&mut PoolExchange, &Slot) -> T + Send + 'static,
) -> Result<Away<T>, Parcel> {
    let (errand, away) = Errand::new(exchange, work);
    match threads.begin(errand) {
        Ok(()) => Ok(away),
        Err(errand) => Err(errand.exchange),
    }
}

/// Has a thread go on with a request that has begun.
pub(super) fn go_on<T: Send + 'static>(
    threads: &HandlerThreads,
    exchange: Parcel,
    work: impl FnOnce(&mut PoolExchange, &Slot) -> T + Send + 'static,
) -> Away<T> {
    let (errand, away) = Errand::new(exchange, work);
    threads.go_on(errand);
    away
}

impl<T> Away<T> {
    /// Waits for the exchange.
    pub(super) async fn back(self, limit: Limit) -> Result<(Parcel, T), Lost> {
        let mut away = pin!(self);
        poll_fn(|cx| away.poll_back(limit, cx)).await
    }

    pub(super) fn poll_back(
        &mut self,
        limit: Limit,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Parcel, T), Lost>> {
        if let Poll::Ready(back) = Pin::new(&mut self.back).poll(cx) {
            return Poll::Ready(back.map_err(|_| Lost::Panicked));
        }
        loop {
            let Some(due) = self.due(limit) else { return Poll::Pending };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due.into())));
            if sleep.deadline() != due.into() {
                sleep.as_mut().reset(due.into());
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            match self.turn.give_up() {
                Stage::Taken(at) if limit.from(at).is_none_or(|due| due > Instant::now()) => {}
                Stage::Taken(_) => return Poll::Ready(Err(Lost::Late)),
                Stage::Waiting | Stage::GivenUp => return Poll::Ready(Err(Lost::Waiting)),
            }
        }
    }

    fn due(&self, limit: Limit) -> Option<Instant> {
        match *self.turn.lock() {
            Stage::Taken(at) => limit.from(at),
            Stage::Waiting | Stage::GivenUp => limit.from(self.since),
        }
    }
}

impl Lost {
    /// The same, of a request that had begun.
    pub(super) fn once_begun(self) -> Self {
        match self {
            Self::Waiting | Self::Late | Self::Overdue => Self::Overdue,
            Self::Panicked => Self::Panicked,
        }
    }
}

impl Limit {
    fn from(self, moment: Instant) -> Option<Instant> {
        match self {
            Self::Each(time) => moment.checked_add(time?),
            Self::Until(due) => due,
        }
    }
}

impl<T> Drop for Away<T> {
    fn drop(&mut self) {
        self.turn.give_up();
    }
}

/// An exchange that has begun, at rest on a loop. Dropped, it is given to a thread to be dropped there: what is pending in it is
/// its plugin's.
pub(super) struct Begun {
    exchange: Option<Parcel>,
    threads: HandlerThreads,
}

impl Begun {
    pub(super) fn keep(exchange: Parcel, threads: &HandlerThreads) -> Self {
        Self { exchange: Some(exchange), threads: threads.clone() }
    }

    /// It goes on.
    pub(super) fn take(&mut self) -> Option<Parcel> {
        self.exchange.take()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            self.threads.go_on(Box::new(End(exchange)));
        }
    }
}

/// Ends the request of an exchange, and the exchange.
struct End(Parcel);

impl Job for End {
    fn run(self: Box<Self>, _: &Slot) {
        drop(self.0);
    }
}

/// Lets a handler run, watched.
pub(super) fn watched<T>(
    exchange: &mut PoolExchange,
    slot: &Slot,
    work: impl FnOnce(&mut PoolExchange) -> T,
) -> T {
    let Some(route) = Exchange::route(exchange) else { return work(exchange) };
    slot.is_for(exchange.number());
    slot.enter(route);
    let done = work(exchange);
    // Late or not, it is the loop that answers: it has a deadline of its own.
    let _ = slot.leave();
    done
}
