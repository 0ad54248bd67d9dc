//! One request as the plugin sees it: the tables behind `abi::Request`.
#![allow(unsafe_code, reason = "lends a request through the ABI")]

use super::arena::Arena;
use super::router::Router;
use crate::abi::{self, Buf, Pair, Param, Poll, PollVt, RequestVt, Slice};
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

/// How much of a streamed body comes at once.
const CHUNK_BYTES: usize = 1024;

/// What was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) version: u16,
    pub(super) secure: bool,
}

/// What the functions of a request work on.
pub(super) struct Exchange<'a> {
    pub(super) message: &'a Message,
    pub(super) router: &'a Router,
    pub(super) script_name: &'a str,
    pub(super) arena: Arena,
    pub(super) log: Mutex<Vec<String>>,
}

/// What differs between the handler's view and that of an error handler.
pub(super) struct View<'a> {
    pub(super) path: &'a str,
    pub(super) rule: Option<&'a str>,
    pub(super) params: &'a [Param],
    pub(super) body: u16,
    pub(super) error: Option<(u16, &'a str)>,
}

impl Exchange<'_> {
    /// The request; it borrows from all that is given.
    pub(super) fn request(&self, view: &View<'_>, body_src: Option<&Poll>) -> abi::Request {
        let message = self.message;
        let query = message.target.split_once('?').map_or(Slice::ABSENT, |(_, query)| Slice::text(query));
        let whole = view.body == abi::BODY_WHOLE;
        abi::Request {
            size: size_of::<abi::Request>() as u32,
            flags: if message.secure { abi::REQUEST_SECURE } else { 0 },
            version: message.version,
            error_status: view.error.map_or(0, |(status, _)| status),
            params_len: view.params.len() as u32,
            method: Slice::text(&message.method),
            target: Slice::text(&message.target),
            path: Slice::text(view.path),
            script_name: Slice::text(self.script_name),
            query,
            rule: view.rule.map_or(Slice::ABSENT, Slice::text),
            body: if whole { Slice::new(&message.body) } else { Slice::ABSENT },
            params: view.params.as_ptr(),
            body_src: body_src.map_or(std::ptr::null(), std::ptr::from_ref),
            error_message: view.error.map_or(Slice::ABSENT, |(_, message)| Slice::text(message)),
            ctx: std::ptr::from_ref(self).cast(),
            vt: &raw const VT,
        }
    }
}

static VT: RequestVt = RequestVt {
    size: size_of::<RequestVt>() as u32,
    reserved: 0,
    header,
    header_at,
    alloc,
    peer,
    id,
    url,
    log,
};

/// # Safety
/// `ctx` came from `Exchange::request`, and the exchange lives.
unsafe fn exchange<'a>(ctx: *const c_void) -> &'a Exchange<'a> {
    // SAFETY: the caller vouches for it.
    unsafe { &*ctx.cast::<Exchange<'a>>() }
}

unsafe extern "C" fn header(ctx: *const c_void, name: Slice) -> Slice {
    // SAFETY: the context of this request.
    let exchange = unsafe { exchange(ctx) };
    // SAFETY: the name is lent for this call.
    let name = unsafe { name.str() }.unwrap_or_default();
    let found = exchange.message.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map_or(Slice::ABSENT, |(_, value)| Slice::new(value))
}

unsafe extern "C" fn header_at(ctx: *const c_void, index: usize, out: *mut Pair) -> i32 {
    // SAFETY: the context of this request.
    let exchange = unsafe { exchange(ctx) };
    let Some((name, value)) = exchange.message.headers.get(index) else { return abi::END };
    // SAFETY: a place for one pair.
    unsafe { out.write(Pair { name: Slice::text(name), value: Slice::new(value) }) };
    abi::READY
}

unsafe extern "C" fn alloc(ctx: *const c_void, size: usize, align: usize) -> *mut c_void {
    // SAFETY: the context of this request.
    unsafe { exchange(ctx) }.arena.alloc(size, align).cast()
}

unsafe extern "C" fn peer(_: *const c_void) -> Slice {
    Slice::text("192.0.2.1:50000")
}

unsafe extern "C" fn id(_: *const c_void) -> Slice {
    Slice::text("test")
}

unsafe extern "C" fn url(
    ctx: *const c_void,
    route: Slice,
    values: *const Pair,
    values_len: usize,
    out: *mut Slice,
) -> i32 {
    // SAFETY: the context of this request.
    let exchange = unsafe { exchange(ctx) };
    // SAFETY: the name is lent for this call.
    let route = unsafe { route.str() }.unwrap_or_default();
    // SAFETY: so are the values.
    let pairs = if values_len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(values, values_len) } };
    let text = |pair: &Pair| {
        // SAFETY: as above.
        let name = unsafe { pair.name.str() };
        // SAFETY: as above.
        let value = unsafe { pair.value.str() };
        (name.unwrap_or_default(), value.unwrap_or_default())
    };
    let values: Vec<_> = pairs.iter().map(text).collect();
    let (code, text) = match exchange.router.url(route, &values) {
        Ok(url) => (abi::READY, format!("{}{url}", exchange.script_name)),
        Err(reason) => (abi::ERR, reason),
    };
    // SAFETY: a place for one slice.
    unsafe { out.write(exchange.arena.text(&text)) };
    code
}

#[allow(clippy::print_stderr, reason = "the log of a test is what the test prints")]
unsafe extern "C" fn log(ctx: *const c_void, level: i32, message: Slice) {
    // SAFETY: the context of this request.
    let exchange = unsafe { exchange(ctx) };
    // SAFETY: the message is lent for this call.
    let message = unsafe { message.bytes() }.unwrap_or_default();
    let line = format!("{}: {}", super::host::level_name(level), String::from_utf8_lossy(message));
    eprintln!("{line}");
    exchange.log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

/// A body in chunks: each is ready at the second ask, so that handlers have to wait.
pub(super) struct BodySource<'a> {
    rest: Cell<&'a [u8]>,
    asked: Cell<bool>,
}

static BODY_VT: PollVt =
    PollVt { size: size_of::<PollVt>() as u32, reserved: 0, poll: poll_body, drop: drop_body };

impl<'a> BodySource<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: Cell::new(body), asked: Cell::new(false) }
    }

    pub(super) fn poll(&self) -> Poll {
        Poll { data: std::ptr::from_ref(self).cast_mut().cast(), vt: &raw const BODY_VT }
    }
}

unsafe extern "C" fn poll_body(data: *mut c_void, waker: *const abi::Waker, out: *mut c_void) -> i32 {
    // SAFETY: `data` came from `BodySource::poll`; one thread at a time polls.
    let source = unsafe { &*data.cast::<BodySource<'_>>() };
    if !source.asked.replace(true) {
        // SAFETY: the waker is lent for this call.
        unsafe { super::waker::Counted::clone_of(waker) }.wake();
        return abi::PENDING;
    }
    source.asked.set(false);
    let rest = source.rest.get();
    if rest.is_empty() {
        return abi::END;
    }
    let (chunk, rest) = rest.split_at(rest.len().min(CHUNK_BYTES));
    source.rest.set(rest);
    // SAFETY: the poll of a body is given a place for one buffer.
    unsafe { out.cast::<Buf>().write(Buf::from_vec(chunk.to_vec())) };
    abi::READY
}

/// It is lent: handlers do not drop it.
unsafe extern "C" fn drop_body(_: *mut c_void) {}
