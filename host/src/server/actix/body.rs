//! The body of an answer, as actix sends it.

use super::carried::Carried;
use super::connection::Guard;
use super::head::ActixHead;
use super::worker::Shared;
use crate::access_log::{Began, Sent};
use crate::exchange::{Exchange, Head, OwnedBody, StreamFailed};
use crate::scoreboard::Place;
use crate::server::conversation::is_bodiless;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A body shorter than this is copied, so that the plugin's buffer goes back at once: cheaper than to carry it.
const COPIED_BYTES_MAX: usize = 4096;

/// A longer body goes out in pieces of this size: actix asks for the next one when its buffer has been read, and so shows
/// that the client reads.
pub(super) const PIECE_BYTES_MAX: usize = 64 << 10;

/// How many empty chunks are passed over in one go.
const EMPTY_CHUNKS_MAX: usize = 32;

/// What follows the head of an answer.
pub(super) struct AnswerBody {
    bytes: Bytes,
    /// A large body that goes out piece by piece.
    carried: Option<Carried>,
    /// Its request is shown until it has gone out.
    _place: Option<Place>,
    stream: Option<Box<dyn Chunks>>,
    /// Told how far the answer is.
    pub(super) guard: Option<Rc<Guard>>,
    is_refusal: bool,
    /// There is none, whatever the handler answered with: 204, 205, 304. Or nobody asked for it: HEAD.
    is_bare: bool,
    /// Not even a length is said of it.
    is_none: bool,
}

/// Chunks of a streamed answer, whatever head its exchange has.
pub(super) trait Chunks {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<OwnedBody, StreamFailed>>>;
}

impl AnswerBody {
    /// A refusal, after which the connection ends.
    pub(super) fn refusal(text: &'static str, guard: Option<Rc<Guard>>) -> Self {
        Self::last(Bytes::from_static(text.as_bytes()), guard)
    }

    /// The same, with a page of the host's.
    pub(super) fn page(page: String, guard: Option<Rc<Guard>>) -> Self {
        Self::last(Bytes::from(page), guard)
    }

    fn last(bytes: Bytes, guard: Option<Rc<Guard>>) -> Self {
        Self {
            bytes,
            carried: None,
            _place: None,
            stream: None,
            guard,
            is_refusal: true,
            is_bare: false,
            is_none: false,
        }
    }

    /// The body of an answer that is complete.
    pub(super) fn whole<H: Head>(exchange: &mut Exchange<H>) -> Self {
        let status = exchange.answer().status();
        let is_bare = is_bodiless(status);
        let carried = if is_bare { None } else { Carried::of(exchange) };
        let bytes = if is_bare || carried.is_some() { Bytes::new() } else { whole(exchange) };
        Self {
            bytes,
            _place: carried.as_ref().map(|_| exchange.leave_place()),
            carried,
            stream: None,
            guard: None,
            is_refusal: false,
            is_bare,
            is_none: is_bare && status != 205,
        }
    }

    /// The body of an answer that goes on; the exchange lives until its end.
    pub(super) fn stream<H: Head>(exchange: Exchange<H>, log: StreamLog) -> Self {
        Self::of_chunks(exchange, log, |exchange, log| Box::new(Streaming { exchange, log }))
    }

    /// The same, with the chunks of whatever that makes of the exchange.
    pub(super) fn of_chunks<H: Head>(
        mut exchange: Exchange<H>,
        mut log: StreamLog,
        chunks: impl FnOnce(Exchange<H>, StreamLog) -> Box<dyn Chunks>,
    ) -> Self {
        let status = exchange.answer().status();
        let is_bare = is_bodiless(status) || exchange.head().method() == "HEAD";
        let is_none = is_bodiless(status);
        let first = if is_bare { Bytes::new() } else { whole(&mut exchange) };
        log.sent = first.len() as u64;
        Self {
            bytes: first,
            carried: None,
            _place: None,
            stream: Some(chunks(exchange, log)),
            guard: None,
            is_refusal: false,
            is_bare,
            is_none,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.carried.as_ref().map_or(self.bytes.len(), Carried::len) as u64
    }

    /// The next piece of what is here.
    fn piece(&mut self) -> Bytes {
        if self.stream.is_none() {
            return std::mem::take(&mut self.bytes);
        }
        self.guard.iter().for_each(|guard| guard.writing());
        self.bytes.split_to(self.bytes.len().min(PIECE_BYTES_MAX))
    }
}

fn whole<H: Head>(exchange: &mut Exchange<H>) -> Bytes {
    match exchange.answer().body() {
        [] => Bytes::new(),
        small if small.len() < COPIED_BYTES_MAX => Bytes::copy_from_slice(small),
        _ => match exchange.take_body() {
            Some(body) => Bytes::from_owner(body),
            None => Bytes::copy_from_slice(exchange.answer().body()),
        },
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        match &self.guard {
            Some(guard) if self.is_refusal => guard.refused(),
            Some(guard) => guard.quiet(),
            None => {}
        }
    }
}

impl MessageBody for AnswerBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        match &self.stream {
            _ if self.is_none => BodySize::None,
            Some(_) => BodySize::Stream,
            None => BodySize::Sized(self.len()),
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        if let Some(piece) = this.carried.as_ref().and_then(|carried| carried.piece(PIECE_BYTES_MAX)) {
            this.guard.iter().for_each(|guard| guard.writing());
            return Poll::Ready(Some(Ok(piece)));
        }
        if !this.bytes.is_empty() {
            return Poll::Ready(Some(Ok(this.piece())));
        }
        let Some(stream) = this.stream.as_mut().filter(|_| !this.is_bare) else { return Poll::Ready(None) };
        for _ in 0..EMPTY_CHUNKS_MAX {
            return match stream.poll_chunk(cx) {
                Poll::Pending => {
                    if this.guard.as_ref().is_some_and(|guard| guard.has_left()) {
                        return Poll::Ready(Some(Err("the client has left".into())));
                    }
                    // It may be quiet for as long as it likes.
                    this.guard.iter().for_each(|guard| guard.busy());
                    Poll::Pending
                }
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err("the handler's stream failed".into()))),
                // An empty chunk would end the body.
                Poll::Ready(Some(Ok(chunk))) if chunk.as_ref().is_empty() => continue,
                Poll::Ready(Some(Ok(chunk))) => {
                    this.bytes = Bytes::from_owner(chunk);
                    Poll::Ready(Some(Ok(this.piece())))
                }
            };
        }
        // It has nothing to say and is always ready: others on this worker come first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What the access line of a streamed answer says; written when the stream is dropped.
pub(super) struct StreamLog {
    pub(super) shared: Arc<Shared>,
    pub(super) began: Began,
    pub(super) sent: u64,
}

struct Streaming<H: Head> {
    exchange: Exchange<H>,
    log: StreamLog,
}

impl<H: Head> Chunks for Streaming<H> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<OwnedBody, StreamFailed>>> {
        let chunk = self.exchange.poll_chunk(cx.waker());
        match &chunk {
            Poll::Ready(Some(Ok(chunk))) => self.log.sent += chunk.as_ref().len() as u64,
            Poll::Ready(Some(Err(_))) => {
                tracing::error!(
                    request = &**self.exchange.id(),
                    "the handler's stream failed: the answer is cut short"
                );
            }
            _ => {}
        }
        chunk
    }
}

impl<H: Head> Drop for Streaming<H> {
    fn drop(&mut self) {
        let status = self.exchange.answer().status();
        log(&self.log.shared, &self.exchange, status, self.log.sent, self.log.began);
    }
}

/// Writes the access line of a request.
pub(super) fn log<H: Head>(shared: &Shared, exchange: &Exchange<H>, status: u16, bytes: u64, began: Began) {
    if shared.serving.access_log.is_on() {
        let (status, bytes) = if exchange.is_cut_off() { (504, 0) } else { (status, bytes) };
        log_as(shared, exchange.head(), exchange.id(), status, bytes, began);
    }
}

/// The same, of one whose exchange is elsewhere.
pub(super) fn log_as(shared: &Shared, head: &dyn Head, id: &str, status: u16, bytes: u64, began: Began) {
    let bytes = if head.method() == "HEAD" { 0 } else { bytes };
    shared.serving.access_log.write(head, &Sent { id, status, bytes, took: began.took() });
}

/// The exchange type of most requests.
pub(super) type ActixExchange = Exchange<ActixHead>;

/// Where it lies: it goes from hand to hand with each request, and a pointer does that faster.
pub(super) type BoxedExchange = Box<ActixExchange>;
