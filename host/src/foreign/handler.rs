//! Handlers of plugins, and those that middleware makes around them.
#![allow(unsafe_code, reason = "a handler's functions are called, and the handler is freed, through the ABI")]

use super::Object;
use crate::generation::Generation;
use plugin_api::abi;
use std::ffi::c_void;
use std::sync::Arc;

/// A handler of a plugin, or one that its middleware made around another.
pub(crate) struct OwnedHandler {
    raw: abi::Handler,
    object: Arc<Object>,
    /// Whose code it runs, directly or through a `next`.
    generations: Vec<Arc<Generation>>,
}

impl OwnedHandler {
    /// # Safety
    /// `raw` is a valid handler that nobody else drops; its code, and all that it calls, belongs to `generations`.
    pub(crate) unsafe fn new(raw: abi::Handler, generations: Vec<Arc<Generation>>) -> Arc<Self> {
        // SAFETY: the object calls this once. No call is under way then: the owner is dropped when no table has it any more,
        // and a retirement sees first that no request uses the generation.
        let object = Object::new(move || unsafe { free(raw) });
        generations.iter().for_each(|generation| generation.own(&object));
        Arc::new(Self { raw, object, generations })
    }

    /// The handler, to be called while its generations are there: see `usage`.
    pub(crate) fn raw(&self) -> abi::Handler {
        self.raw
    }

    /// Whose code it runs.
    pub(crate) fn generations(&self) -> &[Arc<Generation>] {
        &self.generations
    }

    /// A handler that calls this one, for a middleware that owns its `next`. One more indirect call.
    pub(super) fn share(self: &Arc<Self>) -> abi::Handler {
        abi::Handler { data: Arc::into_raw(self.clone()).cast_mut().cast(), vt: &raw const SHARED }
    }

    /// Takes back what `share` gave, if `raw` is that.
    ///
    /// # Safety
    /// `shared` came from `share` and was not dropped, if `raw` is equal to it.
    pub(super) unsafe fn unshare(raw: abi::Handler, shared: abi::Handler) -> Option<Arc<Self>> {
        let is_same = raw.data == shared.data && std::ptr::eq(raw.vt, shared.vt);
        // SAFETY: the caller vouches for the count.
        is_same.then(|| unsafe { Arc::from_raw(raw.data.cast::<Self>()) })
    }
}

/// # Safety
/// A valid handler whose library is mapped; it was not freed, and no call of it is under way or will come.
unsafe fn free(raw: abi::Handler) {
    // SAFETY: a handler's table lives as long as its library is mapped.
    let Some(drop) = (unsafe { (*raw.vt).drop }) else { return };
    // SAFETY: the caller vouches that this is the one time.
    unsafe { drop(raw.data) }
}

impl Drop for OwnedHandler {
    fn drop(&mut self) {
        self.object.release();
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
    // SAFETY: whoever calls the handler around this one uses the generations of both.
    let call = unsafe { (*inner.vt).call };
    // SAFETY: the caller upholds the contract of `call`, and it is handed through unchanged.
    unsafe { call(inner.data, request, response, pending) }
}

unsafe extern "C" fn shared_drop(data: *mut c_void) {
    // SAFETY: `data` is the count that `share` made; a handler is dropped once.
    drop(unsafe { Arc::from_raw(data.cast::<OwnedHandler>()) });
}
