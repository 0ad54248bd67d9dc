//! One request, seen from its event loop.

use super::ending::{Ending, Refused};
use super::errand::{self, Begun, Limit, Lost, watched};
use super::signal::Signal;
use super::{Parcel, PoolExchange, Pooled};
use crate::access_log::Began;
use crate::exchange::{Plan, Progress};
use crate::request_body::BodyPipe;
use crate::server::actix::body::AnswerBody;
use crate::server::actix::connection::Guard;
use crate::server::actix::head::ActixHead;
use crate::server::actix::owned::OwnedHead;
use crate::server::actix::service::{announces_more, over_limits, reads_body};
use crate::server::actix::slow::{Feeder, client_has_left, pass_gate, read_body};
use crate::server::actix::worker::{InFlight, Worker};
use crate::server::handler_threads::HandlerThreads;
use crate::server::watch::Slot;
use actix_http::{Payload, Response, StatusCode};
use actix_web::rt::time::{Sleep, sleep_until};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long after its deadline a handler that is being polled just then may take, to be ended as one that is at rest.
const GRACE: Duration = Duration::from_millis(250);

/// How long an app's own page for a late handler may take.
const PAGE: Duration = Duration::from_secs(1);

/// A request that is to be answered.
pub(in crate::server::actix) struct Asked {
    worker: Rc<Worker>,
    threads: HandlerThreads,
    exchange: Parcel,
    head: Arc<OwnedHead>,
    payload: Payload,
    guard: Option<Rc<Guard>>,
    began: Began,
}

/// What came of the first errand of a request.
enum Called {
    /// It has to begin anew, with this.
    Again(Plan),
    Ready,
    /// Called at that moment; the signal says when to go on.
    Pending(Arc<Signal>, Instant),
}

/// What ends the wait of a handler that is pending.
enum Event {
    Woken,
    Late,
    Refused(StatusCode),
}

impl Asked {
    pub(in crate::server::actix) fn new(
        worker: &Rc<Worker>,
        pooled: &Pooled,
        head: &ActixHead,
        payload: Payload,
        guard: Option<Rc<Guard>>,
        began: Began,
    ) -> Self {
        let exchange = pooled.take(&worker.shared, head);
        let (worker, threads, head) = (worker.clone(), pooled.threads.clone(), exchange.head().clone());
        Self { worker, threads, exchange, head, payload, guard, began }
    }

    /// Sees the request through. Dropped when the client goes away: the handler's work is dropped with it.
    pub(in crate::server::actix) async fn answer(self, head: ActixHead) -> Response<AnswerBody> {
        let Self { worker, threads, mut exchange, head: shared_head, payload, guard, began } = self;
        let limits = exchange.settings().limits;
        let over = over_limits(&head, &limits);
        drop(head);
        let in_flight = InFlight::begin(&worker, &limits);
        let mut answering = Answering { threads, payload, guard: guard.clone() };
        let id_header = exchange.settings().request_id;
        let plan = over.is_none().then(|| exchange.begin());
        // Not before it has begun: that gives it its number.
        let id = *exchange.id();
        let answered = match (over, plan, &in_flight) {
            (Some(status), ..) => Err(Refused::Plainly(status)),
            (None, Some(plan), Some(_)) => answering.see_through(exchange, plan).await,
            (None, ..) => {
                exchange.refuse_as_busy();
                Ok(exchange)
            }
        };
        let ending = Ending { worker, head: shared_head, id, id_header, guard, began };
        match answered {
            Ok(exchange) => ending.finish(exchange, &answering.threads),
            Err(refused) => ending.refuse(&refused),
        }
    }
}

/// A request on its way to its answer.
struct Answering {
    threads: HandlerThreads,
    payload: Payload,
    guard: Option<Rc<Guard>>,
}

impl Answering {
    /// Reads the body, waits at gates, and has the handler called as often as it takes.
    async fn see_through(&mut self, mut exchange: Parcel, mut plan: Plan) -> Result<Parcel, Refused> {
        let mut has_body = false;
        loop {
            if exchange.is_own_page() {
                exchange.call();
                return Ok(exchange);
            }
            if !has_body && reads_body(plan) && announces_more(&exchange) {
                return Err(StatusCode::PAYLOAD_TOO_LARGE.into());
            }
            match plan {
                Plan::Whole => {
                    read_body(&mut exchange, &mut self.payload).await?;
                    has_body = true;
                }
                Plan::Gate => {
                    if !pass_gate(&exchange, timeout(&exchange)).await {
                        exchange.is_late_at_gate();
                        return Ok(exchange);
                    }
                }
                Plan::NoBody | Plan::Stream => match self.call(exchange, plan, has_body).await? {
                    (back, Called::Ready) => return Ok(back),
                    (back, Called::Pending(signal, at)) => return self.go_on(back, signal, at).await,
                    (back, Called::Again(again)) => {
                        (exchange, plan) = (back, again);
                        continue;
                    }
                },
            }
            plan = if has_body { exchange.begin_with_body() } else { exchange.begin() };
        }
    }

    /// Has a thread call the handler, in its turn.
    async fn call(
        &self,
        mut exchange: Parcel,
        plan: Plan,
        has_body: bool,
    ) -> Result<(Parcel, Called), Refused> {
        exchange.pass_on();
        let limit = Limit::Each(timeout(&exchange));
        let call = move |exchange: &mut PoolExchange, slot: &Slot| call(exchange, slot, plan, has_body);
        match errand::begin(&self.threads, exchange, call) {
            Ok(away) => Ok(away.back(limit).await?),
            Err(mut exchange) => {
                exchange.refuse_as_busy();
                Ok((exchange, Called::Ready))
            }
        }
    }

    /// Has a thread poll the handler whenever it can go on, and feeds it the body that it reads by itself, until it has
    /// answered or its time is over.
    async fn go_on(
        &mut self,
        mut exchange: Parcel,
        signal: Arc<Signal>,
        called: Instant,
    ) -> Result<Parcel, Refused> {
        let due = timeout(&exchange).and_then(|timeout| called.checked_add(timeout));
        let mut deadline = due.map(|due| Box::pin(sleep_until(due.into())));
        let mut feeder = Feeder::new(exchange.settings().limits.body_bytes as u64);
        loop {
            let pipe = exchange.pipe().cloned();
            let mut begun = Begun::keep(exchange, &self.threads);
            let event = self.wait(pipe.as_ref(), &signal, &mut feeder, deadline.as_mut()).await;
            let Some(back) = begun.take() else { return Err(Lost::Panicked.into()) };
            let progress;
            (exchange, progress) = match event {
                Event::Woken => self.poll(back, &signal, due).await?,
                Event::Late => self.time_out(back).await?,
                Event::Refused(status) => {
                    drop(Begun::keep(back, &self.threads));
                    return Err(status.into());
                }
            };
            if progress == Progress::Ready {
                return Ok(exchange);
            }
        }
    }

    async fn poll(
        &self,
        exchange: Parcel,
        signal: &Arc<Signal>,
        due: Option<Instant>,
    ) -> Result<(Parcel, Progress), Lost> {
        let waker = signal.waker();
        let poll = move |exchange: &mut PoolExchange, slot: &Slot| {
            watched(exchange, slot, |exchange| exchange.poll(&waker))
        };
        let due = due.and_then(|due| due.checked_add(GRACE));
        errand::go_on(&self.threads, exchange, poll).back(Limit::Until(due)).await.map_err(Lost::once_begun)
    }

    async fn time_out(&self, exchange: Parcel) -> Result<(Parcel, Progress), Lost> {
        let due = Instant::now().checked_add(PAGE);
        let end = |exchange: &mut PoolExchange, slot: &Slot| watched(exchange, slot, PoolExchange::time_out);
        errand::go_on(&self.threads, exchange, end).back(Limit::Until(due)).await.map_err(Lost::once_begun)
    }

    /// Waits until a handler that is pending can go on, or is not to.
    async fn wait(
        &mut self,
        pipe: Option<&Arc<BodyPipe>>,
        signal: &Signal,
        feeder: &mut Feeder,
        mut deadline: Option<&mut Pin<Box<Sleep>>>,
    ) -> Event {
        poll_fn(|cx| {
            if deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
                return Poll::Ready(Event::Late);
            }
            if signal.is_called(cx) || pipe.is_some_and(|pipe| feeder.feed(pipe, &mut self.payload, cx)) {
                return Poll::Ready(Event::Woken);
            }
            if let Some(status) = feeder.refused {
                return Poll::Ready(Event::Refused(status));
            }
            match &self.guard {
                Some(guard) if guard.has_left() => {
                    guard.end();
                    Poll::Ready(Event::Refused(client_has_left()))
                }
                _ => Poll::Pending,
            }
        })
        .await
    }
}

/// How long a handler may take, by the table that the exchange looked at last.
fn timeout(exchange: &PoolExchange) -> Option<Duration> {
    exchange.settings().timeouts.handler
}

/// On a thread: begins with the generation that is current by now, and calls its handler.
fn call(exchange: &mut PoolExchange, slot: &Slot, plan: Plan, has_body: bool) -> Called {
    let plan = if has_body { exchange.begin_with_body() } else { exchange.resume(plan) };
    if !matches!(plan, Plan::NoBody | Plan::Stream) {
        return Called::Again(plan);
    }
    let called = Instant::now();
    if watched(exchange, slot, PoolExchange::call) == Progress::Ready {
        return Called::Ready;
    }
    let signal = Arc::<Signal>::default();
    let waker = signal.waker();
    match watched(exchange, slot, |exchange| exchange.poll(&waker)) {
        Progress::Ready => Called::Ready,
        Progress::Pending => Called::Pending(signal, called),
    }
}
