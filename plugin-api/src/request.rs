//! The request, as a handler sees it: reads in place what the host lends.
#![allow(unsafe_code, reason = "reads the host's memory and calls the host's functions for a request")]

use crate::abi::{self, Pair, Param, RequestVt, Slice};
use crate::error::Error;
use crate::host::Level;
use cookie::Cookie;
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request. All that it lends lives as long as the request does, across every `await`, until the answer was sent.
///
/// ```
/// # use plugin_api::prelude::*;
/// #[get("/whoami")]
/// fn whoami(request: &Request) -> String {
///     let agent = request.header("user-agent").unwrap_or("somebody");
///     format!("{agent} at {}", request.peer())
/// }
/// ```
pub struct Request {
    raw: NonNull<abi::Request>,
    /// The host's functions are for one thread at a time; safe code may share a `&Request` between threads.
    busy: AtomicBool,
}

// SAFETY: the contract lets a request move between threads with the work that handles it.
unsafe impl Send for Request {}
// SAFETY: the fields are only read; `call` lets one thread at a time into the host's functions.
unsafe impl Sync for Request {}

impl Request {
    /// # Safety
    /// `raw` is the argument of a `call`, and the result is dropped before the response is finished. Whatever the result
    /// lends may be used until then, also when it was dropped before.
    pub(crate) unsafe fn new(raw: *const abi::Request) -> Self {
        // SAFETY: the contract of `call`: a request is never null.
        let raw = unsafe { NonNull::new_unchecked(raw.cast_mut()) };
        Self { raw, busy: AtomicBool::new(false) }
    }

    pub(crate) fn raw(&self) -> &abi::Request {
        // SAFETY: `new` was promised a request that outlives `self`; nobody writes to it.
        unsafe { self.raw.as_ref() }
    }

    fn text(&self, slice: Slice) -> Option<&str> {
        // SAFETY: a slice of this request, or one that its functions gave: valid until the response is finished.
        unsafe { slice.str() }
    }

    /// `GET`, `POST`, ...: upper case.
    pub fn method(&self) -> &str {
        self.text(self.raw().method).unwrap_or_default()
    }

    /// The path below the mount, percent-decoded; begins with `/`.
    pub fn path(&self) -> &str {
        self.text(self.raw().path).unwrap_or_default()
    }

    /// The mount's prefix, without a slash at its end; empty at the root.
    pub fn script_name(&self) -> &str {
        self.text(self.raw().script_name).unwrap_or_default()
    }

    /// The request's target as the client sent it: path and query, not decoded.
    pub fn target(&self) -> &str {
        self.text(self.raw().target).unwrap_or_default()
    }

    /// What follows `?`, not decoded; empty where there is none. [`Query`](crate::Query) reads it into a type.
    pub fn query(&self) -> &str {
        self.text(self.raw().query).unwrap_or_default()
    }

    /// HTTP version times ten: 10 or 11.
    pub fn version(&self) -> u16 {
        self.raw().version
    }

    /// Whether the client connected over TLS.
    pub fn is_secure(&self) -> bool {
        self.raw().flags & abi::REQUEST_SECURE != 0
    }

    /// The rule of the route; `None` in an error handler of a request that matched no route.
    pub fn rule(&self) -> Option<&str> {
        self.text(self.raw().rule)
    }

    /// The text that the wildcard of that name matched.
    pub fn param(&self, name: &str) -> Option<&str> {
        let named = |param: &&Param| self.text(param.name) == Some(name);
        self.params().iter().find(named).and_then(|param| self.text(param.text))
    }

    pub(crate) fn params(&self) -> &[Param] {
        let raw = self.raw();
        if raw.params_len == 0 {
            return &[];
        }
        // SAFETY: the contract: `params_len` parameters at `params`, as long as the request lives.
        unsafe { std::slice::from_raw_parts(raw.params, raw.params_len as usize) }
    }

    /// The whole body. Empty unless the route declares that it reads one: an extractor for bodies among its arguments
    /// does, and so does `body = "whole"` in the attribute.
    pub fn body(&self) -> &[u8] {
        // SAFETY: a slice of this request: valid until the response is finished.
        unsafe { self.raw().body.bytes() }.unwrap_or_default()
    }

    /// In an error handler: the status of the error.
    pub fn error_status(&self) -> Option<u16> {
        Some(self.raw().error_status).filter(|status| *status != 0)
    }

    /// In an error handler: the message of the error.
    pub fn error_message(&self) -> &str {
        self.text(self.raw().error_message).unwrap_or_default()
    }

    /// The first header of that name, in any case, if its value is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_bytes(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first header of that name, in any case.
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        // SAFETY: `header` is called by one thread at a time; the name is lent for the call.
        let value = self.call(|vt, ctx| unsafe { (vt.header)(ctx, Slice::text(name)) });
        // SAFETY: a slice that a function of this request gave: valid until the response is finished.
        unsafe { value.bytes() }
    }

    /// Every header, in the client's order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        (0..).map_while(|index| self.header_at(index))
    }

    fn header_at(&self, index: usize) -> Option<(&str, &[u8])> {
        let mut pair = MaybeUninit::<Pair>::uninit();
        // SAFETY: `header_at` is called by one thread at a time; `pair` is a place for one pair.
        let code = self.call(|vt, ctx| unsafe { (vt.header_at)(ctx, index, pair.as_mut_ptr()) });
        if code != abi::READY {
            return None;
        }
        // SAFETY: READY: the pair is filled.
        let pair = unsafe { pair.assume_init() };
        // SAFETY: a slice that a function of this request gave: valid until the response is finished.
        let value = unsafe { pair.value.bytes() };
        Some((self.text(pair.name)?, value?))
    }

    /// The cookies that the client sent; what is not a cookie is left out.
    pub fn cookies(&self) -> impl Iterator<Item = Cookie<'_>> {
        let lines = self.headers().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        let texts = lines.filter_map(|(_, value)| std::str::from_utf8(value).ok());
        texts.flat_map(|text| Cookie::split_parse(text).filter_map(Result::ok))
    }

    /// The value of a cookie; the last one of that name.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let named = self.cookies().filter(|cookie| cookie.name() == name);
        named.last().map(|cookie| cookie.value_trimmed().to_owned())
    }

    /// The client's address: `192.0.2.1:50000`, `[::1]:50000`, or `unix:`.
    pub fn peer(&self) -> &str {
        // SAFETY: `peer` is called by one thread at a time.
        let peer = self.call(|vt, ctx| unsafe { (vt.peer)(ctx) });
        self.text(peer).unwrap_or_default()
    }

    /// The request's id, as in the host's log.
    pub fn id(&self) -> &str {
        // SAFETY: `id` is called by one thread at a time.
        let id = self.call(|vt, ctx| unsafe { (vt.id)(ctx) });
        self.text(id).unwrap_or_default()
    }

    /// The URL of a route of this app, by its name or its rule. `values` fill its wildcards; the rest becomes the query.
    ///
    /// # Errors
    /// No such route, or a wildcard without a value: a 500 whose cause is in the log.
    pub fn url_for(&self, route: &str, values: &[(&str, &str)]) -> Result<&str, Error> {
        let pair = |(name, value): &(&str, &str)| Pair { name: Slice::text(name), value: Slice::text(value) };
        let values: Vec<Pair> = values.iter().map(pair).collect();
        let mut out = Slice::ABSENT;
        let (route_text, place) = (Slice::text(route), &raw mut out);
        let code = self.call(|vt, ctx| {
            // SAFETY: `url` is called by one thread at a time; name and values are lent for the call, `out` is a place
            // for one slice.
            unsafe { (vt.url)(ctx, route_text, values.as_ptr(), values.len(), place) }
        });
        let text = self.text(out).unwrap_or_default();
        if code == abi::READY {
            return Ok(text);
        }
        Err(Error::internal(format!("cannot build the URL of route `{route}`: {text}")))
    }

    /// A line in the host's log, with the request's id.
    ///
    /// ```
    /// # use plugin_api::prelude::*;
    /// #[get("/")]
    /// fn index(request: &Request) {
    ///     request.log(Level::Info, "somebody is here");
    /// }
    /// ```
    pub fn log(&self, level: Level, message: impl AsRef<str>) {
        let message = Slice::text(message.as_ref());
        // SAFETY: `log` is called by one thread at a time; the message is lent for the call.
        self.call(|vt, ctx| unsafe { (vt.log)(ctx, level as i32, message) });
    }

    /// Memory for `count` values that lives as long as the request; none when the request's arena is used up.
    pub(crate) fn alloc<T>(&self, count: usize) -> Option<NonNull<T>> {
        let size = count.checked_mul(size_of::<T>())?;
        // SAFETY: `alloc` is called by one thread at a time; an alignment of a type is a power of two.
        let memory = self.call(|vt, ctx| unsafe { (vt.alloc)(ctx, size, align_of::<T>()) });
        NonNull::new(memory.cast())
    }

    /// A copy that lives as long as the request.
    pub(crate) fn copy(&self, bytes: &[u8]) -> Option<Slice> {
        if bytes.is_empty() {
            return Some(Slice::new(b""));
        }
        let memory = self.alloc::<u8>(bytes.len())?;
        // SAFETY: fresh memory of that length, which nothing else refers to.
        unsafe { memory.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        Some(Slice { ptr: memory.as_ptr(), len: bytes.len() })
    }

    /// Calls a function of the host's for this request, one thread at a time. The lock is free unless safe code shared
    /// the request between threads, so it costs one uncontended exchange.
    pub(crate) fn call<R>(&self, work: impl FnOnce(&RequestVt, *const std::ffi::c_void) -> R) -> R {
        while self.busy.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            std::thread::yield_now();
        }
        let _free = Free(&self.busy);
        // SAFETY: the contract: the table of a request lives as long as the request.
        let vt = unsafe { &*self.raw().vt };
        work(vt, self.raw().ctx)
    }
}

/// Gives the lock of a request back, also when the work panics.
struct Free<'a>(&'a AtomicBool);

impl Drop for Free<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.target())
    }
}
