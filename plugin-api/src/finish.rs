//! From an answer to the response of the ABI, and back: headers go to the request's arena, bodies are given away.
#![allow(
    unsafe_code,
    reason = "writes header arrays to memory that the host lends, and reads those of others"
)]

use crate::abi::{self, Pair, Slice};
use crate::chunk::{Body, OwnedBuf};
use crate::error::Error;
use crate::host::Level;
use crate::poll::OwnedPoll;
use crate::request::Request;
use crate::response::{BYTES, Choice, HTML, JSON, Reply, Rest, TEXT};
use std::borrow::Cow;
use std::ptr::NonNull;

/// Room for headers that middleware will add, so that it needs no array of its own.
const SPARE_HEADERS: usize = 4;

/// The header arrays of plain answers: never written to, so the host copies nothing and no memory is taken.
static PLAIN: [(&str, [Pair; 1]); 4] = [
    (TEXT, [content_type(TEXT)]),
    (HTML, [content_type(HTML)]),
    (JSON, [content_type(JSON)]),
    (BYTES, [content_type(BYTES)]),
];

const fn content_type(value: &'static str) -> Pair {
    Pair { name: Slice::text("content-type"), value: Slice::text(value) }
}

/// A header array of an answer that another handler finished: static memory, or the arena of this request.
pub(crate) struct Inherited {
    headers: NonNull<Pair>,
    len: usize,
    cap: usize,
}

// SAFETY: the array is in static memory or in the arena of the request, and belongs to the one answer that holds it.
unsafe impl Send for Inherited {}
// SAFETY: as above; it is only read through a shared reference.
unsafe impl Sync for Inherited {}

impl Inherited {
    pub(crate) const NONE: Self = Self { headers: NonNull::dangling(), len: 0, cap: 0 };

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // SAFETY: the contract of a response: `len` headers, valid until the response is finished; `NONE` has none.
        let pairs = unsafe { std::slice::from_raw_parts(self.headers.as_ptr(), self.len) };
        pairs.iter().filter_map(|pair| {
            // SAFETY: a slice of a response that is not finished.
            let name = unsafe { pair.name.bytes() };
            // SAFETY: as above.
            let value = unsafe { pair.value.bytes() };
            Some((name?, value?))
        })
    }
}

/// A response with nothing in it, as the host clears it before a call.
pub(crate) fn cleared() -> abi::Response {
    abi::Response {
        size: size_of::<abi::Response>() as u32,
        status: 200,
        flags: 0,
        headers: std::ptr::null_mut(),
        headers_len: 0,
        headers_cap: 0,
        body: abi::Buf::EMPTY,
        stream: abi::Poll::NONE,
    }
}

impl<'r> Reply<'r> {
    /// What another handler answered.
    ///
    /// # Safety
    /// A call filled `raw`, for a request that lives as long as `'r`, and nobody else uses it.
    pub(crate) unsafe fn from_raw(raw: abi::Response) -> Self {
        let mut reply = Self::new().status(raw.status);
        reply.is_error = raw.flags & abi::RESPONSE_ERROR != 0;
        if let Some(headers) = NonNull::new(raw.headers) {
            let (len, cap) = (raw.headers_len as usize, raw.headers_cap as usize);
            reply.inherited = Inherited { headers, len, cap };
        }
        // SAFETY: the body of a filled response belongs to the caller, which gives it up.
        reply.body = Body::Foreign(unsafe { OwnedBuf::new(raw.body) });
        // SAFETY: so does the stream.
        reply.stream = unsafe { OwnedPoll::new(raw.stream) }.map_or(Rest::None, Rest::Foreign);
        reply
    }

    /// What another handler's code without a response means.
    pub(crate) fn from_code(code: i32) -> Self {
        let status = if code == abi::DECLINED { 404 } else { 500 };
        Self { is_error: true, ..Self::new() }.status(status)
    }

    /// The response of the ABI. What was borrowed has to live until the response is finished: it came from the request,
    /// from the instance, or lives for ever.
    pub(crate) fn finish(mut self, request: &Request) -> Finished {
        if let Some(report) = self.report.take() {
            let level = if self.final_status(request) >= 500 { Level::Error } else { Level::Info };
            request.log(level, format!("{} {}: {report}", request.method(), request.path()));
        }
        match self.try_finish(request) {
            Ok(finished) => finished,
            Err(error) => fallback(&error, request),
        }
    }

    fn try_finish(mut self, request: &Request) -> Result<Finished, Error> {
        let status = self.final_status(request);
        if !(200..=999).contains(&status) {
            return Err(Error::internal(format!("{status} is no status of an answer: use 200 to 999")));
        }
        self.headers.iter().try_for_each(|(name, value)| check(name, value))?;
        let mut raw = cleared();
        raw.status = status;
        raw.flags = if self.is_error { abi::RESPONSE_ERROR } else { 0 };
        self.write_headers(request, &mut raw)?;
        raw.body = self.body.into_buf();
        raw.stream = match self.stream {
            Rest::None => abi::Poll::NONE,
            Rest::Own(stream) => stream.into_poll(request),
            Rest::Foreign(poll) => poll.into_raw(),
        };
        Ok(Finished(raw))
    }

    fn final_status(&self, request: &Request) -> u16 {
        match self.status {
            Choice::Status(status) => status,
            Choice::Redirect if request.version() > 10 => 303,
            Choice::Redirect => 302,
            Choice::Default => request.error_status().unwrap_or(200),
        }
    }

    fn write_headers(&mut self, request: &Request, raw: &mut abi::Response) -> Result<(), Error> {
        let content_type = self.content_type.take();
        if self.headers.is_empty() && self.inherited.len == 0 {
            let Some(value) = &content_type else { return Ok(()) };
            if let Some((_, pairs)) = PLAIN.iter().find(|(plain, _)| plain == value) {
                raw.headers = pairs.as_ptr().cast_mut();
                raw.headers_len = 1;
                return Ok(());
            }
        }
        if let Some(value) = content_type {
            check("content-type", value.as_bytes())?;
            let value = match value {
                Cow::Borrowed(value) => Cow::Borrowed(value.as_bytes()),
                Cow::Owned(value) => Cow::Owned(value.into_bytes()),
            };
            self.headers.push((Cow::Borrowed("content-type"), value));
        }
        let array = self.room(request, self.headers.len())?;
        for (index, (name, value)) in self.headers.drain(..).enumerate() {
            let name = match name {
                Cow::Borrowed(name) => Slice::text(name),
                Cow::Owned(name) => request.copy(name.as_bytes()).ok_or_else(used_up)?,
            };
            let value = match value {
                Cow::Borrowed(value) => Slice::new(value),
                Cow::Owned(value) => request.copy(&value).ok_or_else(used_up)?,
            };
            // SAFETY: `room` made the array long enough for the inherited headers and these.
            let place = unsafe { array.headers.add(array.len + index) };
            // SAFETY: within the array, which nobody else refers to: its one owner is this answer.
            unsafe { place.write(Pair { name, value }) };
            raw.headers_len += 1;
        }
        raw.headers = array.headers.as_ptr();
        raw.headers_len += array.len as u32;
        raw.headers_cap = array.cap as u32;
        Ok(())
    }

    /// The inherited array if it has room for `more`, else a longer copy of it.
    fn room(&self, request: &Request, more: usize) -> Result<Inherited, Error> {
        let Inherited { headers, len, cap } = self.inherited;
        if more == 0 || cap >= len + more {
            return Ok(Inherited { headers, len, cap });
        }
        let cap = len + more + SPARE_HEADERS;
        let longer = request.alloc::<Pair>(cap).ok_or_else(used_up)?;
        // SAFETY: both arrays have at least `len` places, and the fresh one overlaps with nothing.
        unsafe { longer.copy_from_nonoverlapping(headers, len) };
        Ok(Inherited { headers: longer, len, cap })
    }
}

fn used_up() -> Error {
    Error::internal("the request's arena is used up")
}

/// What the client gets when the answer itself is wrong.
fn fallback(error: &Error, request: &Request) -> Finished {
    request.log(Level::Error, format!("{} {}: {}", request.method(), request.path(), error.report()));
    Finished(abi::Response { status: 500, flags: abi::RESPONSE_ERROR, ..cleared() })
}

/// A header that would break the message is never sent.
fn check(name: &str, value: &[u8]) -> Result<(), Error> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(Error::internal(format!("{name:?} is no name of a header")));
    }
    match value.iter().find(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        Some(byte) => {
            Err(Error::internal(format!("header `{name}`: its value must not contain byte 0x{byte:02x}")))
        }
        None => Ok(()),
    }
}

/// A response that is ready to be handed over.
pub(crate) struct Finished(abi::Response);

// SAFETY: headers in static memory or the request's arena, which moves with the request; buffer and poll are `Send`.
unsafe impl Send for Finished {}

impl Finished {
    /// Fills the response that the host lent; its `size` is the host's.
    ///
    /// # Safety
    /// `out` is the `response` of a call or the `out` of a poll.
    pub(crate) unsafe fn write(self, out: *mut abi::Response) {
        // SAFETY: the contract: a place for a response, cleared by the host, for the duration of the call.
        let out = unsafe { &mut *out };
        *out = abi::Response { size: out.size, ..self.0 };
    }
}
