//! One HTTP/1 connection on a thread that may wait: what `single` and `threaded` do with an accepted socket.

mod head;
mod writer;

use super::Serving;
use super::pace::Pace;
use super::socket::Socket;
use super::wait::{Deadline, Wakeup, wait};
use super::watch::{Slot, TooLate};
use crate::access_log::Entry;
use crate::exchange::{self, Exchange, OwnedBody, Plan, Progress};
use crate::h1::{self, BodyLength, BodyPart, Connection, HeadPoll, Next, Refusal};
use head::SocketHead;
use rustix::event::PollFlags;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use writer::Writer;

/// How long a client may go on sending after it was refused, so that it reads the answer before the connection is reset.
const LINGER: Duration = Duration::from_millis(500);

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
pub(super) fn serve(socket: &Arc<Socket>, serving: &Serving, slot: &Slot, others: Option<BorrowedFd<'_>>) {
    let Ok(wakeup) = Wakeup::new() else { return };
    let limits = &serving.service.limits;
    let limits = h1::Limits {
        head_bytes_max: limits.head_bytes,
        headers_max: limits.headers,
        uri_bytes_max: limits.uri_bytes,
        body_bytes_max: limits.body_bytes as u64,
    };
    let head = SocketHead { head: h1::Head::default(), peer: socket.peer() };
    let task = Waker::from(wakeup.clone());
    let exchange = Exchange::new(&serving.service, head);
    let conversation = Conversation {
        socket,
        serving,
        slot,
        others,
        wakeup,
        task,
        http: Connection::new(limits),
        exchange,
        out: Vec::new(),
        served: 0,
        began: Instant::now(),
    };
    conversation.run();
}

struct Conversation<'a> {
    socket: &'a Socket,
    serving: &'a Serving,
    slot: &'a Slot,
    others: Option<BorrowedFd<'a>>,
    wakeup: Arc<Wakeup>,
    task: Waker,
    http: Connection,
    exchange: Exchange<SocketHead>,
    out: Vec<u8>,
    served: u64,
    /// When the request at hand was read.
    began: Instant,
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

    /// One request and its answer; whether another may follow.
    fn request(&mut self) -> Result<bool, Broken> {
        if !self.read_head()? {
            return Ok(false);
        }
        self.began = Instant::now();
        match self.exchange.begin() {
            Plan::Whole => self.read_body()?,
            Plan::NoBody | Plan::Stream => {}
        }
        self.call()?;
        let (status, bytes) = self.respond()?;
        self.log(status, bytes, self.began);
        self.exchange.finish();
        self.served += 1;
        self.drain()
    }

    /// Waits for a head. The first one of a connection has the head's deadline from the start; later ones have it from
    /// their first byte, after waiting between two requests for as long as the connection is kept.
    fn read_head(&mut self) -> Result<bool, Broken> {
        let mut deadline = Deadline::after(self.serving.service.timeouts.head);
        let mut is_idle = self.served > 0 && self.http.is_idle();
        if is_idle {
            deadline = Deadline::after(self.serving.service.timeouts.keep_alive);
        }
        loop {
            match self.http.poll_head(&mut self.exchange.head_mut().head)? {
                HeadPoll::Ready => return Ok(true),
                HeadPoll::Closed => return Ok(false),
                HeadPoll::NeedMore => {}
            }
            let is_quiet = self.http.is_idle();
            if is_idle && !is_quiet {
                (is_idle, deadline) = (false, Deadline::after(self.serving.service.timeouts.head));
            }
            match self.wait_for_head(is_quiet, is_idle, deadline) {
                true => self.receive()?,
                // Nobody is answered who has not asked: the connection is only closed.
                false if is_quiet => return Ok(false),
                false => return Err(Refusal::TIMEOUT.into()),
            }
        }
    }

    /// Whether bytes arrived. A connection on which no request has begun ends at once when the server stops, and one that
    /// is kept between two requests also when somebody else waits.
    fn wait_for_head(&self, is_quiet: bool, is_kept: bool, deadline: Deadline) -> bool {
        let socket = self.socket.as_fd();
        let stop = if is_quiet { self.serving.stop.event() } else { socket };
        let others = self.others.filter(|_| is_kept).unwrap_or(socket);
        let ready = wait([(socket, PollFlags::IN), (stop, PollFlags::IN), (others, PollFlags::IN)], deadline);
        // A descriptor that stands there twice may be ready at its second place only, and a request may come just behind
        // the stop: who has asked is served.
        !ready[0].is_empty() || self.wait_for(PollFlags::IN, Deadline::after(Some(Duration::ZERO)))
    }

    /// Reads what there is.
    fn receive(&mut self) -> Result<(), Broken> {
        match self.socket.read(self.http.read_buf()) {
            Ok(0) => self.http.eof(),
            Ok(count) => self.http.filled(count),
            Err(cause) if is_retry(&cause) => {}
            Err(cause) => return Err(cause.into()),
        }
        Ok(())
    }

    /// Reads the whole body of a request.
    fn read_body(&mut self) -> Result<(), Broken> {
        let mut pace = Pace::new(self.serving.service.timeouts.body);
        let memory_max = self.serving.service.limits.body_memory;
        loop {
            match self.http.poll_body()? {
                BodyPart::End => return Ok(()),
                BodyPart::Data(data) => {
                    pace.moved(data.len());
                    if let Err(cause) = self.exchange.body.push(data, memory_max) {
                        tracing::error!("cannot spill a request body to a file: {cause}");
                        return Err(Refusal::new(507, "there is no room for the body").into());
                    }
                }
                BodyPart::NeedMore => {
                    self.send_continue()?;
                    if !self.wait_for(PollFlags::IN, Deadline::at(pace.due())) {
                        return Err(Refusal::TIMEOUT.into());
                    }
                    self.receive()?;
                }
            }
        }
    }

    fn send_continue(&mut self) -> Result<(), Broken> {
        if self.http.wants_continue() {
            self.http.write_continue(&mut self.out);
            self.flush()?;
        }
        Ok(())
    }

    /// Waits for the socket alone; false when the deadline is over.
    fn wait_for(&self, flags: PollFlags, deadline: Deadline) -> bool {
        let [ready] = wait([(self.socket.as_fd(), flags)], deadline);
        !ready.is_empty()
    }

    /// Calls the handler, and goes on until it has answered.
    fn call(&mut self) -> Result<(), Broken> {
        let deadline = Deadline::after(self.serving.service.timeouts.handler);
        let service = &self.serving.service;
        let in_flight = service.enter();
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
        self.slot.enter(route);
        let done = work(&mut self.exchange, &self.task);
        if let Err(late) = self.slot.leave() {
            self.log(504, 0, self.began);
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
            wait([(self.wakeup.event(), PollFlags::IN), (self.socket.as_fd(), flags)], deadline);
        if woken.is_empty() && socket.is_empty() {
            return Ok(self.exchange.time_out());
        }
        if !woken.is_empty() {
            self.wakeup.clear();
        }
        if socket.contains(PollFlags::IN) {
            self.receive()?;
        } else if !socket.is_empty() {
            // The client is gone: nobody would read the answer, so its work is dropped with the exchange.
            return Err(Broken::Gone);
        }
        Ok(Progress::Pending)
    }

    /// Hands on what is here of a streamed body; false if nothing is.
    fn feed(&mut self) -> Result<bool, Broken> {
        self.send_continue()?;
        let Some(pipe) = self.exchange.pipe() else { return Ok(false) };
        match self.http.poll_body() {
            Ok(BodyPart::Data(data)) => pipe.push(data.to_vec()),
            Ok(BodyPart::End) => pipe.end(),
            Ok(BodyPart::NeedMore) => return Ok(false),
            Err(refusal) => {
                pipe.fail();
                return Err(refusal.into());
            }
        }
        Ok(true)
    }

    /// Writes the answer: its status and the bytes of its body that went out.
    fn respond(&mut self) -> Result<(u16, u64), Broken> {
        self.start()?;
        let answer = self.exchange.answer();
        let (status, is_streamed) = (answer.status(), answer.is_streamed());
        let mut writer = Writer::new(self.socket, &self.serving.service, &mut self.http, &mut self.out);
        let mut sent = writer.send(answer.body(), is_streamed)?;
        let is_bare = exchange::Head::method(self.exchange.head()) == "HEAD" || is_bodiless(status);
        // Nothing of a stream would go out, so nothing would ever end one that has no end.
        if is_streamed && !is_bare {
            sent += self.send_stream()?;
        }
        let _ = self.http.finish(&mut self.out);
        self.flush()?;
        Ok((status, if is_bare { 0 } else { sent }))
    }

    fn start(&mut self) -> Result<(), Broken> {
        let answer = self.exchange.answer();
        let length = match answer.is_streamed() {
            true => BodyLength::Unknown,
            false => BodyLength::Known(answer.body().len() as u64),
        };
        let close = [(&b"connection"[..], &b"close"[..])];
        let close = if self.serving.stop.is_requested() { &close[..] } else { &[] };
        let headers = answer.headers().chain(close.iter().copied());
        let (http, out) = (&mut self.http, &mut self.out);
        let started =
            crate::date::with_now(|date| http.start_response(out, answer.status(), headers, length, date));
        if let Err(error) = started {
            tracing::error!(request = self.exchange.id(), "cannot send the answer of the handler: {error}");
            return Err(Refusal::new(500, "the handler's answer cannot be sent").into());
        }
        Ok(())
    }

    fn send_stream(&mut self) -> Result<u64, Broken> {
        let mut sent = 0;
        while let Some(chunk) = self.next_chunk()? {
            let mut writer = Writer::new(self.socket, &self.serving.service, &mut self.http, &mut self.out);
            sent += writer.send(chunk.as_ref(), true)?;
        }
        Ok(sent)
    }

    /// The next chunk of a streamed answer. What was written so far goes out before anybody waits for more.
    fn next_chunk(&mut self) -> Result<Option<OwnedBody>, Broken> {
        loop {
            match self.watched(Exchange::poll_chunk)? {
                Poll::Ready(None) => return Ok(None),
                Poll::Ready(Some(Ok(chunk))) => return Ok(Some(chunk)),
                Poll::Ready(Some(Err(_))) => {
                    tracing::error!(
                        request = self.exchange.id(),
                        "the handler's stream failed: the answer is cut short"
                    );
                    self.flush()?;
                    return Err(Broken::Gone);
                }
                Poll::Pending => self.wait_for_chunk()?,
            }
        }
    }

    /// A stream may be quiet for as long as it likes, until its client goes away or the server stops.
    fn wait_for_chunk(&mut self) -> Result<(), Broken> {
        self.flush()?;
        let socket = (self.socket.as_fd(), PollFlags::RDHUP);
        let [woken, socket] = wait([(self.wakeup.event(), PollFlags::IN), socket], Deadline::NEVER);
        if !socket.is_empty() {
            return Err(Broken::Gone);
        }
        if !woken.is_empty() {
            self.wakeup.clear();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Broken> {
        Writer::new(self.socket, &self.serving.service, &mut self.http, &mut self.out).flush(&[])
    }

    /// Reads what is left of the request's body; whether another request may follow.
    fn drain(&mut self) -> Result<bool, Broken> {
        let deadline = Deadline::after(self.serving.service.timeouts.body);
        loop {
            match self.http.response_done() {
                Next::Request => return Ok(true),
                Next::Close => return Ok(false),
                Next::Drain => {
                    if !self.wait_for(PollFlags::IN, deadline) {
                        return Ok(false);
                    }
                    self.receive()?;
                }
            }
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        crate::date::with_now(|date| self.http.refuse(&mut self.out, refusal, date));
        let _ = self.flush();
        self.log(refusal.status, 0, Instant::now());
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

    fn log(&self, status: u16, bytes: u64, began: Instant) {
        if !self.serving.access_log.is_on() {
            return;
        }
        use exchange::Head as _;
        let head = self.exchange.head();
        self.serving.access_log.write(&Entry {
            peer: &head.peer,
            method: head.method(),
            target: head.target(),
            version: head.version(),
            status,
            bytes,
            took: began.elapsed(),
        });
    }
}

fn is_retry(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Whether an answer of that status never has a body.
pub(super) fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}
