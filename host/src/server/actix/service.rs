//! Our handler as the service of actix's HTTP server: no second router, no boxed future for a handler that answers at
//! once.

use super::body::{ActixExchange, AnswerBody, StreamLog, log};
use super::carried;
use super::connection::Guard;
use super::head::ActixHead;
use super::respond::respond;
use super::slow;
use crate::error::Error;
use crate::exchange::{Exchange, Head, Plan, Progress};
use crate::plugin_threads;
use crate::server::Serving;
use crate::server::blocking_pool::BlockingPool;
use crate::server::threads::left_behind;
use crate::server::watch::{Slot, Watch};
use actix_http::{Payload, Request, Response, StatusCode};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_factory_with_config};
use actix_web::dev::AppConfig;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How many exchanges a worker keeps for the next requests.
const EXCHANGES_KEPT_MAX: usize = 64;

/// How long to look at the last handlers at least.
const LOOKS: Duration = Duration::from_millis(250);

/// How long to wait before they are looked at again.
const MOMENT: Duration = Duration::from_millis(5);

/// How many threads handlers that block may have, where `threads` says nothing.
const BLOCKING_THREADS_MAX: usize = 256;

/// What all workers share.
pub(super) struct Shared {
    pub(super) serving: Serving,
    pub(super) watch: Watch,
    pub(super) blocking: BlockingPool,
}

impl Shared {
    pub(super) fn new(serving: Serving) -> Self {
        let watch = Watch::start(serving.service.timeouts.handler);
        let blocking = BlockingPool::new(serving.threads.unwrap_or(BLOCKING_THREADS_MAX));
        Self { serving, watch, blocking }
    }

    /// The end of the server: an error if handlers are left that do not return in time. They are of clients that are gone
    /// or were answered with a 504, so that actix waits for none of them.
    pub(super) fn finish(&self, until: Option<Instant>) -> Result<(), Error> {
        // A handler that is being polled just now is not stuck: it takes several looks to know.
        let until = until.map(|until| until.max(Instant::now() + LOOKS));
        loop {
            let handlers = self.watch.in_handlers();
            if !handlers.is_empty() && until.is_none_or(|until| Instant::now() < until) {
                std::thread::sleep(MOMENT);
                continue;
            }
            self.watch.close();
            return if handlers.is_empty() { Ok(()) } else { Err(left_behind(&handlers)) };
        }
    }
}

/// The service of one worker.
pub(super) struct Handling(pub(super) Rc<Worker>);

pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) slot: Arc<Slot>,
    spare: RefCell<Vec<ActixExchange>>,
    in_flight: Cell<usize>,
    in_flight_max: usize,
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Rc<Self> {
        let slot = shared.watch.slot(None, false);
        let in_flight_max = shared.serving.service.limits.in_flight.div_ceil(shared.serving.workers);
        let worker =
            Rc::new(Self { shared, slot, spare: RefCell::default(), in_flight: Cell::new(0), in_flight_max });
        actix_rt::spawn(work(Rc::downgrade(&worker)));
        worker
    }

    /// A table was published: lets go of what is held of older ones.
    fn refresh(&self) {
        self.spare.borrow_mut().iter_mut().for_each(ActixExchange::refresh);
        carried::copy_retiring();
    }

    fn take(&self) -> ActixExchange {
        let spare = self.spare.borrow_mut().pop();
        spare.unwrap_or_else(|| Exchange::new(&self.shared.serving.service, ActixHead::default()))
    }

    pub(super) fn put_back(&self, mut exchange: ActixExchange) {
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
        work: impl FnOnce(&mut ActixExchange) -> T,
    ) -> T {
        let guard = exchange.head().request.as_ref().and_then(Request::conn_data::<Rc<Guard>>);
        let Some(route) = exchange.route() else { return work(exchange) };
        self.slot.enter_on(route, guard.map(|guard| guard.fd));
        let done = work(exchange);
        // Cut off or not, the answer is handed to actix: it notices that the connection is gone.
        let _ = self.slot.leave();
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
    fn begin(worker: &Rc<Worker>) -> Option<Self> {
        if worker.in_flight.get() >= worker.in_flight_max {
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

impl Handling {
    pub(super) fn factory(
        shared: Arc<Shared>,
    ) -> impl ServiceFactory<
        Request,
        Config = AppConfig,
        Service = Handling,
        Response = Response<AnswerBody>,
        Error = actix_web::Error,
        InitError = (),
    > {
        fn_factory_with_config(move |_: AppConfig| {
            let service = Handling(Worker::new(shared.clone()));
            async move { Ok::<_, ()>(service) }
        })
        .into_factory()
    }
}

impl Service<Request> for Handling {
    type Response = Response<AnswerBody>;
    type Error = actix_web::Error;
    type Future = Answering;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, mut request: Request) -> Self::Future {
        let worker = &self.0;
        let began = Instant::now();
        let payload = request.take_payload();
        let guard = request.conn_data::<Rc<Guard>>().cloned();
        if let Some(guard) = &guard {
            guard.busy();
        }
        let mut exchange = worker.take();
        let peer = request.peer_addr();
        *exchange.head_mut() = ActixHead { request: Some(request), peer };
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
        mut exchange: ActixExchange,
        payload: Payload,
        guard: Option<Rc<Guard>>,
        began: Instant,
    ) -> Self {
        let limits = &worker.shared.serving.service.limits;
        if let Some(refused) = over_limits(exchange.head(), limits) {
            return Self::Now(Some(refuse(worker, exchange, guard, began, refused)));
        }
        let plan = exchange.begin();
        if reads_body(plan) && announces_more(exchange.head(), limits.body_bytes as u64) {
            return Self::Now(Some(refuse(worker, exchange, guard, began, StatusCode::PAYLOAD_TOO_LARGE)));
        }
        let Some(in_flight) = InFlight::begin(worker) else {
            exchange.busy();
            return Self::Now(Some(finish(worker, exchange, guard, began)));
        };
        let is_called = plan == Plan::NoBody && !is_blocking(&exchange);
        if is_called && worker.watched(&mut exchange, Exchange::call) == Progress::Ready {
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
    type Output = Result<Response<AnswerBody>, actix_web::Error>;

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
    mut exchange: ActixExchange,
    guard: Option<Rc<Guard>>,
    began: Instant,
) -> Response<AnswerBody> {
    let response = respond(&mut exchange, worker.shared.serving.stop.is_requested());
    let answer = exchange.answer();
    let (status, is_streamed) = (answer.status(), answer.is_streamed());
    let mut body = if is_streamed {
        let log = StreamLog { shared: worker.shared.clone(), began, sent: 0 };
        AnswerBody::stream(exchange, log)
    } else {
        let body = AnswerBody::whole(&mut exchange);
        log(&worker.shared, exchange.head(), status, body.len(), began);
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
    exchange: ActixExchange,
    guard: Option<Rc<Guard>>,
    began: Instant,
    status: StatusCode,
) -> Response<AnswerBody> {
    log(&worker.shared, exchange.head(), status.as_u16(), 0, began);
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
fn over_limits(head: &ActixHead, limits: &crate::spec::Limits) -> Option<StatusCode> {
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
pub(super) fn announces_more(head: &ActixHead, body_bytes_max: u64) -> bool {
    let announced = head.header(b"content-length").and_then(|length| std::str::from_utf8(length).ok());
    announced.is_some_and(|length| length.parse().map_or(true, |length: u64| length > body_bytes_max))
}
