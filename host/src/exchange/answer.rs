//! The answer of an exchange, as its server writes it.
#![allow(unsafe_code, reason = "reads what a plugin filled in, polls its stream and gives its buffers back")]

use super::{Exchange, Head, Progress, Stage};
use crate::error_page;
use crate::request_body::BodyPipe;
use crate::request_id::{self, RequestId};
use crate::scoreboard::State;
use crate::usage::{InBody, Uses};
use crate::waker::HostWaker;
use plugin_api::abi::{self, Buf, Pair, Response, Slice};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Room for headers that middleware adds to a page of the host's.
const PAGE_HEADERS: usize = 4;

pub(super) const fn empty(status: u16) -> Response {
    Response {
        size: size_of::<Response>() as u32,
        status,
        flags: 0,
        headers: std::ptr::null_mut(),
        headers_len: 0,
        headers_cap: 0,
        body: Buf::EMPTY,
        stream: abi::Poll::NONE,
    }
}

/// A complete answer, borrowed until the exchange is finished.
pub(crate) struct Answer<'a> {
    response: &'a Response,
    has_own_stream: bool,
    /// The header with the request's id, if there is to be one.
    id: Option<(&'static str, &'a RequestId)>,
}

impl<'a> Answer<'a> {
    pub(crate) fn status(&self) -> u16 {
        self.response.status
    }

    /// The headers that the handler and its middleware set, and the request's id: the one of the log, whatever they say.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a> {
        let id = self.id;
        let is_another =
            move |name: &[u8]| id.is_none_or(|(of_id, _)| !name.eq_ignore_ascii_case(of_id.as_bytes()));
        let pairs = match self.response.headers_len {
            0 => &[],
            // SAFETY: the contract: that many pairs, in static memory or in this request's arena.
            len => unsafe { std::slice::from_raw_parts(self.response.headers.cast_const(), len as usize) },
        };
        let set = pairs.iter().map(|pair| {
            // SAFETY: the contract: static memory or this request's arena.
            let name = unsafe { pair.name.bytes() };
            // SAFETY: as above.
            let value = unsafe { pair.value.bytes() };
            (name.unwrap_or_default(), value.unwrap_or_default())
        });
        let id = id.map(|(name, id)| (name.as_bytes(), id.text().as_bytes()));
        set.filter(move |(name, _)| is_another(name)).chain(id)
    }

    /// The body, or its beginning.
    pub(crate) fn body(&self) -> &'a [u8] {
        // SAFETY: the buffer is released in `finish`, which needs the exchange for itself.
        unsafe { self.response.body.bytes() }
    }

    /// Whether chunks follow the body.
    pub(crate) fn is_streamed(&self) -> bool {
        self.response.stream.is_some() || self.has_own_stream
    }
}

/// Bytes of a plugin on their way out, which keep the plugin's code.
pub(crate) struct OwnedBody {
    buf: Buf,
    /// Dropped after the buffer was given back.
    in_body: InBody,
}

impl OwnedBody {
    /// The generations that it keeps.
    pub(crate) fn uses(&self) -> &Arc<Uses> {
        self.in_body.uses()
    }
}

impl AsRef<[u8]> for OwnedBody {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: released in `drop` alone.
        unsafe { self.buf.bytes() }
    }
}

impl Drop for OwnedBody {
    fn drop(&mut self) {
        // SAFETY: the producer's generation is not retired before the field behind this is dropped, and nobody reads the bytes
        // after this.
        unsafe { self.buf.release() }
    }
}

impl<H: Head> Exchange<H> {
    /// The answer, once it is ready.
    pub(crate) fn answer(&self) -> Answer<'_> {
        debug_assert!(self.stage == Stage::Done, "the answer is not there yet");
        // SAFETY: no handler is at work on it; the host changes it through `&mut self` only.
        let response = unsafe { &*self.inner().response.get() };
        let id = self.settings().request_id.map(|name| (name, &self.inner().id));
        Answer { response, has_own_stream: self.own_stream.is_some(), id }
    }

    /// Whether the chunks of the answer are the host's own.
    pub(crate) fn is_own_stream(&self) -> bool {
        self.own_stream.is_some()
    }

    /// Takes the body out, to be carried without a copy and for longer than the exchange is used for this request.
    /// A buffer without an owner may be the arena's, which is not.
    pub(crate) fn take_body(&mut self) -> Option<OwnedBody> {
        let response = self.inner().response.get();
        // SAFETY: as in `answer`, and `self` is borrowed alone.
        let response = unsafe { &mut *response };
        response.body.drop?;
        Some(OwnedBody { buf: response.body.take(), in_body: InBody::of(self.inner().uses()) })
    }

    /// The next chunk of a streamed answer; `None` at its end, an error when the handler gave up.
    pub(crate) fn poll_chunk(&mut self, task: &Waker) -> Poll<Option<Result<OwnedBody, StreamFailed>>> {
        let chunk = self.next_chunk(task);
        self.shown.is(if chunk.is_pending() { State::Waiting } else { State::Writing });
        chunk
    }

    fn next_chunk(&mut self, task: &Waker) -> Poll<Option<Result<OwnedBody, StreamFailed>>> {
        if let Some(stream) = &mut self.own_stream {
            let chunk = stream.poll_next(task);
            let in_body = || InBody::of(self.inner().uses());
            return chunk.map(|chunk| {
                chunk.map(|chunk| Ok(OwnedBody { buf: Buf::from_vec(chunk), in_body: in_body() }))
            });
        }
        self.register(task);
        if self.is_cancelled() {
            self.drop_stream();
            self.failed = true;
            return Poll::Ready(Some(Err(StreamFailed)));
        }
        let waker = self.waker.get_or_insert_with(HostWaker::new).clone();
        let _handling = self.handling();
        // SAFETY: as in `answer`; a copy of pointer and table.
        let stream = unsafe { (*self.inner().response.get()).stream };
        if !stream.is_some() {
            return Poll::Ready(None);
        }
        self.show_in_handler();
        let mut chunk = Buf::EMPTY;
        // SAFETY: the request uses the stream's generation.
        let poll = unsafe { (*stream.vt).poll };
        // SAFETY: the contract of `poll`: the waker is lent, and `out` is a place for a buffer.
        let code = unsafe { poll(stream.data, waker.as_raw(), (&raw mut chunk).cast()) };
        match code {
            abi::READY => {
                Poll::Ready(Some(Ok(OwnedBody { buf: chunk, in_body: InBody::of(self.inner().uses()) })))
            }
            abi::PENDING => Poll::Pending,
            abi::END => {
                self.drop_stream();
                Poll::Ready(None)
            }
            _ => {
                self.drop_stream();
                self.failed = true;
                Poll::Ready(Some(Err(StreamFailed)))
            }
        }
    }

    fn drop_stream(&mut self) {
        self.own_stream = None;
        // SAFETY: as in `answer`, and `self` is borrowed alone.
        let response = unsafe { &mut *self.inner().response.get() };
        let stream = std::mem::replace(&mut response.stream, abi::Poll::NONE);
        if stream.is_some() {
            // SAFETY: the request uses the stream's generation.
            let drop = unsafe { (*stream.vt).drop };
            // SAFETY: taken out above, so this is the one call.
            unsafe { drop(stream.data) }
        }
    }

    /// Gives back what the handler answered with.
    pub(super) fn release_response(&mut self) {
        self.drop_stream();
        // SAFETY: as in `answer`, and `self` is borrowed alone.
        let response = unsafe { &mut *self.inner().response.get() };
        // SAFETY: the request uses the producer's generation; the answer is not borrowed any more.
        unsafe { response.body.release() };
        *response = empty(200);
    }

    /// The host's own page.
    pub(super) fn page(&mut self, status: u16, message: &str) -> Progress {
        let inner = self.inner();
        let id = (status >= 500).then(|| &**inner.id.text());
        let page = error_page::render(status, message, id, inner.head.header(b"accept"));
        let mut headers = [Pair { name: Slice::ABSENT, value: Slice::ABSENT }; 1 + PAGE_HEADERS];
        headers[0] = Pair { name: Slice::text("content-type"), value: Slice::text(page.content_type) };
        let headers = inner.arena.items(&headers);
        let (at, room) = (headers.as_mut_ptr(), headers.len() as u32);
        // SAFETY: nobody else has the response now: the handler failed, or there was none.
        let response = unsafe { &mut *inner.response.get() };
        *response = empty(status);
        (response.headers, response.headers_len, response.headers_cap) = (at, room.min(1), room);
        response.body = Buf::from_vec(page.body.into_bytes());
        self.done()
    }

    /// Adds a header to the answer: in place where there is room, else in a copy of the array in the arena.
    pub(crate) fn add_header(&mut self, name: &'static str, value: &str) {
        let value = self.inner().arena.slice(value);
        let pair = Pair { name: Slice::text(name), value };
        let pairs: Vec<Pair> = self.answer_pairs().iter().copied().chain([pair]).collect();
        let pairs = self.inner().arena.items(&pairs);
        // SAFETY: as in `answer`, and `self` is borrowed alone.
        let response = unsafe { &mut *self.inner().response.get() };
        response.headers_len = pairs.len() as u32;
        response.headers_cap = pairs.len() as u32;
        response.headers = pairs.as_mut_ptr();
    }

    pub(super) fn answer_pairs(&self) -> &[Pair] {
        // SAFETY: as in `answer`.
        let response = unsafe { &*self.inner().response.get() };
        match response.headers_len {
            0 => &[],
            // SAFETY: the contract: that many pairs, in static memory or in this request's arena.
            len => unsafe { std::slice::from_raw_parts(response.headers.cast_const(), len as usize) },
        }
    }

    /// Puts headers that a handler sent along with an error on the host's page for it.
    pub(super) fn add_pairs(&mut self, more: &[Pair]) {
        for pair in more {
            // SAFETY: static memory, or this request's arena.
            let name = unsafe { pair.name.bytes() }.unwrap_or_default();
            if name.eq_ignore_ascii_case(b"content-type") || name.eq_ignore_ascii_case(b"content-length") {
                continue;
            }
            let pairs: Vec<Pair> = self.answer_pairs().iter().copied().chain([*pair]).collect();
            let pairs = self.inner().arena.items(&pairs);
            // SAFETY: as in `answer`, and `self` is borrowed alone.
            let response = unsafe { &mut *self.inner().response.get() };
            response.headers_len = pairs.len() as u32;
            response.headers = pairs.as_mut_ptr();
        }
    }

    /// Ends the request.
    pub(crate) fn finish(&mut self) {
        self.give_back();
        self.shown.is(State::Idle);
    }

    /// Ends the request, but for its answer, which was copied and goes out: what is pending is dropped, buffers go back to their
    /// producers, the arena is emptied.
    pub(crate) fn give_back(&mut self) {
        self.drop_pending();
        self.release_response();
        if let Some(pipe) = self.pipe.take() {
            BodyPipe::fail(&pipe);
        }
        self.body.clear();
        (self.refused, self.own) = (None, None);
        if (self.stage == Stage::Done || self.failed) && self.service.counts() {
            self.slot.count(self.inner().uses(), self.failed);
        }
        (self.failed, self.is_cut_off) = (false, false);
        self.stage = Stage::Idle;
        // Nothing of a plugin is touched from here on.
        self.slot.leave();
        // SAFETY: nothing is lent any more: the handler's work was dropped above.
        unsafe { self.inner.as_mut() }.reset();
    }

    /// The number in the request's id.
    pub(crate) fn number(&self) -> u64 {
        self.inner().id.number()
    }

    /// The request's id, as in the log.
    pub(crate) fn id(&self) -> &request_id::Text {
        self.inner().id.text()
    }
}

/// A stream ended before its time: its handler failed or panicked.
#[derive(Debug)]
pub(crate) struct StreamFailed;
