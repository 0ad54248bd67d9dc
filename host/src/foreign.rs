//! Objects that came over the boundary, with an owner: each keeps the generation loaded whose code it runs, and is
//! dropped once.
#![allow(
    unsafe_code,
    reason = "these are the places where a plugin's functions are called and its objects freed"
)]

use crate::generation::Generation;
use plugin_api::abi;
use plugin_api_route::Value;
use std::ffi::c_void;
use std::sync::Arc;

/// A handler of a plugin, or one that its middleware made around another.
pub(crate) struct OwnedHandler {
    raw: abi::Handler,
    /// Dropped after the handler: whose code it runs, directly or through a `next`.
    _generations: Vec<Arc<Generation>>,
}

impl OwnedHandler {
    /// # Safety
    /// `raw` is a valid handler that nobody else drops; its code, and all that it calls, belongs to `generations`.
    pub(crate) unsafe fn new(raw: abi::Handler, generations: Vec<Arc<Generation>>) -> Self {
        Self { raw, _generations: generations }
    }

    /// The handler, to be called while `self` lives.
    pub(crate) fn raw(&self) -> abi::Handler {
        self.raw
    }

    /// A handler that calls this one, for a middleware that owns its `next`. One more indirect call.
    pub(crate) fn share(self: &Arc<Self>) -> abi::Handler {
        abi::Handler { data: Arc::into_raw(self.clone()).cast_mut().cast(), vt: &raw const SHARED }
    }
}

impl Drop for OwnedHandler {
    fn drop(&mut self) {
        // SAFETY: a handler's table lives as long as its generation, which `self` holds.
        let Some(drop) = (unsafe { (*self.raw.vt).drop }) else { return };
        // SAFETY: `new` took the ownership over; no call is under way, since callers hold `self`.
        unsafe { drop(self.raw.data) }
    }
}

static SHARED: abi::HandlerVt = abi::HandlerVt {
    size: size_of::<abi::HandlerVt>() as u32,
    reserved: 0,
    call: shared_call,
    drop: Some(shared_drop),
};

unsafe extern "C" fn shared_call(
    data: *mut c_void,
    request: *const abi::Request,
    response: *mut abi::Response,
    pending: *mut abi::Poll,
) -> i32 {
    // SAFETY: `data` is the count that `share` made, alive until `shared_drop`.
    let inner = unsafe { &*data.cast::<OwnedHandler>() }.raw;
    // SAFETY: a handler's table lives as long as its generation, which the count holds.
    let call = unsafe { (*inner.vt).call };
    // SAFETY: the caller upholds the contract of `call`, and it is handed through unchanged.
    unsafe { call(inner.data, request, response, pending) }
}

unsafe extern "C" fn shared_drop(data: *mut c_void) {
    // SAFETY: `data` is the count that `share` made; a handler is dropped once.
    drop(unsafe { Arc::from_raw(data.cast::<OwnedHandler>()) });
}

/// A middleware that is ready to be put around routes.
pub(crate) struct OwnedWrapper {
    raw: abi::Wrapper,
    generation: Arc<Generation>,
}

// SAFETY: the contract: `apply` is called by the thread that builds a table, one at a time; `drop` on any thread.
unsafe impl Send for OwnedWrapper {}
// SAFETY: as above: tables are built by one thread at a time.
unsafe impl Sync for OwnedWrapper {}

impl OwnedWrapper {
    /// # Safety
    /// `raw` is a valid wrapper of `generation` that nobody else drops.
    pub(crate) unsafe fn new(raw: abi::Wrapper, generation: Arc<Generation>) -> Self {
        Self { raw, generation }
    }

    /// Puts the middleware around `next`, for a route that `info` describes. The code of failure on error.
    pub(crate) fn apply(
        &self,
        info: &abi::RouteInfo,
        next: &Arc<OwnedHandler>,
    ) -> Result<Arc<OwnedHandler>, i32> {
        let shared = next.share();
        let mut out = shared;
        // SAFETY: a wrapper's table lives as long as its generation, which `self` holds.
        let apply = unsafe { (*self.raw.vt).apply };
        // SAFETY: `info` is borrowed for the call, `next` is taken over, `out` is a place for one handler.
        let code = unsafe { apply(self.raw.data, info, shared, &raw mut out) };
        if code != abi::READY {
            return Err(code);
        }
        if out.data == shared.data && std::ptr::eq(out.vt, shared.vt) {
            // Handed back unchanged: this route has nothing to do with that middleware, and pays nothing for it.
            // SAFETY: the count that `share` made came back to us.
            return Ok(unsafe { Arc::from_raw(out.data.cast::<OwnedHandler>()) });
        }
        let mut generations = vec![self.generation.clone()];
        generations.extend(next._generations.iter().cloned());
        // SAFETY: `apply` answered READY, so `out` is a handler that is ours to drop; what it calls is held.
        Ok(Arc::new(unsafe { OwnedHandler::new(out, generations) }))
    }
}

impl Drop for OwnedWrapper {
    fn drop(&mut self) {
        // SAFETY: a wrapper's table lives as long as its generation, which `self` holds.
        let Some(drop) = (unsafe { (*self.raw.vt).drop }) else { return };
        // SAFETY: `new` took the ownership over.
        unsafe { drop(self.raw.data) }
    }
}

/// A filter of rules that a plugin brought.
pub(crate) struct OwnedFilter {
    raw: abi::Filter,
    /// Dropped after the filter.
    _generation: Arc<Generation>,
}

// SAFETY: the contract lets `parse` and `format` be called on any thread, also several at once; `pattern` is called by the
// thread that loads.
unsafe impl Send for OwnedFilter {}
// SAFETY: as above.
unsafe impl Sync for OwnedFilter {}

impl OwnedFilter {
    /// # Safety
    /// `raw` is a valid filter of `generation` that nobody else drops.
    pub(crate) unsafe fn new(raw: abi::Filter, generation: Arc<Generation>) -> Self {
        Self { raw, _generation: generation }
    }

    fn vt(&self) -> &abi::FilterVt {
        // SAFETY: a filter's table lives as long as its generation, which `self` holds.
        unsafe { &*self.raw.vt }
    }

    /// The regular expression for a wildcard with that configuration.
    pub(crate) fn pattern(&self, config: Option<&str>) -> Result<String, String> {
        let mut out = Text::default();
        let config = config.map_or(abi::Slice::ABSENT, abi::Slice::text);
        // SAFETY: `config` is lent for the call, `out` is a place for one buffer.
        let code = unsafe { (self.vt().pattern)(self.raw.data, config, out.place()) };
        if code == abi::READY { Ok(out.text()) } else { Err(out.text()) }
    }

    /// The value of what matched; none: a wrong format.
    pub(crate) fn parse<'p>(&self, config: Option<&str>, text: &'p str) -> Option<Value<'p>> {
        let Some(parse) = self.vt().parse else { return Some(Value::Text(text)) };
        let number = abi::Number { int: 0 };
        let slice = abi::Slice::text(text);
        let mut param =
            abi::Param { name: abi::Slice::ABSENT, text: slice, kind: abi::VALUE_TEXT, reserved: 0, number };
        let config = config.map_or(abi::Slice::ABSENT, abi::Slice::text);
        // SAFETY: both texts are lent for the call, `param` is a place for one parameter.
        let code = unsafe { parse(self.raw.data, config, slice, &raw mut param) };
        match (code, param.kind) {
            // SAFETY: the kind says which number was filled in; any bits are an integer.
            (abi::READY, abi::VALUE_INT) => Some(Value::Int(unsafe { param.number.int })),
            // SAFETY: as above; any bits are a float.
            (abi::READY, abi::VALUE_FLOAT) => Some(Value::Float(unsafe { param.number.float })),
            (abi::READY, _) => Some(Value::Text(text)),
            _ => None,
        }
    }

    /// The text of a value in a URL.
    pub(crate) fn format(&self, config: Option<&str>, value: &str) -> Result<String, String> {
        let Some(format) = self.vt().format else { return Ok(value.to_owned()) };
        let mut out = Text::default();
        let config = config.map_or(abi::Slice::ABSENT, abi::Slice::text);
        // SAFETY: both texts are lent for the call, `out` is a place for one buffer.
        let code = unsafe { format(self.raw.data, config, abi::Slice::text(value), out.place()) };
        if code == abi::READY { Ok(out.text()) } else { Err(out.text()) }
    }
}

impl Drop for OwnedFilter {
    fn drop(&mut self) {
        let Some(drop) = self.vt().drop else { return };
        // SAFETY: `new` took the ownership over.
        unsafe { drop(self.raw.data) }
    }
}

/// A place for a buffer that a plugin fills: an error, a pattern, a state.
pub(crate) struct Text(abi::Buf);

impl Default for Text {
    fn default() -> Self {
        Self(abi::Buf::EMPTY)
    }
}

impl Text {
    pub(crate) fn place(&mut self) -> *mut abi::Buf {
        &raw mut self.0
    }

    /// What was filled in.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the buffer is released in `drop`, not before; a producer's memory lives until then.
        unsafe { self.0.bytes() }
    }

    /// How many bytes that are.
    pub(crate) fn len(&self) -> usize {
        self.0.len
    }

    /// What was filled in, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// What was filled in, or else a word for the code.
    pub(crate) fn or_code(&self, code: i32) -> String {
        match self.text() {
            text if !text.is_empty() => text,
            _ => match code {
                abi::PANIC => "panicked".to_owned(),
                abi::DECLINED => "declined".to_owned(),
                abi::CANCELLED => "was cancelled".to_owned(),
                _ => format!("failed with code {code} and no reason"),
            },
        }
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: filled by a plugin that is loaded: whoever holds this place holds the generation, too.
        unsafe { self.0.release() }
    }
}
