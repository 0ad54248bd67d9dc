//! Event loops: a thread each, with the connections that it was given.

use super::connection;
use super::io::Io;
use super::service::Handling;
use super::worker::{Shared, Worker};
use crate::error::Error;
use crate::server::handler_threads::HandlerThreads;
use crate::server::listening::Bound;
use crate::server::socket::Socket;
use crate::server::threads::{self, Ending};
use crate::server::watch::{self, Crew, Watched};
use crate::service::Settings;
use actix_http::{HttpService, KeepAlive};
use actix_web::dev::{Service, ServiceFactory};
use futures_util::future::{Either, select};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What actix takes for "no deadline".
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long a client may go on reading after its connection was ended.
const DISCONNECT: Duration = Duration::from_secs(1);

/// How long an acceptor waits before it looks again whether a connection has ended, or its listener is closing.
const MOMENT: Duration = Duration::from_millis(20);

/// All event loops.
pub(super) struct Loops {
    shared: Arc<Shared>,
    loops: Vec<EventLoop>,
}

struct EventLoop {
    slot: Arc<Watched>,
    load: Arc<Load>,
    messages: UnboundedSender<Message>,
}

enum Message {
    /// Serve a connection.
    Serve(Socket, Place),
    /// The server ends.
    Ending(Ending),
}

/// The connections of a loop: those that it serves, and those that it was given.
#[derive(Default)]
struct Load {
    connections: AtomicUsize,
    none_left: Notify,
}

impl Load {
    fn count(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// Waits until there are none.
    async fn none(&self) {
        while self.count() > 0 {
            self.none_left.notified().await;
        }
    }
}

/// The place of a connection: in the server, and in its loop.
pub(super) struct Place {
    load: Arc<Load>,
    _of_server: watch::Place,
}

impl Place {
    fn take(load: &Arc<Load>, of_server: watch::Place) -> Self {
        load.connections.fetch_add(1, Ordering::AcqRel);
        Self { load: load.clone(), _of_server: of_server }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.load.connections.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.load.none_left.notify_one();
        }
    }
}

impl Loops {
    /// Starts them.
    pub(super) fn start(shared: &Arc<Shared>) -> Result<Self, Error> {
        let closing = shared.handlers.clone().map(|handlers| Arc::new(Closing(handlers)));
        let loops = (0..shared.serving.workers).map(|_| EventLoop::start(shared, closing.clone()));
        Ok(Self { shared: shared.clone(), loops: loops.collect::<Result<_, _>>()? })
    }

    /// Gives a connection to the loop that has the fewest. One whose handler does not return gets no more.
    pub(super) fn serve(&self, socket: Socket, bound: &Bound) {
        let watch = &self.shared.watch;
        let max = || self.shared.serving.service.settings().limits.connections;
        while !watch.wait_below(max(), MOMENT) && !bound.is_closing() {}
        let best = self.loops.iter().min_by_key(|one| (one.slot.is_stuck(), one.load.count()));
        if let Some(best) = best {
            let place = Place::take(&best.load, watch.connection());
            // Its receiver is there until it has no connection, and none will come.
            let _ = best.messages.send(Message::Serve(socket, place));
        }
    }

    /// The server ends.
    pub(super) fn tell(&self, ending: Ending) {
        for one in &self.loops {
            let _ = one.messages.send(Message::Ending(ending));
        }
    }
}

/// Closes the handler threads when the last loop has ended, with all that it served.
struct Closing(HandlerThreads);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl EventLoop {
    fn start(shared: &Arc<Shared>, closing: Option<Arc<Closing>>) -> Result<Self, Error> {
        let (messages, received) = unbounded_channel();
        let (slot, load) = (Arc::new(shared.watch.slot(Crew::Loops, None)), Arc::new(Load::default()));
        let runtime =
            runtime().map_err(|cause| Error::failed(format!("cannot start an event loop: {cause}")))?;
        let (of_thread, its_slot, its_load) = (shared.clone(), slot.clone(), load.clone());
        threads::spawn("actix", &shared.watch, move || {
            let serve = async { serve_all(Worker::new(of_thread, its_slot), &its_load, received).await };
            actix_web::rt::Runtime::from(runtime).block_on(serve);
            drop(closing);
        })?;
        Ok(Self { slot, load, messages })
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Serves connections until there are none any more, and none will come; or every one is to end, whatever it is at.
async fn serve_all(worker: Rc<Worker>, load: &Load, mut messages: UnboundedReceiver<Message>) {
    let (mut http, mut retires) = (Http::new(worker), false);
    while let Some(message) = next(&mut messages, retires.then_some(load)).await {
        match message {
            Message::Serve(socket, place) => http.serve(socket, place).await,
            Message::Ending(Ending::Retire) => retires = true,
            Message::Ending(Ending::Stop) => connection::let_go_of_quiet_ones(),
            Message::Ending(Ending::CutOff) => return,
        }
    }
}

/// The next message; none: that load has no connection left.
async fn next(messages: &mut UnboundedReceiver<Message>, load: Option<&Load>) -> Option<Message> {
    let Some(load) = load else { return messages.recv().await };
    match select(pin!(messages.recv()), pin!(load.none())).await {
        Either::Left((message, _)) => message,
        Either::Right(_) => None,
    }
}

/// A connection that is served, from its first byte to its end.
type Connection = Pin<Box<dyn Future<Output = ()>>>;

/// Serves connections.
type Serve = Box<dyn Fn(Io) -> Connection>;

/// The HTTP of actix, made for some settings: connections have those that are current when they begin.
struct Http {
    worker: Rc<Worker>,
    made_for: Option<(Settings, Serve)>,
}

impl Http {
    fn new(worker: Rc<Worker>) -> Self {
        Self { worker, made_for: None }
    }

    async fn serve(&mut self, socket: Socket, place: Place) {
        let serving = &self.worker.shared.serving;
        let settings = serving.service.settings();
        let Ok(io) = Io::of(socket, place, settings.timeouts, &serving.stop) else { return };
        if self.made_for.as_ref().is_none_or(|(made_for, _)| *made_for != settings) {
            self.made_for = make(&self.worker, &settings).await.map(|serve| (settings, serve));
        }
        if let Some((_, serve)) = &self.made_for {
            actix_web::rt::spawn(serve(io));
        }
    }
}

async fn make(worker: &Rc<Worker>, settings: &Settings) -> Option<Serve> {
    let timeouts = &settings.timeouts;
    let http = HttpService::build()
        .keep_alive(timeouts.keep_alive.map_or(KeepAlive::Os, KeepAlive::Timeout))
        .client_request_timeout(timeouts.head.unwrap_or(NEVER))
        .client_disconnect_timeout(DISCONNECT)
        // A client may say that it sends no more and still read; who waits for a handler looks whether it has left.
        .h1_allow_half_closed(true)
        .on_connect_ext(|io: &Io, extensions| drop(extensions.insert(io.guard().clone())))
        .h1(Handling::factory(worker.clone()));
    let http = http.new_service(()).await.ok()?;
    Some(Box::new(move |io| {
        let peer: Option<SocketAddr> = io.peer();
        let connection = http.call((io, peer));
        // Its errors are its client's.
        Box::pin(async move { drop(connection.await) })
    }))
}
