//! A request's body, chunk by chunk, for asynchronous handlers.
#![allow(unsafe_code, reason = "polls the host's body through the ABI")]

use crate::abi::{self, Buf, Poll};
use crate::chunk::{Body, Chunk, OwnedBuf};
use crate::error::{Error, abort};
use crate::extract::{BodyMode, FromRequest};
use crate::instance::Instance;
use crate::poll::poll_raw;
use crate::request::Request;
use std::future::poll_fn;
use std::task::{Context, Poll as Step};

/// The body as it arrives, for `async fn` handlers. Whatever is not read slows the client down instead of filling memory.
///
/// ```
/// # use plugin_api::prelude::*;
/// #[post("/count")]
/// async fn count(mut body: BodyStream) -> Result<String, Error> {
///     let mut bytes = 0;
///     while let Some(chunk) = body.next().await {
///         bytes += chunk?.len();
///     }
///     Ok(format!("{bytes} bytes"))
/// }
/// ```
#[derive(Debug)]
pub struct BodyStream<'r> {
    /// The host's, lent until the response is finished; none once it came to its end.
    source: Option<&'r Source>,
}

#[derive(Debug)]
#[repr(transparent)]
struct Source(Poll);

// SAFETY: only `BodyStream::next` polls it, through an exclusive reference to the one `BodyStream` of the request.
unsafe impl Sync for Source {}

impl<'r> FromRequest<'r> for BodyStream<'r> {
    const BODY: BodyMode = BodyMode::Stream;

    fn from_request(request: &'r Request, _: &'r Instance) -> Result<Self, Error> {
        // SAFETY: null, or a poll that lives as long as the request; `Source` has its layout.
        let source = unsafe { request.raw().body_src.cast::<Source>().as_ref() };
        let source = source.ok_or_else(|| Error::internal("the host gave no stream for the body"))?;
        Ok(Self { source: Some(source) })
    }
}

impl BodyStream<'_> {
    /// The next chunk; none at the end. After an error the end follows.
    pub async fn next(&mut self) -> Option<Result<Chunk, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &Context<'_>) -> Step<Option<Result<Chunk, Error>>> {
        let Some(source) = self.source else { return Step::Ready(None) };
        let mut buf = Buf::EMPTY;
        // SAFETY: the host's poll fills a buffer; it is not done, and `&mut self` makes this the only call.
        let code = unsafe { poll_raw(&source.0, cx, (&raw mut buf).cast()) };
        match code {
            abi::PENDING => Step::Pending,
            // SAFETY: READY: the buffer is ours to release.
            abi::READY => Step::Ready(Some(Ok(Chunk(Body::Foreign(unsafe { OwnedBuf::new(buf) }))))),
            abi::END => {
                self.source = None;
                Step::Ready(None)
            }
            code => {
                self.source = None;
                Step::Ready(Some(Err(
                    abort(400, "the body broke off").cause(format!("reading the body: code {code}"))
                )))
            }
        }
    }
}
