//! Objects of the plugin's, with an owner.
#![allow(unsafe_code, reason = "calls and drops handlers through the ABI")]

use crate::abi::{self, Handler, HandlerVt, Poll, RouteInfo, Slice, Wrapper};
use std::ffi::c_void;
use std::sync::Arc;

/// A handler; dropped once.
pub(super) struct OwnedHandler(Handler);

impl OwnedHandler {
    pub(super) const fn new(handler: Handler) -> Self {
        Self(handler)
    }

    pub(super) fn call(
        &self,
        request: &abi::Request,
        response: &mut abi::Response,
        pending: &mut Poll,
    ) -> i32 {
        // SAFETY: a handler that the plugin gave, and that was not dropped.
        let function = unsafe { (*self.0.vt).call };
        // SAFETY: the places are for this call; the request lives until the answer was read.
        unsafe { function(self.0.data, request, response, pending) }
    }

    /// A handler that calls this one: a middleware owns its `next`.
    fn share(self: &Arc<Self>) -> Handler {
        Handler { data: Arc::into_raw(self.clone()).cast_mut().cast(), vt: &raw const SHARED }
    }
}

impl Drop for OwnedHandler {
    fn drop(&mut self) {
        // SAFETY: as in `call`.
        let Some(drop) = (unsafe { (*self.0.vt).drop }) else { return };
        // SAFETY: this is the only owner, and no call is under way.
        unsafe { drop(self.0.data) }
    }
}

static SHARED: HandlerVt = HandlerVt {
    size: size_of::<HandlerVt>() as u32,
    reserved: 0,
    call: call_shared,
    drop: Some(drop_shared),
};

unsafe extern "C" fn call_shared(
    data: *mut c_void,
    request: *const abi::Request,
    response: *mut abi::Response,
    pending: *mut Poll,
) -> i32 {
    // SAFETY: the count that `share` made is alive.
    let handler = unsafe { &*data.cast::<OwnedHandler>() }.0;
    // SAFETY: a handler that the plugin gave, kept by the count.
    let function = unsafe { (*handler.vt).call };
    // SAFETY: handed through as it came.
    unsafe { function(handler.data, request, response, pending) }
}

unsafe extern "C" fn drop_shared(data: *mut c_void) {
    // SAFETY: the count that `share` made, given up once.
    drop(unsafe { Arc::from_raw(data.cast::<OwnedHandler>()) });
}

/// A middleware; dropped once.
pub(super) struct OwnedWrapper(Wrapper);

// SAFETY: middleware of this SDK is made for any thread, `apply` included; the test client loads no other plugin.
unsafe impl Send for OwnedWrapper {}
// SAFETY: as above.
unsafe impl Sync for OwnedWrapper {}

impl OwnedWrapper {
    pub(super) const fn new(wrapper: Wrapper) -> Self {
        Self(wrapper)
    }

    /// Puts it around a route.
    pub(super) fn apply(
        &self,
        method: &str,
        rule: &str,
        name: &str,
        next: &Arc<OwnedHandler>,
    ) -> Arc<OwnedHandler> {
        let route = RouteInfo {
            size: size_of::<RouteInfo>() as u32,
            reserved: 0,
            method: Slice::text(method),
            rule: Slice::text(rule),
            name: Slice::text(name),
            mount: Slice::text(""),
            plugin: Slice::text("test"),
        };
        let next = next.share();
        let mut out = next;
        // SAFETY: a wrapper that the plugin gave, and that was not dropped.
        let apply = unsafe { (*self.0.vt).apply };
        // SAFETY: the route is lent for the call, `next` is given away, `out` is a place for one handler.
        let code = unsafe { apply(self.0.data, &raw const route, next, &raw mut out) };
        assert_eq!(code, abi::READY, "a middleware could not be put around {method} {rule}");
        Arc::new(OwnedHandler::new(out))
    }
}

impl Drop for OwnedWrapper {
    fn drop(&mut self) {
        // SAFETY: as in `apply`.
        let Some(drop) = (unsafe { (*self.0.vt).drop }) else { return };
        // SAFETY: this is the only owner.
        unsafe { drop(self.0.data) }
    }
}
