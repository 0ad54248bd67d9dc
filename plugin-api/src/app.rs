//! Apps whose routes are made at load: by a factory, or by the function after `default:`.
#![allow(unsafe_code, reason = "calls the host's functions for apps, and gives it handlers")]

use crate::abi::{self, Buf, Handler, HostApp, RouteSpec, Slice};
use crate::chunk::OwnedBuf;
use crate::endpoint::{self, BoxFuture, ErrorEndpoint, RouteEndpoint};
use crate::error::Error;
use crate::extract::BodyMode;
use crate::filter::{self, Filter};
use crate::host;
use crate::instance::Instance;
use crate::into_response::IntoResponse;
use crate::middleware::{self, Middleware, MiddlewareItem};
use crate::request::Request;
use crate::run::{Next, Run};
use std::marker::PhantomData;

/// An app while it is loaded: routes, error handlers, filters, other apps below it, and middleware around it.
///
/// It is a handle: a copy of it is the same app. After the load that made it, every function answers with an error.
///
/// ```standalone_crate
/// # use plugin_api::prelude::*;
/// fn shop(app: &mut App) -> Result<(), Error> {
///     app.get("/", |_: &Request| "the shop")?;
///     app.get("/item/<id:int>", |request: &Request| format!("item {}", request.param("id").unwrap_or_default()))
/// }
/// plugin! { default: shop }
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug)]
pub struct App<'p> {
    raw: *mut abi::App,
    host: &'p HostApp,
    instance: &'p Instance,
    /// What its handlers may borrow: the instance outlives them, and no more is known.
    life: PhantomData<fn(&'p ()) -> &'p ()>,
}

/// A route whose handler is a closure: method and rule, and what else there is to say.
#[derive(Clone, Copy, Debug)]
#[must_use = "give it to `App::route`"]
pub struct Route<'a> {
    method: &'a str,
    rule: &'a str,
    name: Option<&'a str>,
    body: BodyMode,
    blocking: bool,
}

impl<'a> Route<'a> {
    /// A route; `ANY` stands for every method. It reads a body unless the method is GET, HEAD or DELETE.
    pub fn new(method: &'a str, rule: &'a str) -> Self {
        let bare = ["GET", "HEAD", "DELETE"].iter().any(|bare| method.eq_ignore_ascii_case(bare));
        let body = if bare { BodyMode::None } else { BodyMode::Whole };
        Self { method, rule, name: None, body, blocking: false }
    }

    /// A GET route.
    pub fn get(rule: &'a str) -> Self {
        Self::new("GET", rule)
    }

    /// A POST route.
    pub fn post(rule: &'a str) -> Self {
        Self::new("POST", rule)
    }

    /// Names it, for [`Request::url_for`].
    pub fn name(self, name: &'a str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// Says what it does with the body.
    pub fn body(self, body: BodyMode) -> Self {
        Self { body, ..self }
    }

    /// Says that it may block for long.
    pub fn blocking(self) -> Self {
        Self { blocking: true, ..self }
    }
}

impl<'p> App<'p> {
    /// # Safety
    /// The instance outlives every handler that the app is given.
    pub(crate) unsafe fn new(raw: *mut abi::App, host: &'p HostApp, instance: &'p Instance) -> Self {
        Self { raw, host, instance, life: PhantomData }
    }

    fn other(self, raw: *mut abi::App) -> Option<Self> {
        (!raw.is_null()).then_some(Self { raw, ..self })
    }

    /// Adds a route whose handler is a closure; one of an equal rule and method is replaced.
    ///
    /// # Errors
    /// A bad rule, or a name that is taken.
    pub fn route<F, R>(&mut self, route: Route<'_>, handler: F) -> Result<(), Error>
    where
        F: Fn(&Request) -> R + Send + Sync + 'p,
        R: IntoResponse<'static>,
    {
        self.add_route(&route, endpoint::closure(handler))
    }

    /// Adds a route whose handler is asynchronous: `|request| Box::pin(async move { .. })`.
    ///
    /// # Errors
    /// As [`App::route`].
    pub fn route_async<F, R>(&mut self, route: Route<'_>, handler: F) -> Result<(), Error>
    where
        F: for<'r> Fn(&'r Request) -> BoxFuture<'r, R> + Send + Sync + 'p,
        R: IntoResponse<'static>,
    {
        self.add_route(&route, endpoint::async_closure(handler))
    }

    /// Adds a function with an attribute, by its name as a type: `app.add::<users>()`.
    ///
    /// # Errors
    /// As [`App::route`].
    pub fn add<E: RouteEndpoint>(&mut self) -> Result<(), Error> {
        E::check(self.instance)?;
        let spec = E::SPEC;
        spec.methods.iter().try_for_each(|method| {
            let route =
                Route { method, rule: spec.rule, name: spec.name, body: spec.body, blocking: spec.blocking };
            self.add_route(&route, self.bind::<E>())
        })
    }

    fn bind<E: endpoint::Endpoint>(&self) -> Handler {
        crate::entry::bound(self.instance, E::VT)
    }

    fn add_route(&mut self, route: &Route<'_>, handler: Handler) -> Result<(), Error> {
        let spec = RouteSpec {
            size: size_of::<RouteSpec>() as u32,
            body: route.body as u16,
            flags: if route.blocking { abi::ROUTE_BLOCKING } else { 0 },
            method: Slice::text(route.method),
            rule: Slice::text(route.rule),
            name: route.name.map_or(Slice::ABSENT, Slice::text),
            handler,
        };
        let host = self.host;
        // SAFETY: the handler is given away; the rest is lent for the call.
        checked(|err| unsafe { (host.route)(host.ctx, self.raw, &raw const spec, err) })
    }

    /// Answers errors of that status with a closure. Its answer has the error's status unless it sets another.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn error<F, R>(&mut self, status: u16, handler: F) -> Result<(), Error>
    where
        F: Fn(&Request) -> R + Send + Sync + 'p,
        R: IntoResponse<'static>,
    {
        self.add_error_handler(status, endpoint::closure(handler))
    }

    /// Adds a function with `#[error(..)]`, by its name as a type.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn add_error<E: ErrorEndpoint>(&mut self) -> Result<(), Error> {
        E::check(self.instance)?;
        self.add_error_handler(E::SPEC.status, self.bind::<E>())
    }

    fn add_error_handler(&mut self, status: u16, handler: Handler) -> Result<(), Error> {
        let host = self.host;
        // SAFETY: the handler is given away.
        checked(|err| unsafe { (host.error)(host.ctx, self.raw, status, handler, err) })
    }

    /// Adds a filter for the rules that follow: `<name:filter:config>`.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn filter(&mut self, name: &str, filter: impl Filter + 'p) -> Result<(), Error> {
        let host = self.host;
        let filter = filter::raw(filter);
        // SAFETY: the filter is given away; the name is lent for the call.
        checked(|err| unsafe { (host.filter)(host.ctx, self.raw, Slice::text(name), filter, err) })
    }

    /// Puts another app at a prefix.
    ///
    /// # Errors
    /// A bad prefix, or an app in itself.
    pub fn mount(&mut self, prefix: &str, child: App<'_>) -> Result<(), Error> {
        let host = self.host;
        // SAFETY: two handles; the prefix is lent for the call.
        checked(|err| unsafe { (host.mount)(host.ctx, self.raw, Slice::text(prefix), child.raw, err) })
    }

    /// Adds the routes of another app, as they are now.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn merge(&mut self, child: App<'_>) -> Result<(), Error> {
        let host = self.host;
        // SAFETY: two handles.
        checked(|err| unsafe { (host.merge)(host.ctx, self.raw, child.raw, err) })
    }

    /// Puts a middleware around every route of the app, inside those that were installed before it.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn install(&mut self, name: &str, middleware: impl Middleware + 'p) -> Result<(), Error> {
        let host = self.host;
        let wrapper = middleware::wrapper(middleware);
        // SAFETY: the wrapper is given away; the name is lent for the call.
        checked(|err| unsafe { (host.install)(host.ctx, self.raw, Slice::text(name), wrapper, err) })
    }

    /// Installs a closure as a middleware: `|request, next| next.run(request)`.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn install_fn<F>(&mut self, name: &str, middleware: F) -> Result<(), Error>
    where
        F: for<'r> Fn(&'r Request, Next<'r>) -> Run<'r> + Send + Sync + 'p,
    {
        self.install(name, middleware)
    }

    /// Installs a function with `#[middleware]`, by its name as a type, with its settings.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn install_item<M: MiddlewareItem>(
        &mut self,
        name: &str,
        settings: M::Settings,
    ) -> Result<(), Error> {
        M::check(self.instance)?;
        // SAFETY: `new` was promised an instance that outlives what the app is given.
        self.install(name, unsafe { middleware::Use::<M>::new(self.instance, settings) })
    }

    /// A new app that is on no stack: to be filled, and mounted or merged.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn create(&self) -> Result<Self, Error> {
        // SAFETY: any app is asked for on the thread that loads.
        let raw = unsafe { (self.host.create)(self.host.ctx) };
        self.other(raw).ok_or_else(no_load)
    }

    /// The app stack of this load.
    pub fn stack(&self) -> AppStack<'p> {
        AppStack(*self)
    }
}

/// The default apps of a load, as Bottle's `AppStack`: the one on top is where a library registers.
#[derive(Clone, Copy, Debug)]
pub struct AppStack<'p>(App<'p>);

impl<'p> AppStack<'p> {
    /// The default app.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn top(&self) -> Result<App<'p>, Error> {
        let host = self.0.host;
        // SAFETY: asked on the thread that loads.
        let raw = unsafe { (host.top)(host.ctx) };
        self.0.other(raw).ok_or_else(no_load)
    }

    /// Makes a new app the default app.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn push(&self) -> Result<App<'p>, Error> {
        self.push_raw(std::ptr::null_mut())
    }

    /// Makes that app the default app.
    ///
    /// # Errors
    /// Outside of a load.
    pub fn push_app(&self, app: App<'_>) -> Result<App<'p>, Error> {
        self.push_raw(app.raw)
    }

    fn push_raw(&self, app: *mut abi::App) -> Result<App<'p>, Error> {
        let host = self.0.host;
        // SAFETY: null, or a handle.
        let raw = unsafe { (host.push)(host.ctx, app) };
        self.0.other(raw).ok_or_else(no_load)
    }

    /// Takes the default app off the stack; none, and nothing changes, where this plugin pushed none.
    pub fn pop(&self) -> Option<App<'p>> {
        let host = self.0.host;
        // SAFETY: asked on the thread that loads.
        let raw = unsafe { (host.pop)(host.ctx) };
        self.0.other(raw)
    }

    /// Loads a target, as `load_app` does: `library:name(key = value)`.
    ///
    /// # Errors
    /// Whatever keeps the target from being loaded.
    pub fn load(&self, target: &str) -> Result<App<'p>, Error> {
        let host = self.0.host;
        let mut raw = std::ptr::null_mut();
        let place = &raw mut raw;
        // SAFETY: the target is lent for the call; `place` is one for a handle.
        checked(|err| unsafe { (host.load)(host.ctx, Slice::text(target), place, err) })?;
        self.0.other(raw).ok_or_else(no_load)
    }
}

fn no_load() -> Error {
    Error::internal("apps are made while the plugin is loaded, and only then")
}

/// Calls a function that fills `err` when it fails.
fn checked(call: impl FnOnce(*mut Buf) -> i32) -> Result<(), Error> {
    let mut err = Buf::EMPTY;
    let code = call(&raw mut err);
    // SAFETY: whatever the function left there is ours to release.
    let err = crate::chunk::Body::Foreign(unsafe { OwnedBuf::new(err) });
    if code == abi::READY {
        return Ok(());
    }
    let text = String::from_utf8_lossy(err.bytes()).into_owned();
    Err(Error::internal(if text.is_empty() { format!("the host answered with code {code}") } else { text }))
}

/// The host's functions for apps.
pub(crate) fn host_app() -> Result<&'static HostApp, Error> {
    let missing = || Error::internal(format!("the host has no `{}`", abi::EXT_APP));
    host::extension::<HostApp>(abi::EXT_APP).ok_or_else(missing)
}
