//! Our handler as the service of actix's HTTP: no second router, no boxed future for a handler that answers at once.

use super::body::{ActixExchange, AnswerBody, BoxedExchange, StreamLog, log};
use super::connection::Guard;
use super::head::ActixHead;
use super::pooled;
use super::respond::respond;
use super::slow;
use super::worker::{InFlight, Worker};
use crate::access_log::Began;
use crate::exchange::{Exchange, Head, Plan, Progress};
use actix_http::{Payload, Request, Response, StatusCode};
use actix_web::dev::{Service, ServiceFactory, fn_factory};
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The service of one worker.
pub(super) struct Handling(Rc<Worker>);

impl Handling {
    pub(super) fn factory(
        worker: Rc<Worker>,
    ) -> impl ServiceFactory<
        Request,
        Config = (),
        Service = Handling,
        Response = Response<AnswerBody>,
        Error = Infallible,
        InitError = (),
    > {
        fn_factory(move || ready(Ok::<_, ()>(Self(worker.clone()))))
    }
}

impl Service<Request> for Handling {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, mut request: Request) -> Self::Future {
        let worker = &self.0;
        let began = worker.shared.serving.access_log.begin();
        let payload = request.take_payload();
        let guard = request.conn_data::<Rc<Guard>>().cloned();
        if let Some(guard) = &guard {
            guard.busy();
        }
        let peer = request.peer_addr();
        let head = ActixHead { request: Some(request), peer };
        if let Some(pooled) = &worker.pooled {
            let asked = pooled::Asked::new(worker, pooled, &head, payload, guard, began);
            return Answering::Later(Box::pin(asked.answer(head)));
        }
        let mut exchange = worker.take();
        *exchange.head_mut() = head;
        Answering::of(worker, exchange, payload, guard, began)
    }
}

/// The answer to come: at once, for most.
pub(super) enum Answering {
    Now(Option<Response<AnswerBody>>),
    Later(Pin<Box<dyn Future<Output = Response<AnswerBody>>>>),
}

impl Answering {
    fn of(
        worker: &Rc<Worker>,
        mut exchange: BoxedExchange,
        payload: Payload,
        guard: Option<Rc<Guard>>,
        began: Began,
    ) -> Self {
        if let Some(refused) = over_limits(exchange.head(), &exchange.settings().limits) {
            return Self::Now(Some(refuse(worker, exchange, guard, began, refused)));
        }
        let plan = exchange.begin();
        if reads_body(plan) && announces_more(&exchange) {
            return Self::Now(Some(refuse(worker, exchange, guard, began, StatusCode::PAYLOAD_TOO_LARGE)));
        }
        let Some(in_flight) = InFlight::begin(worker, &exchange.settings().limits) else {
            exchange.busy();
            return Self::Now(Some(finish(worker, exchange, guard, began)));
        };
        let is_called = plan == Plan::NoBody && !is_blocking(&exchange);
        if is_called && worker.watched(&mut exchange, guard.as_ref(), Exchange::call) == Progress::Ready {
            return Self::Now(Some(finish(worker, exchange, guard, began)));
        }
        let request =
            slow::Request { worker: worker.clone(), exchange, payload, plan, is_called, guard, began };
        Self::Later(Box::pin(async move {
            let _in_flight = in_flight;
            request.answer().await
        }))
    }
}

impl Future for Answering {
    type Output = Result<Response<AnswerBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Now(response) => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            Self::Later(answer) => answer.as_mut().poll(cx).map(Ok),
        }
    }
}

/// Makes actix's response of an answer that is ready, and puts the exchange back.
pub(super) fn finish(
    worker: &Rc<Worker>,
    mut exchange: BoxedExchange,
    guard: Option<Rc<Guard>>,
    began: Began,
) -> Response<AnswerBody> {
    let response = respond(&mut exchange, worker.shared.serving.stop.is_retiring());
    let answer = exchange.answer();
    let (status, is_streamed) = (answer.status(), answer.is_streamed());
    let mut body = if is_streamed {
        let log = StreamLog { shared: worker.shared.clone(), began, sent: 0 };
        AnswerBody::stream(*exchange, log)
    } else {
        let body = AnswerBody::whole(&mut exchange);
        log(&worker.shared, &exchange, status, body.len(), began);
        worker.put_back(exchange);
        body
    };
    match response {
        Ok(response) => {
            body.guard = guard;
            response.set_body(body)
        }
        Err(status) => plain(status, guard),
    }
}

/// Answers a request that is not served, and ends its connection.
pub(super) fn refuse(
    worker: &Rc<Worker>,
    exchange: BoxedExchange,
    guard: Option<Rc<Guard>>,
    began: Began,
    status: StatusCode,
) -> Response<AnswerBody> {
    log(&worker.shared, &exchange, status.as_u16(), 0, began);
    worker.put_back(exchange);
    plain(status, guard)
}

/// A bare refusal.
pub(super) fn plain(status: StatusCode, guard: Option<Rc<Guard>>) -> Response<AnswerBody> {
    let text = status.canonical_reason().unwrap_or_default();
    let mut response = Response::new(status).set_body(AnswerBody::refusal(text, guard));
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    response
}

/// actix has larger limits of its own; these are the spec's.
pub(super) fn over_limits(head: &ActixHead, limits: &crate::spec::Limits) -> Option<StatusCode> {
    let request = head.request.as_ref()?;
    // `CONNECT host:port`, and what actix takes for a host where a path should stand.
    if request.uri().path().is_empty() {
        let is_connect = head.method().eq_ignore_ascii_case("CONNECT");
        return Some(if is_connect { StatusCode::NOT_IMPLEMENTED } else { StatusCode::BAD_REQUEST });
    }
    if head.target().len() > limits.uri_bytes {
        return Some(StatusCode::URI_TOO_LONG);
    }
    let headers = &request.head().headers;
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > limits.headers || bytes + head.target().len() > limits.head_bytes {
        return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    None
}

/// Whether the route's handler is to run on a thread of the host's.
pub(super) fn is_blocking(exchange: &ActixExchange) -> bool {
    exchange.route().is_some_and(|route| route.blocking)
}

/// Whether anything of the body is wanted.
pub(super) fn reads_body(plan: Plan) -> bool {
    matches!(plan, Plan::Whole | Plan::Stream)
}

/// Whether the client says itself that its body is larger than the limit.
pub(super) fn announces_more<H: Head>(exchange: &Exchange<H>) -> bool {
    let body_bytes_max = exchange.settings().limits.body_bytes as u64;
    let announced =
        exchange.head().header(b"content-length").and_then(|length| std::str::from_utf8(length).ok());
    announced.is_some_and(|length| length.parse().map_or(true, |length: u64| length > body_bytes_max))
}
