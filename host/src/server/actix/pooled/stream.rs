//! A streamed answer, whose chunks are made on handler threads.

use super::errand::{self, Away, Begun, Limit, watched};
use super::signal::Signal;
use super::{Parcel, PoolExchange};
use crate::exchange::{OwnedBody, StreamFailed};
use crate::request_id;
use crate::server::actix::body::{Chunks, PIECE_BYTES_MAX, StreamLog, log_as};
use crate::server::actix::owned::OwnedHead;
use crate::server::handler_threads::HandlerThreads;
use crate::server::watch::Slot;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How many chunks are made in one go: a thread is not taken for each of them, and not held for as long as one lasts.
const CHUNKS_MAX: usize = 32;

/// See the module.
pub(super) struct PooledChunks {
    at: At,
    made: VecDeque<Result<OwnedBody, StreamFailed>>,
    signal: Arc<Signal>,
    threads: HandlerThreads,
    /// How long a thread may take for a chunk.
    timeout: Option<Duration>,
    id: request_id::Text,
    head: Arc<OwnedHead>,
    status: u16,
    log: StreamLog,
}

enum At {
    /// More can be asked for at once, or when the signal says so.
    Here {
        begun: Begun,
        asks: bool,
    },
    Away(Away<Made>),
    Over,
}

/// What a thread made.
struct Made {
    chunks: Vec<Result<OwnedBody, StreamFailed>>,
    then: Then,
}

enum Then {
    More,
    Wait,
    End,
}

impl PooledChunks {
    pub(super) fn of(exchange: Parcel, status: u16, log: StreamLog, threads: &HandlerThreads) -> Self {
        let (head, id) = (exchange.head().clone(), *exchange.id());
        let timeout = exchange.settings().timeouts.handler;
        let (threads, begun) = (threads.clone(), Begun::keep(exchange, threads));
        let (at, made, signal) = (At::Here { begun, asks: true }, VecDeque::new(), Arc::default());
        Self { at, made, signal, threads, timeout, id, head, status, log }
    }

    fn ask(&self, exchange: Parcel) -> Away<Made> {
        let waker = self.signal.waker();
        errand::go_on(&self.threads, exchange, move |exchange, slot| make(exchange, slot, &waker))
    }

    fn take_in(&mut self, exchange: Parcel, made: Made) {
        self.made.extend(made.chunks);
        let begun = Begun::keep(exchange, &self.threads);
        self.at = match made.then {
            Then::More => At::Here { begun, asks: true },
            Then::Wait => At::Here { begun, asks: false },
            Then::End => At::Over,
        };
    }

    fn has_failed(&mut self) -> StreamFailed {
        self.at = At::Over;
        tracing::error!(request = &*self.id, "the handler's stream failed: the answer is cut short");
        StreamFailed
    }
}

/// On a thread: makes chunks, until there are enough or the handler has none ready.
fn make(exchange: &mut PoolExchange, slot: &Slot, waker: &Waker) -> Made {
    let (mut chunks, mut bytes) = (Vec::new(), 0);
    while chunks.len() < CHUNKS_MAX && bytes < PIECE_BYTES_MAX {
        match watched(exchange, slot, |exchange| exchange.poll_chunk(waker)) {
            Poll::Pending => return Made { chunks, then: Then::Wait },
            Poll::Ready(None) => return Made { chunks, then: Then::End },
            Poll::Ready(Some(Err(failed))) => {
                chunks.push(Err(failed));
                return Made { chunks, then: Then::End };
            }
            Poll::Ready(Some(Ok(chunk))) => {
                bytes += chunk.as_ref().len();
                chunks.push(Ok(chunk));
            }
        }
    }
    Made { chunks, then: Then::More }
}

impl Chunks for PooledChunks {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<OwnedBody, StreamFailed>>> {
        loop {
            match self.made.pop_front() {
                Some(Ok(chunk)) => {
                    self.log.sent += chunk.as_ref().len() as u64;
                    return Poll::Ready(Some(Ok(chunk)));
                }
                Some(Err(_)) => return Poll::Ready(Some(Err(self.has_failed()))),
                None => {}
            }
            match &mut self.at {
                At::Over => return Poll::Ready(None),
                At::Here { begun, asks } => {
                    if !*asks && !self.signal.is_called(cx) {
                        return Poll::Pending;
                    }
                    self.at = match begun.take() {
                        Some(exchange) => At::Away(self.ask(exchange)),
                        None => At::Over,
                    };
                }
                At::Away(away) => match away.poll_back(Limit::Each(self.timeout), cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok((exchange, made))) => self.take_in(exchange, made),
                    Poll::Ready(Err(_)) => return Poll::Ready(Some(Err(self.has_failed()))),
                },
            }
        }
    }
}

impl Drop for PooledChunks {
    fn drop(&mut self) {
        log_as(&self.log.shared, &*self.head, &self.id, self.status, self.log.sent, self.log.began);
    }
}
