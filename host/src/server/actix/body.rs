//! The body of an answer, as actix sends it.

use super::connection::Guard;
use super::head::ActixHead;
use super::service::Shared;
use crate::access_log::Entry;
use crate::exchange::{Exchange, Head, OwnedBody, StreamFailed};
use actix_http::body::{BodySize, MessageBody};
use bytes::Bytes;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// A body shorter than this is copied, so that the plugin's buffer goes back at once: cheaper than to carry it.
const COPIED_BYTES_MAX: usize = 4096;

/// A longer body goes out in pieces of this size: actix asks for the next one when its buffer has been read, and so shows
/// that the client reads.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// What follows the head of an answer.
pub(super) struct AnswerBody {
    bytes: Bytes,
    stream: Option<Box<dyn Chunks>>,
    /// Told how far the answer is.
    pub(super) guard: Option<Rc<Guard>>,
    is_refusal: bool,
}

/// Chunks of a streamed answer, whatever head its exchange has.
trait Chunks {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<OwnedBody, StreamFailed>>>;
}

impl AnswerBody {
    /// A refusal, after which the connection ends.
    pub(super) fn refusal(text: &'static str, guard: Option<Rc<Guard>>) -> Self {
        Self { bytes: Bytes::from_static(text.as_bytes()), stream: None, guard, is_refusal: true }
    }

    /// The body of an answer that is complete.
    pub(super) fn whole<H: Head>(exchange: &mut Exchange<H>) -> Self {
        Self { bytes: whole(exchange), stream: None, guard: None, is_refusal: false }
    }

    /// The body of an answer that goes on; the exchange lives until its end.
    pub(super) fn stream<H: Head>(mut exchange: Exchange<H>, mut log: StreamLog) -> Self {
        let first = whole(&mut exchange);
        log.sent = first.len() as u64;
        let stream = Streaming { exchange, log };
        Self { bytes: first, stream: Some(Box::new(stream)), guard: None, is_refusal: false }
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The next piece of what is here.
    fn piece(&mut self) -> Bytes {
        if self.stream.is_none() && self.bytes.len() <= PIECE_BYTES_MAX {
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
            Some(_) => BodySize::Stream,
            None => BodySize::Sized(self.bytes.len() as u64),
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        if !this.bytes.is_empty() {
            return Poll::Ready(Some(Ok(this.piece())));
        }
        let Some(stream) = &mut this.stream else { return Poll::Ready(None) };
        loop {
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
    }
}

/// What the access line of a streamed answer says; written when the stream is dropped.
pub(super) struct StreamLog {
    pub(super) shared: Arc<Shared>,
    pub(super) began: Instant,
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
                    request = self.exchange.id(),
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
        log(&self.log.shared, self.exchange.head(), status, self.log.sent, self.log.began);
    }
}

/// Writes the access line of a request.
pub(super) fn log<H: Head>(shared: &Shared, head: &H, status: u16, bytes: u64, began: Instant) {
    if !shared.serving.access_log.is_on() {
        return;
    }
    shared.serving.access_log.write(&Entry {
        peer: &head.peer(),
        method: head.method(),
        target: head.target(),
        version: head.version(),
        status,
        bytes: if head.method() == "HEAD" { 0 } else { bytes },
        took: began.elapsed(),
    });
}

/// The exchange type of most requests.
pub(super) type ActixExchange = Exchange<ActixHead>;
