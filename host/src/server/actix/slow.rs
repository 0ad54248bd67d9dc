//! Requests that are not answered at once: those with a body, a pending answer, or a handler that blocks.

use super::body::{ActixExchange, AnswerBody, BoxedExchange, log};
use super::connection::Guard;
use super::owned::OwnedHead;
use super::respond::respond;
use super::service::{announces_more, finish, is_blocking, plain, reads_body, refuse};
use super::worker::Worker;
use crate::access_log::Began;
use crate::exchange::{Exchange, Head, Plan, Progress};
use crate::request_body::BodyPipe;
use crate::server::pace::Pace;
use crate::server::watch::Crew;
use crate::service::Settings;
use actix_http::{Payload, Response, StatusCode};
use actix_web::rt::time::{Sleep, sleep};
use futures_core::Stream;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

pub(super) struct Request {
    pub(super) worker: Rc<Worker>,
    pub(super) exchange: BoxedExchange,
    pub(super) payload: Payload,
    pub(super) plan: Plan,
    /// Its handler was called, and answers later.
    pub(super) is_called: bool,
    pub(super) guard: Option<Rc<Guard>>,
    pub(super) began: Began,
}

impl Request {
    /// Sees the request through. Dropped when the client goes away: the handler's work is dropped with it.
    pub(super) async fn answer(mut self) -> Response<AnswerBody> {
        match self.begin().await {
            Err(status) => return refuse(&self.worker, self.exchange, self.guard, self.began, status),
            Ok(false) => return finish(&self.worker, self.exchange, self.guard, self.began),
            Ok(true) => {}
        }
        if !self.is_called && is_blocking(&self.exchange) {
            return self.answer_elsewhere().await;
        }
        match self.see_through().await {
            Ok(()) => finish(&self.worker, self.exchange, self.guard, self.began),
            Err(status) => refuse(&self.worker, self.exchange, self.guard, self.began, status),
        }
    }

    /// Waits at a gate and reads the body, if that is to be. `false`: it is answered already.
    async fn begin(&mut self) -> Result<bool, StatusCode> {
        let mut has_body = false;
        loop {
            match self.plan {
                Plan::NoBody | Plan::Stream => return Ok(true),
                Plan::Whole => {
                    read_body(&mut self.exchange, &mut self.payload).await?;
                    has_body = true;
                }
                Plan::Gate => {
                    let limit = self.exchange.settings().timeouts.handler;
                    if !pass_gate(&self.exchange, limit).await {
                        self.exchange.is_late_at_gate();
                        return Ok(false);
                    }
                }
            }
            self.plan = if has_body { self.exchange.begin_with_body() } else { self.exchange.begin() };
            if !has_body && reads_body(self.plan) && announces_more(&self.exchange) {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
        }
    }

    /// Polls the handler, and feeds it the body that it reads by itself, until it has answered or its time is over. An
    /// error: the status for a body that is malformed or too large, or for a client that has left.
    async fn see_through(&mut self) -> Result<(), StatusCode> {
        let Settings { limits, timeouts, .. } = *self.exchange.settings();
        let mut deadline = timeouts.handler.map(|timeout| Box::pin(sleep(timeout)));
        let body_max = limits.body_bytes as u64;
        let mut feeder = Feeder::new(body_max);
        poll_fn(|cx| {
            if !self.is_called {
                self.is_called = true;
                if self.worker.watched(&mut self.exchange, self.guard.as_ref(), Exchange::call)
                    == Progress::Ready
                {
                    return Poll::Ready(Ok(()));
                }
            }
            loop {
                let poll = |exchange: &mut ActixExchange| exchange.poll(cx.waker());
                if self.worker.watched(&mut self.exchange, self.guard.as_ref(), poll) == Progress::Ready {
                    return Poll::Ready(Ok(()));
                }
                let fed = self.exchange.pipe().is_some_and(|pipe| feeder.feed(pipe, &mut self.payload, cx));
                if let Some(status) = feeder.refused {
                    return Poll::Ready(Err(status));
                }
                if !fed {
                    break;
                }
            }
            let is_late = deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready());
            if is_late && self.exchange.time_out() == Progress::Ready {
                return Poll::Ready(Ok(()));
            }
            match &self.guard {
                Some(guard) if guard.has_left() => {
                    guard.end();
                    Poll::Ready(Err(client_has_left()))
                }
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Calls the handler on a thread of the host's. Its head is copied: actix's own cannot leave this thread.
    async fn answer_elsewhere(mut self) -> Response<AnswerBody> {
        let service = self.worker.shared.serving.service.clone();
        let timeout = self.exchange.settings().timeouts.handler;
        let mut exchange = Exchange::new(&service, OwnedHead::from(self.exchange.head()));
        exchange.take_over(&mut self.exchange);
        while exchange.begin_with_body() == Plan::Gate {
            if !pass_gate(&exchange, timeout).await {
                self.exchange.is_late_at_gate();
                return finish(&self.worker, self.exchange, self.guard, self.began);
            }
        }
        let (answer, answered) = tokio::sync::oneshot::channel();
        let watch = self.worker.shared.watch.clone();
        // From now on, and not from when its turn comes: the end of the server waits for it.
        let place = watch.place();
        self.worker.shared.blocking.run(move || {
            let _place = place;
            let slot = watch.slot(Crew::Pool, None);
            if let Some(route) = exchange.route() {
                slot.is_for(exchange.number());
                slot.enter(route);
            }
            let progress = exchange.call();
            let _ = slot.leave();
            // Nobody waits any more when the client is gone or was answered with a 504.
            let _ = answer.send((exchange, progress));
        });
        let mut clock = Clock::new(timeout);
        let mut answered = pin!(answered);
        let answer = poll_fn(|cx| match answered.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer.ok()),
            Poll::Pending => clock.poll(cx).map(|()| None),
        });
        let (mut exchange, progress) = match answer.await {
            Some(answer) => answer,
            None => {
                self.exchange.fail_anew(504, "the handler did not answer in time");
                return finish(&self.worker, self.exchange, self.guard, self.began);
            }
        };
        if progress == Progress::Pending {
            poll_pending(&mut exchange, timeout).await;
        }
        self.finish_owned(exchange)
    }

    fn finish_owned(self, mut exchange: Exchange<OwnedHead>) -> Response<AnswerBody> {
        let shared = &self.worker.shared;
        let response = respond(&mut exchange, shared.serving.stop.is_retiring());
        let status = exchange.answer().status();
        let mut body = if exchange.answer().is_streamed() {
            let log = super::body::StreamLog { shared: shared.clone(), began: self.began, sent: 0 };
            AnswerBody::stream(exchange, log)
        } else {
            let body = AnswerBody::whole(&mut exchange);
            log(shared, &exchange, status, body.len(), self.began);
            body
        };
        self.worker.put_back(self.exchange);
        match response {
            Ok(response) => {
                body.guard = self.guard;
                response.set_body(body)
            }
            Err(status) => plain(status, self.guard),
        }
    }
}

/// Reads the whole body of a request, at the pace of its client; or the status for one that is too slow, too large or malformed.
pub(super) async fn read_body<H: Head>(
    exchange: &mut Exchange<H>,
    payload: &mut Payload,
) -> Result<(), StatusCode> {
    let Settings { limits, timeouts, .. } = *exchange.settings();
    let mut received = 0;
    let mut clock = Clock::new(timeouts.body);
    loop {
        let chunk = poll_fn(|cx| match Pin::new(&mut *payload).poll_next(cx) {
            Poll::Ready(chunk) => Poll::Ready(Ok(chunk)),
            Poll::Pending => clock.poll(cx).map(|()| Err(StatusCode::REQUEST_TIMEOUT)),
        });
        let Some(chunk) = chunk.await? else { return Ok(()) };
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        received += chunk.len() as u64;
        clock.pace.moved(chunk.len());
        if received > limits.body_bytes as u64 {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        exchange.body.push(&chunk, limits.body_memory).map_err(|cause| {
            tracing::error!("cannot spill a request body to a file: {cause}");
            StatusCode::INSUFFICIENT_STORAGE
        })?;
    }
}

/// Waits until the state of the plugin has moved; `false`: that takes too long.
pub(super) async fn pass_gate<H: Head>(exchange: &Exchange<H>, limit: Option<Duration>) -> bool {
    let mut clock = Clock::new(limit);
    poll_fn(|cx| match exchange.is_at_gate(cx.waker()) {
        false => Poll::Ready(true),
        true => clock.poll(cx).map(|()| false),
    })
    .await
}

async fn poll_pending<H: Head>(exchange: &mut Exchange<H>, timeout: Option<Duration>) {
    let mut clock = Clock::new(timeout);
    poll_fn(|cx| {
        if exchange.poll(cx.waker()) == Progress::Ready {
            return Poll::Ready(());
        }
        match clock.poll(cx) {
            Poll::Ready(()) if exchange.time_out() == Progress::Ready => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
}

/// What nginx calls it, in the log: nobody reads it.
pub(super) fn client_has_left() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Hands on what arrives of a body while the handler wants it.
pub(super) struct Feeder {
    received: u64,
    body_max: u64,
    /// Why the body is not handed on any more.
    pub(super) refused: Option<StatusCode>,
}

impl Feeder {
    pub(super) fn new(body_max: u64) -> Self {
        Self { received: 0, body_max, refused: None }
    }

    /// Whether anything was handed on: then the handler is polled again.
    pub(super) fn feed(&mut self, pipe: &Arc<BodyPipe>, payload: &mut Payload, cx: &mut Context<'_>) -> bool {
        if !pipe.is_wanted() {
            return false;
        }
        match Pin::new(payload).poll_next(cx) {
            Poll::Pending => return false,
            Poll::Ready(None) => pipe.end(),
            Poll::Ready(Some(Ok(chunk))) => {
                self.received += chunk.len() as u64;
                if self.received > self.body_max {
                    self.refused = Some(StatusCode::PAYLOAD_TOO_LARGE);
                    return false;
                }
                pipe.push(chunk.to_vec());
            }
            Poll::Ready(Some(Err(_))) => {
                self.refused = Some(StatusCode::BAD_REQUEST);
                return false;
            }
        }
        true
    }
}

/// A deadline that is pushed back while bytes move.
struct Clock {
    pace: Pace,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    fn new(timeout: Option<Duration>) -> Self {
        Self { pace: Pace::new(timeout), sleep: None }
    }

    /// Ready when the deadline is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.pace.due() else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(actix_web::rt::time::sleep_until(due.into())));
        if sleep.deadline() != due.into() {
            sleep.as_mut().reset(due.into());
        }
        sleep.as_mut().poll(cx)
    }
}
