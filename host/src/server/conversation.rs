//! One HTTP/1 connection on a thread that may wait: what `single` and `threaded` do with an accepted socket.
//!
//! Whenever the thread waits, it also waits for its own event: then it lets go of what a swap asks it to let go of.

mod answering;
mod head;
mod reading;
mod writer;

use super::Serving;
use super::socket::Socket;
use super::threads::PluginThread;
use super::wait::{Deadline, wait};
use super::watch::{Slot, TooLate};
use crate::access_log::{Began, Sent};
use crate::exchange::{Exchange, Plan, Progress};
use crate::h1::{self, Connection, Refusal};
use crate::request_id;
use crate::spec::Timeouts;
use head::SocketHead;
use rustix::event::PollFlags;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::Waker;
use std::time::Duration;

/// How long a client may go on sending after it was refused, so that it reads the answer before the connection is reset.
const LINGER: Duration = Duration::from_millis(500);

/// An answer that went out.
struct Answered {
    /// Of its request.
    id: request_id::Text,
    status: u16,
    /// Of its body.
    bytes: u64,
}

/// Why a connection ends without an answer.
enum Broken {
    /// Gone, or too slow to be answered.
    Gone,
    /// Answered with a refusal.
    Refused(Refusal),
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<TooLate> for Broken {
    fn from(_: TooLate) -> Self {
        Self::Gone
    }
}

/// Serves a connection until it ends. `others` becomes readable when somebody else waits to be served and this client
/// should not be waited for between two requests.
pub(super) fn serve(
    socket: &Socket,
    serving: &Serving,
    slot: &Slot,
    others: Option<BorrowedFd<'_>>,
    thread: &PluginThread,
) {
    serve_while(socket, serving, slot, others, thread, &|| true);
}

/// The same. `may_go_on` is asked with each answer whether the client may ask again; if it may not, the answer says so.
pub(super) fn serve_while(
    socket: &Socket,
    serving: &Serving,
    slot: &Slot,
    others: Option<BorrowedFd<'_>>,
    thread: &PluginThread,
    may_go_on: &dyn Fn() -> bool,
) {
    let head = SocketHead { head: h1::Head::default(), peer: socket.peer(), client: socket.client() };
    let task = thread.waker();
    let exchange = Exchange::new(&serving.service, head);
    let limits = &exchange.settings().limits;
    let limits = h1::Limits {
        head_bytes_max: limits.head_bytes,
        headers_max: limits.headers,
        uri_bytes_max: limits.uri_bytes,
        body_bytes_max: limits.body_bytes as u64,
    };
    let conversation = Conversation {
        socket,
        serving,
        slot,
        others,
        may_go_on,
        thread,
        task,
        http: Connection::new(limits),
        exchange,
        out: Vec::new(),
        served: 0,
        began: serving.access_log.begin(),
    };
    conversation.run();
}

struct Conversation<'a> {
    socket: &'a Socket,
    serving: &'a Serving,
    slot: &'a Slot,
    others: Option<BorrowedFd<'a>>,
    may_go_on: &'a dyn Fn() -> bool,
    thread: &'a PluginThread,
    task: Waker,
    http: Connection,
    exchange: Exchange<SocketHead>,
    out: Vec<u8>,
    served: u64,
    /// When the request at hand was read.
    began: Began,
}

impl Conversation<'_> {
    fn run(mut self) {
        loop {
            match self.request() {
                Ok(true) => {}
                Ok(false) | Err(Broken::Gone) => break,
                Err(Broken::Refused(refusal)) => {
                    self.refuse(refusal);
                    break;
                }
            }
        }
        self.linger();
    }

    fn timeouts(&self) -> &Timeouts {
        &self.exchange.settings().timeouts
    }

    /// One request and its answer; whether another may follow.
    fn request(&mut self) -> Result<bool, Broken> {
        if !self.read_head()? {
            return Ok(false);
        }
        self.began = self.serving.access_log.begin();
        if self.begin()? {
            self.call()?;
        }
        let Answered { id, status, bytes } = self.respond()?;
        self.log(&id, status, bytes, self.began);
        self.exchange.finish();
        self.served += 1;
        self.drain()
    }

    /// Finds the route and reads the body, if that is to be read first. `false`: it is answered already.
    fn begin(&mut self) -> Result<bool, Broken> {
        let until = Deadline::after(self.timeouts().handler);
        let (mut plan, mut has_body) = (self.exchange.begin(), false);
        loop {
            match plan {
                Plan::NoBody | Plan::Stream => return Ok(true),
                Plan::Whole => {
                    self.read_body()?;
                    has_body = true;
                }
                Plan::Gate if until.is_over() => {
                    self.exchange.is_late_at_gate();
                    return Ok(false);
                }
                Plan::Gate => self.wait_at_gate(until)?,
            }
            plan = if has_body { self.exchange.begin_with_body() } else { self.exchange.begin() };
        }
    }

    /// Waits until the state of the plugin has moved.
    fn wait_at_gate(&self, until: Deadline) -> Result<(), Broken> {
        while self.exchange.is_at_gate(&self.task) && !until.is_over() {
            let socket = (self.socket.as_fd(), PollFlags::RDHUP);
            let [woken, socket] = wait([(self.thread.event(), PollFlags::IN), socket], until);
            if !woken.is_empty() {
                self.thread.work(|| {});
            }
            if !socket.is_empty() {
                return Err(Broken::Gone);
            }
        }
        Ok(())
    }

    /// Calls the handler, and goes on until it has answered.
    fn call(&mut self) -> Result<(), Broken> {
        let deadline = Deadline::after(self.timeouts().handler);
        let service = &self.serving.service;
        let in_flight = service.enter(&self.exchange.settings().limits);
        let mut progress = match &in_flight {
            Some(_) => self.watched(|exchange, _| exchange.call())?,
            None => self.exchange.busy(),
        };
        while progress == Progress::Pending {
            progress = match self.watched(Exchange::poll)? {
                Progress::Ready => Progress::Ready,
                Progress::Pending => self.wait_for_progress(deadline)?,
            };
        }
        Ok(())
    }

    /// Lets a handler run, watched.
    fn watched<T>(&mut self, work: impl FnOnce(&mut Exchange<SocketHead>, &Waker) -> T) -> Result<T, Broken> {
        let Some(route) = self.exchange.route() else { return Ok(work(&mut self.exchange, &self.task)) };
        self.slot.is_for(self.exchange.number());
        self.slot.enter(route);
        let done = work(&mut self.exchange, &self.task);
        if let Err(late) = self.slot.leave() {
            self.exchange.has_failed();
            self.log(self.exchange.id(), 504, 0, self.began);
            return Err(late.into());
        }
        Ok(done)
    }

    /// Waits until the handler is woken, the client sends what the handler wants of its body, or is gone.
    fn wait_for_progress(&mut self, deadline: Deadline) -> Result<Progress, Broken> {
        // A handler that is woken again and again has no more time than another.
        if deadline.is_over() {
            return Ok(self.exchange.time_out());
        }
        let wants_body = self.exchange.pipe().is_some_and(|pipe| pipe.is_wanted());
        if wants_body && self.feed()? {
            return Ok(Progress::Pending);
        }
        let flags = if wants_body { PollFlags::IN | PollFlags::RDHUP } else { PollFlags::RDHUP };
        let [woken, socket] =
            wait([(self.thread.event(), PollFlags::IN), (self.socket.as_fd(), flags)], deadline);
        if woken.is_empty() && socket.is_empty() {
            return Ok(self.exchange.time_out());
        }
        if !woken.is_empty() {
            self.thread.work(|| {});
        }
        if socket.contains(PollFlags::IN) {
            self.receive()?;
        } else if !socket.is_empty() {
            // The client is gone: nobody would read the answer, so its work is dropped with the exchange.
            return Err(Broken::Gone);
        }
        Ok(Progress::Pending)
    }

    fn refuse(&mut self, refusal: Refusal) {
        crate::date::with_now(|date| self.http.refuse(&mut self.out, refusal, date));
        let _ = self.flush();
        self.log(self.exchange.id(), refusal.status, 0, self.serving.access_log.begin());
    }

    /// Ends the connection so that what was sent is read: stops sending, and takes for a moment what still comes.
    fn linger(self) {
        self.socket.shutdown(Shutdown::Write);
        let deadline = Deadline::after(Some(LINGER));
        let mut waste = [0; 4096];
        while !deadline.is_over() && self.wait_for(PollFlags::IN, deadline) {
            match self.socket.read(&mut waste) {
                Ok(0) => return,
                Ok(_) => {}
                Err(cause) if is_retry(&cause) => {}
                Err(_) => return,
            }
        }
    }

    fn log(&self, id: &str, status: u16, bytes: u64, began: Began) {
        if self.serving.access_log.is_on() {
            let sent = Sent { id, status, bytes, took: began.took() };
            self.serving.access_log.write(self.exchange.head(), &sent);
        }
    }
}

fn is_retry(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Whether an answer of that status never has a body.
pub(super) fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}
