//! Middleware: code around handlers, put there once for each route when the table is built.
#![allow(unsafe_code, reason = "the functions that the host calls, and the handlers that a middleware owns")]

use crate::abi::{self, Handler, HandlerVt, Poll, Slice, Wrapper, WrapperVt};
use crate::error::Error;
use crate::guard;
use crate::instance::Instance;
use crate::request::Request;
use crate::run::{Next, Run};
use crate::task;
use serde::de::DeserializeOwned;
use std::ffi::c_void;
use std::ops::Deref;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll as Step, Waker};

/// A middleware, by hand. `#[middleware]` on a function is shorter.
///
/// ```
/// # use plugin_api::prelude::*;
/// struct Stamp(&'static str);
///
/// impl Middleware for Stamp {
///     fn applies(&self, route: &RouteInfo) -> bool {
///         route.rule().starts_with("/api/")
///     }
///
///     fn run<'r>(&'r self, request: &'r Request, next: Next<'r>) -> Run<'r> {
///         next.run(request).then(|reply| reply.header("x-stamp", self.0))
///     }
/// }
/// ```
pub trait Middleware: Send + Sync {
    /// Whether it wants to be around that route; if not, it costs the route nothing.
    fn applies(&self, route: &RouteInfo) -> bool {
        let _ = route;
        true
    }

    /// Handles a request; `next` is what it is around.
    fn run<'r>(&'r self, request: &'r Request, next: Next<'r>) -> Run<'r>;
}

impl<F: for<'r> Fn(&'r Request, Next<'r>) -> Run<'r> + Send + Sync> Middleware for F {
    fn run<'r>(&'r self, request: &'r Request, next: Next<'r>) -> Run<'r> {
        self(request, next)
    }
}

/// A route, as a middleware sees it when the table is built.
#[derive(Debug)]
#[repr(transparent)]
pub struct RouteInfo(abi::RouteInfo);

impl RouteInfo {
    fn text(&self, slice: Slice) -> &str {
        // SAFETY: a slice of this route, which is lent for the same call as `self`.
        unsafe { slice.str() }.unwrap_or_default()
    }

    /// Upper case; `ANY` for every method.
    pub fn method(&self) -> &str {
        self.text(self.0.method)
    }

    /// As it was registered, below the mount.
    pub fn rule(&self) -> &str {
        self.text(self.0.rule)
    }

    /// The route's name; empty if it has none.
    pub fn name(&self) -> &str {
        self.text(self.0.name)
    }

    /// The mount's prefix.
    pub fn mount(&self) -> &str {
        self.text(self.0.mount)
    }

    /// The plugin that the route came from.
    pub fn plugin(&self) -> &str {
        self.text(self.0.plugin)
    }
}

/// A function with `#[middleware]`: the attribute writes this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a middleware",
    label = "not a middleware",
    note = "put `#[middleware]` on the function"
)]
pub trait MiddlewareItem: 'static {
    /// The configuration of one use of it.
    type Settings: DeserializeOwned + Send + Sync + 'static;

    /// Whether the instance has the states that it takes.
    ///
    /// # Errors
    /// One is missing; the message names it.
    fn check(instance: &Instance) -> Result<(), Error>;

    /// Whether it wants to be around that route.
    fn applies(route: &RouteInfo) -> bool;

    /// Makes the arguments, and calls it.
    fn run<'r>(in_use: &'r Use<Self>, request: &'r Request, next: Next<'r>) -> Run<'r>
    where
        Self: Sized;
}

/// A use of a middleware: its settings, and the instance.
#[derive(Debug)]
pub struct Use<M: MiddlewareItem> {
    settings: M::Settings,
    instance: NonNull<Instance>,
}

// SAFETY: settings and instance may be used by any thread.
unsafe impl<M: MiddlewareItem> Send for Use<M> {}
// SAFETY: as above.
unsafe impl<M: MiddlewareItem> Sync for Use<M> {}

impl<M: MiddlewareItem> Use<M> {
    /// A use of it; `M` says what the settings look like.
    ///
    /// # Safety
    /// The instance outlives the result.
    pub(crate) unsafe fn new(instance: &Instance, settings: M::Settings) -> Self {
        Self { settings, instance: NonNull::from(instance) }
    }

    /// The settings, as an argument.
    pub fn settings(&self) -> Settings<'_, M::Settings> {
        Settings(&self.settings)
    }

    /// The instance.
    pub fn instance(&self) -> &Instance {
        // SAFETY: `new` was promised that it outlives `self`.
        unsafe { self.instance.as_ref() }
    }
}

impl<M: MiddlewareItem> Middleware for Use<M> {
    fn applies(&self, route: &RouteInfo) -> bool {
        M::applies(route)
    }

    fn run<'r>(&'r self, request: &'r Request, next: Next<'r>) -> Run<'r> {
        M::run(self, request, next)
    }
}

/// The configuration of one use of a middleware, as an argument of its function.
#[derive(Debug)]
pub struct Settings<'r, T>(&'r T);

impl<T> Clone for Settings<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Settings<'_, T> {}

impl<'r, T> Settings<'r, T> {
    /// The configuration, for as long as the request lives: what an answer may borrow from.
    pub fn get(self) -> &'r T {
        self.0
    }
}

impl<T> Deref for Settings<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

/// No settings: an object that is empty.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A middleware as a wrapper of the ABI.
pub(crate) fn wrapper<M: Middleware>(middleware: M) -> Wrapper {
    let data = Arc::into_raw(Arc::new(middleware)).cast_mut().cast();
    Wrapper { data, vt: wrapper_vt::<M>() }
}

const fn wrapper_vt<M: Middleware>() -> &'static WrapperVt {
    const {
        &WrapperVt {
            size: size_of::<WrapperVt>() as u32,
            reserved: 0,
            apply: apply::<M>,
            drop: Some(drop_middleware::<M>),
        }
    }
}

unsafe extern "C" fn apply<M: Middleware>(
    data: *mut c_void,
    route: *const abi::RouteInfo,
    next: Handler,
    out: *mut Handler,
) -> i32 {
    let next = OwnedHandler(next);
    guard::run(crate::host::log_error, || {
        // SAFETY: `data` came from `wrapper`, whose count lives until the wrapper is dropped.
        let middleware = unsafe { &*data.cast::<M>() };
        // SAFETY: the route is lent for this call; `RouteInfo` has its layout.
        let route = unsafe { &*route.cast::<RouteInfo>() };
        let handler = if middleware.applies(route) {
            // SAFETY: as above: the count is alive; the handler takes one of its own, since it may outlive the wrapper.
            unsafe { Arc::increment_strong_count(data.cast::<M>()) };
            // SAFETY: this is the count that was just taken.
            let middleware = unsafe { Arc::from_raw(data.cast::<M>()) };
            let around = Box::into_raw(Box::new(Around { middleware, next }));
            Handler { data: around.cast(), vt: around_vt::<M>() }
        } else {
            next.into_raw()
        };
        // SAFETY: a place for one handler.
        unsafe { out.write(handler) };
        abi::READY
    })
}

unsafe extern "C" fn drop_middleware<M: Middleware>(data: *mut c_void) {
    // SAFETY: `data` came from `wrapper`, and a wrapper is dropped once.
    let middleware = unsafe { Arc::from_raw(data.cast::<M>()) };
    guard::quietly(|| drop(middleware));
}

/// A middleware with what it is around.
struct Around<M> {
    middleware: Arc<M>,
    next: OwnedHandler,
}

const fn around_vt<M: Middleware>() -> &'static HandlerVt {
    const {
        &HandlerVt {
            size: size_of::<HandlerVt>() as u32,
            reserved: 0,
            call: call::<M>,
            drop: Some(drop_around::<M>),
        }
    }
}

unsafe extern "C" fn call<M: Middleware>(
    data: *mut c_void,
    request: *const abi::Request,
    response: *mut abi::Response,
    pending: *mut Poll,
) -> i32 {
    guard::run(task::log_to(request), || {
        // SAFETY: `data` came from `apply`, and lives until the handler was dropped, which is after every poll.
        let around = unsafe { &*data.cast::<Around<M>>() };
        // SAFETY: the request is valid until the response is finished.
        let Some(request) = (unsafe { in_arena(request) }) else { return abi::ERR };
        // SAFETY: `next` lives as long as `around`.
        let next = unsafe { Next::new(around.next.0) };
        let mut run = around.middleware.run(request, next);
        let mut eager = Context::from_waker(Waker::noop());
        if let Step::Ready(reply) = Pin::new(&mut run).poll(&mut eager) {
            // SAFETY: the response of this call.
            unsafe { reply.finish(request).write(response) };
            return abi::READY;
        }
        let future = async move { run.await.finish(request) };
        // SAFETY: the future borrows the request, and `around`, which live until its poll was dropped.
        let poll = unsafe { task::poll_of(request.raw(), future) };
        // SAFETY: the place of this call.
        unsafe { pending.write(poll) };
        abi::PENDING
    })
}

unsafe extern "C" fn drop_around<M: Middleware>(data: *mut c_void) {
    // SAFETY: `data` came from `apply`, and a handler is dropped once.
    let around = unsafe { Box::from_raw(data.cast::<Around<M>>()) };
    guard::quietly(|| drop(around));
}

/// A view of the request that lives as long as the request itself: a pending run borrows it.
///
/// # Safety
/// The request is valid for as long as `'r`.
unsafe fn in_arena<'r>(raw: *const abi::Request) -> Option<&'r Request> {
    // SAFETY: the caller vouches for the request.
    let request = unsafe { Request::new(raw) };
    let Some(place) = request.alloc::<Request>(1) else {
        request.log(crate::host::Level::Error, "the request's arena is used up");
        return None;
    };
    // SAFETY: fresh memory of that size and alignment, as long as the request lives. A request needs no drop.
    unsafe { place.write(request) };
    // SAFETY: it was written just now, and nobody writes again.
    Some(unsafe { place.as_ref() })
}

/// A handler that a middleware was given; dropped with it.
struct OwnedHandler(Handler);

impl OwnedHandler {
    fn into_raw(self) -> Handler {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for OwnedHandler {
    fn drop(&mut self) {
        // SAFETY: a handler that was taken over: its table is there.
        let Some(drop) = (unsafe { (*self.0.vt).drop }) else { return };
        // SAFETY: no call is under way, since the middleware around it is dropped; `self` is the only owner.
        unsafe { drop(self.0.data) }
    }
}

/// Makes a use of a middleware from the JSON of its settings.
///
/// # Safety
/// The instance outlives the wrapper, and the handlers that it makes.
pub(crate) unsafe fn make<M: MiddlewareItem>(instance: &Instance, json: &str) -> Result<Wrapper, Error> {
    let settings = crate::config::read("config", json)?;
    // SAFETY: the caller vouches for the instance.
    Ok(wrapper(unsafe { Use::<M>::new(instance, settings) }))
}
