//! Answers that are made while the client reads them.
#![allow(unsafe_code, reason = "a stream is a poll of the ABI")]

use crate::abi::{self, Buf, Poll, PollVt};
use crate::chunk::Chunk;
use crate::endpoint::BoxFuture;
use crate::error::Error;
use crate::guard;
use crate::host::Level;
use crate::request::Request;
use crate::waker;
use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll as Step};

/// Chunks of an answer, asked for when the client is ready for more.
///
/// ```
/// # use plugin_api::prelude::*;
/// # use std::time::Duration;
/// #[get("/countdown")]
/// fn countdown() -> Stream {
///     Stream::write(async |mut out| {
///         for second in (0..10).rev() {
///             out.send(format!("{second}\n")).await;
///             sleep(Duration::from_secs(1)).await;
///         }
///         Ok(())
///     })
/// }
/// ```
pub struct Stream(Pin<Box<Chunks>>);

type Chunks = dyn futures_core::Stream<Item = Result<Chunk, Error>> + Send;

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl Stream {
    /// The items of a stream of the `futures` family. An error ends the answer: it is in the log, and the client sees
    /// that the body is cut.
    pub fn new<S, T, E>(stream: S) -> Self
    where
        S: futures_core::Stream<Item = Result<T, E>> + Send + 'static,
        T: Into<Chunk> + 'static,
        E: Into<Error> + 'static,
    {
        Self(Box::pin(Converted(Box::pin(stream))))
    }

    /// The items of an iterator, one chunk each. It should not block: the thread serves others, too.
    pub fn iter<I>(items: I) -> Self
    where
        I: IntoIterator<IntoIter: Send + Unpin + 'static>,
        I::Item: Into<Chunk> + 'static,
    {
        Self(Box::pin(Items(items.into_iter())))
    }

    /// What an async closure sends. It waits in [`Writer::send`] until the client is ready for more, and is dropped there
    /// when the client goes away.
    pub fn write<W, F>(writer: W) -> Self
    where
        W: FnOnce(Writer) -> F,
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let slot = Slot::default();
        let work = writer(Writer(slot.clone()));
        Self(Box::pin(Written { slot, work: Some(Box::pin(work)) }))
    }

    pub(crate) fn into_poll(self, request: &Request) -> Poll {
        let task = Task { stream: self, request: request.raw() };
        Poll { data: Box::into_raw(Box::new(task)).cast(), vt: &raw const VT }
    }
}

/// Sends the chunks of a [`Stream::write`].
#[derive(Debug)]
pub struct Writer(Slot);

type Slot = Arc<Mutex<Option<Chunk>>>;

fn take(slot: &Slot) -> Option<Chunk> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Writer {
    /// Sends a chunk, and waits until the client is ready for the next one.
    pub async fn send(&mut self, chunk: impl Into<Chunk>) {
        let mut chunk = Some(chunk.into());
        std::future::poll_fn(|_| {
            // `Written` takes the chunk after this poll and polls again when the client wants more, so nobody is woken.
            let Some(chunk) = chunk.take() else { return Step::Ready(()) };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(chunk);
            Step::Pending
        })
        .await;
    }
}

struct Written {
    slot: Slot,
    work: Option<BoxFuture<'static, Result<(), Error>>>,
}

impl futures_core::Stream for Written {
    type Item = Result<Chunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Step<Option<Self::Item>> {
        let Some(work) = &mut self.work else { return Step::Ready(None) };
        let step = work.as_mut().poll(cx);
        if step.is_ready() {
            self.work = None;
        }
        match (take(&self.slot), step) {
            (Some(chunk), _) => Step::Ready(Some(Ok(chunk))),
            (None, Step::Pending) => Step::Pending,
            (None, Step::Ready(Ok(()))) => Step::Ready(None),
            (None, Step::Ready(Err(error))) => Step::Ready(Some(Err(error))),
        }
    }
}

struct Items<I>(I);

impl<I: Iterator<Item: Into<Chunk>> + Unpin> futures_core::Stream for Items<I> {
    type Item = Result<Chunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Step<Option<Self::Item>> {
        Step::Ready(self.0.next().map(|item| Ok(item.into())))
    }
}

struct Converted<S>(Pin<Box<S>>);

impl<S, T: Into<Chunk>, E: Into<Error>> futures_core::Stream for Converted<S>
where
    S: futures_core::Stream<Item = Result<T, E>>,
{
    type Item = Result<Chunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Step<Option<Self::Item>> {
        let step = self.0.as_mut().poll_next(cx);
        step.map(|item| item.map(|result| result.map(Into::into).map_err(Into::into)))
    }
}

struct Task {
    stream: Stream,
    /// Valid until the response is finished, and the stream is dropped before that.
    request: *const abi::Request,
}

static VT: PollVt = PollVt { size: size_of::<PollVt>() as u32, reserved: 0, poll, drop: drop_task };

unsafe extern "C" fn poll(data: *mut c_void, waker: *const abi::Waker, out: *mut c_void) -> i32 {
    // SAFETY: `data` came from `into_poll`; one thread at a time polls.
    let task = unsafe { &mut *data.cast::<Task>() };
    // SAFETY: the request is valid until the response is finished, see `Task`.
    let request = unsafe { Request::new(task.request) };
    let log = |line: &str| request.log(Level::Error, format!("{request:?}: the stream {line}"));
    guard::run(log, || {
        // SAFETY: the waker is lent for this call.
        let step = unsafe { waker::with_context(waker, |cx| task.stream.0.as_mut().poll_next(cx)) };
        match step {
            Step::Pending => abi::PENDING,
            Step::Ready(None) => abi::END,
            Step::Ready(Some(Ok(chunk))) => {
                // SAFETY: the poll of a stream is given a place for one buffer.
                unsafe { out.cast::<Buf>().write(chunk.0.into_buf()) };
                abi::READY
            }
            Step::Ready(Some(Err(error))) => {
                request.log(Level::Error, format!("{request:?}: the stream ends early: {}", error.report()));
                abi::ERR
            }
        }
    })
}

unsafe extern "C" fn drop_task(data: *mut c_void) {
    // SAFETY: `data` came from `into_poll`, and is dropped once.
    let task = unsafe { Box::from_raw(data.cast::<Task>()) };
    guard::quietly(|| drop(task));
}
