//! Handlers: what the attributes make of functions, and closures, as handlers of the ABI.
#![allow(unsafe_code, reason = "the functions that the host calls")]

use crate::abi::{self, HandlerVt, Poll};
use crate::error::Error;
use crate::extract::BodyMode;
use crate::finish::Finished;
use crate::guard;
use crate::instance::Instance;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Reply;
use crate::task;
use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;

/// A function with an attribute, such as `#[get("/")]`: the attribute writes this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "put an attribute on the function: `#[get(\"/rule\")]`, or `#[error(404)]` for an error handler"
)]
pub trait Endpoint: 'static {
    /// What the attribute says.
    const SPEC: Spec;
    /// How the host calls it; the data is the instance.
    const VT: &'static HandlerVt;

    /// Whether the instance has the states that it takes. `plugin!` knows when it compiles; `App::add` asks at load.
    ///
    /// # Errors
    /// One is missing; the message names it.
    fn check(instance: &Instance) -> Result<(), Error>;
}

/// An [`Endpoint`] that answers requests of a rule.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the handler of a route",
    label = "not the handler of a route",
    note = "put an attribute on the function: `#[get(\"/rule\")]`; an error handler belongs in `errors: [..]`"
)]
pub trait RouteEndpoint: Endpoint {}

/// An [`Endpoint`] that answers errors of a status.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error handler",
    label = "not an error handler",
    note = "put `#[error(404)]` on the function; the handler of a route belongs in `routes: [..]`"
)]
pub trait ErrorEndpoint: Endpoint {}

/// What the attribute of a handler says.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Upper case; none of an error handler.
    pub methods: &'static [&'static str],
    /// The rule; empty of an error handler.
    pub rule: &'static str,
    /// The route's name, if the attribute gives one.
    pub name: Option<&'static str>,
    /// What it does with the body.
    pub body: BodyMode,
    /// Whether it may block for long.
    pub blocking: bool,
    /// Of an error handler; else zero.
    pub status: u16,
}

/// What the arguments of a handler need of the body, together.
pub const fn body_of(needs: &[BodyMode]) -> BodyMode {
    let (mut most, mut at) = (BodyMode::None, 0);
    while at < needs.len() {
        if needs[at] as u16 > most as u16 {
            most = needs[at];
        }
        at += 1;
    }
    most
}

/// The body of a handler that is not asynchronous.
pub const fn sync_body(need: BodyMode) -> BodyMode {
    assert!(
        !matches!(need, BodyMode::Stream),
        "this handler reads the body as a stream, which would block a thread: make it an `async fn`, or take `&[u8]`"
    );
    need
}

/// A function that answers at once.
pub trait SyncEndpoint: 'static {
    /// Makes the arguments, and calls it.
    ///
    /// # Errors
    /// An argument could not be made.
    fn call<'r>(request: &'r Request, instance: &'r Instance) -> Result<Reply<'r>, Error>;
}

/// An `async fn`.
pub trait AsyncEndpoint: 'static {
    /// Makes the arguments, and calls it.
    fn call<'r>(
        request: &'r Request,
        instance: &'r Instance,
    ) -> impl Future<Output = Result<Reply<'r>, Error>> + Send + 'r;
}

const SIZE: u32 = size_of::<HandlerVt>() as u32;

/// How the host calls a function.
pub const fn sync_vt<E: SyncEndpoint>() -> &'static HandlerVt {
    const { &HandlerVt { size: SIZE, reserved: 0, call: call_sync::<E>, drop: None } }
}

/// How the host calls an `async fn`.
pub const fn async_vt<E: AsyncEndpoint>() -> &'static HandlerVt {
    const { &HandlerVt { size: SIZE, reserved: 0, call: call_async::<E>, drop: None } }
}

unsafe extern "C" fn call_sync<E: SyncEndpoint>(
    data: *mut c_void,
    request: *const abi::Request,
    response: *mut abi::Response,
    _: *mut Poll,
) -> i32 {
    let work = || {
        // SAFETY: the request is valid until the response is finished.
        let request = unsafe { Request::new(request) };
        // SAFETY: the data of an endpoint is the instance, which outlives its handlers.
        let instance = unsafe { &*data.cast::<Instance>() };
        let reply = E::call(&request, instance).unwrap_or_else(Reply::from);
        // SAFETY: the response of this call.
        unsafe { reply.finish(&request).write(response) };
        abi::READY
    };
    guard::run(task::log_to(request), work)
}

unsafe extern "C" fn call_async<E: AsyncEndpoint>(
    data: *mut c_void,
    request: *const abi::Request,
    _: *mut abi::Response,
    pending: *mut Poll,
) -> i32 {
    let lent = Lent { request, data };
    let future = async move {
        let Lent { request, data } = { lent };
        // SAFETY: the request is valid until this future, in its poll, was dropped.
        let request = unsafe { Request::new(request) };
        // SAFETY: the data of an endpoint is the instance, which outlives its handlers and their polls.
        let instance = unsafe { &*data.cast::<Instance>() };
        E::call(&request, instance).await.unwrap_or_else(Reply::from).finish(&request)
    };
    // SAFETY: see within the future.
    unsafe { pend(request, future, pending) }
}

/// What a call lends, on its way into a future.
#[derive(Clone, Copy)]
struct Lent {
    request: *const abi::Request,
    data: *mut c_void,
}

// SAFETY: the contract lets the work of a request move between threads, with what was lent to it.
unsafe impl Send for Lent {}
// SAFETY: two pointers; what is behind them says for itself who may use it.
unsafe impl Sync for Lent {}

/// Answers a call with a future.
///
/// # Safety
/// As for [`task::poll_of`]; `pending` is the call's.
unsafe fn pend<F: Future<Output = Finished> + Send>(
    request: *const abi::Request,
    future: F,
    pending: *mut Poll,
) -> i32 {
    guard::run(task::log_to(request), || {
        // SAFETY: the caller vouches for what the future borrows.
        let poll = unsafe { task::poll_of(request, future) };
        // SAFETY: the caller vouches for the place.
        unsafe { pending.write(poll) };
        abi::PENDING
    })
}

/// A closure as a handler; it lives in a box of the handler's.
pub(crate) fn closure<'p, F, R>(function: F) -> abi::Handler
where
    F: Fn(&Request) -> R + Send + Sync + 'p,
    R: IntoResponse<'static>,
{
    let call = move |request: &Request, out: *mut abi::Response, _: *mut Poll| {
        let reply = function(request).into_response();
        // SAFETY: the response of this call.
        unsafe { reply.finish(request).write(out) };
        abi::READY
    };
    boxed(call)
}

/// What an asynchronous closure gives.
pub type BoxFuture<'r, T> = Pin<Box<dyn Future<Output = T> + Send + 'r>>;

/// An asynchronous closure as a handler.
pub(crate) fn async_closure<'p, F, R>(function: F) -> abi::Handler
where
    F: for<'r> Fn(&'r Request) -> BoxFuture<'r, R> + Send + Sync + 'p,
    R: IntoResponse<'static>,
{
    let call = move |request: &Request, _: *mut abi::Response, pending: *mut Poll| {
        let lent = Lent { request: request.raw(), data: (&raw const function).cast_mut().cast() };
        let future = async move {
            let Lent { request, data } = { lent };
            // SAFETY: the request is valid until this future, in its poll, was dropped.
            let request = unsafe { Request::new(request) };
            // SAFETY: the closure lives in its handler, which outlives the polls that it gave.
            let function = unsafe { &*data.cast::<F>() };
            function(&request).await.into_response().finish(&request)
        };
        // SAFETY: see within the future.
        unsafe { pend(request.raw(), future, pending) }
    };
    boxed(call)
}

fn boxed<C>(call: C) -> abi::Handler
where
    C: Fn(&Request, *mut abi::Response, *mut Poll) -> i32 + Send + Sync,
{
    abi::Handler { data: Box::into_raw(Box::new(call)).cast(), vt: boxed_vt::<C>() }
}

const fn boxed_vt<C: Fn(&Request, *mut abi::Response, *mut Poll) -> i32>() -> &'static HandlerVt {
    const { &HandlerVt { size: SIZE, reserved: 0, call: call_boxed::<C>, drop: Some(drop_boxed::<C>) } }
}

unsafe extern "C" fn call_boxed<C: Fn(&Request, *mut abi::Response, *mut Poll) -> i32>(
    data: *mut c_void,
    request: *const abi::Request,
    response: *mut abi::Response,
    pending: *mut Poll,
) -> i32 {
    guard::run(task::log_to(request), || {
        // SAFETY: the request is valid until the response is finished.
        let request = unsafe { Request::new(request) };
        // SAFETY: `data` came from `boxed`, and lives until the handler is dropped.
        let call = unsafe { &*data.cast::<C>() };
        call(&request, response, pending)
    })
}

unsafe extern "C" fn drop_boxed<C>(data: *mut c_void) {
    // SAFETY: `data` came from `boxed`, and a handler is dropped once.
    let call = unsafe { Box::from_raw(data.cast::<C>()) };
    guard::quietly(|| drop(call));
}
