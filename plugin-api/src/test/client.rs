//! A plugin, loaded in the process of its tests.
#![allow(unsafe_code, reason = "calls the entry of the plugin as a host does")]

use super::call::{Answer, call};
use super::exchange::{BodySource, Exchange, Message, View};
use super::host::HOST;
use super::load::{self, Load};
use super::owned::{OwnedHandler, OwnedWrapper};
use super::request::TestRequest;
use super::response::TestResponse;
use super::router::{Found, Leaf};
use super::table::{Place, Table};
use crate::abi::{self, Buf, Handler, Plugin, PluginApps, PluginHandlers, PluginWrap, Slice, Wrapper};
use crate::chunk::{Body, OwnedBuf};
use crate::entry::EXT_TEST_MANIFEST;
use crate::manifest::{Bound, Manifest, name_of};
use std::ffi::c_void;
use std::fmt;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, PoisonError};

/// An app of a plugin, with requests as functions: `client.get("/").text()`.
#[derive(Clone)]
pub struct TestClient {
    /// Dropped before the instance, as every handler and wrapper is.
    table: Arc<Table>,
    around: Vec<Arc<OwnedWrapper>>,
    app: (String, Option<String>),
    instance: Arc<TestInstance>,
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestClient({}:{})", self.instance.manifest().id, self.app.0)
    }
}

/// The instance of the plugin; stopped and destroyed at the end.
struct TestInstance {
    entry: &'static Plugin,
    this: *mut c_void,
}

// SAFETY: the instance is made for use by any thread; what is for one thread is called in `new` and in `drop` alone.
unsafe impl Send for TestInstance {}
// SAFETY: as above.
unsafe impl Sync for TestInstance {}

impl TestClient {
    /// Loads a plugin with its configuration, which is JSON, and serves its default app.
    ///
    /// # Panics
    /// It cannot be loaded; the message says why.
    #[track_caller]
    pub fn new(entry: &'static Plugin, config_json: &str) -> Self {
        Self::try_new(entry, config_json)
            .unwrap_or_else(|error| panic!("the plugin cannot be loaded: {error}"))
    }

    /// Loads a plugin, as [`TestClient::new`] does.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub fn try_new(entry: &'static Plugin, config_json: &str) -> Result<Self, String> {
        let instance = Arc::new(TestInstance::new(entry, config_json)?);
        Self::serve(instance, (String::new(), None), Vec::new())
    }

    /// Serves an app of the plugin by its name: one of `apps:`.
    ///
    /// # Panics
    /// There is no such app.
    #[track_caller]
    pub fn app(&self, name: &str) -> Self {
        self.other(name, None)
    }

    /// Serves an app that a factory makes from these arguments, a JSON object.
    ///
    /// # Panics
    /// The factory fails; the message says why. [`TestClient::try_factory`] does not.
    #[track_caller]
    pub fn factory(&self, name: &str, args_json: &str) -> Self {
        self.other(name, Some(args_json))
    }

    /// Serves an app that a factory makes.
    ///
    /// # Errors
    /// There is none of that name, or it fails.
    pub fn try_factory(&self, name: &str, args_json: &str) -> Result<Self, String> {
        let app = (name.to_owned(), Some(args_json.to_owned()));
        Self::serve(self.instance.clone(), app, self.around.clone())
    }

    #[track_caller]
    fn other(&self, name: &str, args: Option<&str>) -> Self {
        let app = (name.to_owned(), args.map(str::to_owned));
        let served = Self::serve(self.instance.clone(), app, self.around.clone());
        served.unwrap_or_else(|error| panic!("cannot serve app `{name}`: {error}"))
    }

    /// Puts a middleware of the plugin around every route, inside of those before it, with its settings as JSON.
    ///
    /// # Panics
    /// It cannot be made; the message says why.
    #[track_caller]
    pub fn with_middleware(&self, name: &str, settings_json: &str) -> Self {
        let wrapper = self.instance.middleware(name, settings_json);
        let wrapper = wrapper.unwrap_or_else(|error| panic!("cannot make middleware `{name}`: {error}"));
        let mut around = self.around.clone();
        around.push(Arc::new(wrapper));
        let served = Self::serve(self.instance.clone(), self.app.clone(), around);
        served.unwrap_or_else(|error| panic!("cannot serve: {error}"))
    }

    fn serve(
        instance: Arc<TestInstance>,
        app: (String, Option<String>),
        around: Vec<Arc<OwnedWrapper>>,
    ) -> Result<Self, String> {
        let (load, root) = instance.load(&app.0, app.1.as_deref())?;
        let table = Arc::new(Table::new(load, root, &around));
        Ok(Self { table, instance, app, around })
    }

    /// A request of any method. The target is a path, with a query if you like, percent-encoded where it has to be.
    pub fn request(&self, method: &str, target: &str) -> TestRequest<'_> {
        TestRequest::new(self, method, target)
    }

    /// A GET request.
    pub fn get(&self, target: &str) -> TestRequest<'_> {
        self.request("GET", target)
    }

    /// A HEAD request.
    pub fn head(&self, target: &str) -> TestRequest<'_> {
        self.request("HEAD", target)
    }

    /// A POST request.
    pub fn post(&self, target: &str) -> TestRequest<'_> {
        self.request("POST", target)
    }

    /// A PUT request.
    pub fn put(&self, target: &str) -> TestRequest<'_> {
        self.request("PUT", target)
    }

    /// A PATCH request.
    pub fn patch(&self, target: &str) -> TestRequest<'_> {
        self.request("PATCH", target)
    }

    /// A DELETE request.
    pub fn delete(&self, target: &str) -> TestRequest<'_> {
        self.request("DELETE", target)
    }

    pub(super) fn send(&self, message: &Message) -> TestResponse {
        let path = decode(message.target.split('?').next().unwrap_or_default());
        let place = self.table.find(&message.method, &path);
        let exchange = Exchange {
            message,
            router: place.app.router(),
            script_name: place.script_name,
            arena: super::arena::Arena::default(),
            log: Mutex::default(),
        };
        let mut response = answer(&exchange, &place);
        response.log = exchange.log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if message.method == "HEAD" {
            response.body.clear();
        }
        response
    }
}

/// Calls the route's handler, and the error handler if there is an error.
fn answer(exchange: &Exchange<'_>, place: &Place<'_>) -> TestResponse {
    let (rule, params, answer) = match &place.found {
        Found::Route { leaf, rule, params } => {
            let view = View { path: place.path, rule: Some(rule), params, body: leaf.body, error: None };
            (Some(*rule), params.as_slice(), call_route(exchange, leaf, &view))
        }
        Found::Refused { status, allow } => (None, [].as_slice(), refusal(*status, allow.as_deref())),
    };
    if !answer.is_error {
        return response(answer);
    }
    let Some(handler) = place.app.error_handler(answer.status) else { return response(answer) };
    let message = String::from_utf8_lossy(&answer.body).into_owned();
    let error = Some((answer.status, message.as_str()));
    let view = View { path: place.path, rule, params, body: abi::BODY_NONE, error };
    let handled = call(handler, &exchange.request(&view, None));
    response(handled.unwrap_or_else(from_code))
}

fn call_route(exchange: &Exchange<'_>, leaf: &Leaf, view: &View<'_>) -> Answer {
    let source = BodySource::new(&exchange.message.body);
    let poll = source.poll();
    let streams = leaf.body == abi::BODY_STREAM;
    let request = exchange.request(view, streams.then_some(&poll));
    call(&leaf.handler, &request).unwrap_or_else(from_code)
}

fn refusal(status: u16, allow: Option<&str>) -> Answer {
    let headers = allow.map(|allow| ("allow".to_owned(), allow.as_bytes().to_vec())).into_iter().collect();
    Answer { status, is_error: true, headers, body: Vec::new(), is_cut: false }
}

fn from_code(code: i32) -> Answer {
    refusal(if code == abi::DECLINED { 404 } else { 500 }, None)
}

fn response(answer: Answer) -> TestResponse {
    let Answer { status, is_error, headers, body, is_cut } = answer;
    TestResponse { status, is_error, headers, body, is_cut, log: Vec::new() }
}

/// Percent-decoding, as a host does it; a bad escape stays.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => decoded.push(byte),
            None => decoded.push(bytes[at]),
        }
        at += if escape.is_some_and(|hex| u8::from_str_radix(hex, 16).is_ok()) { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The manifest of a plugin that need not be loaded: its `extension` answers for it without an instance.
pub(super) fn manifest_of(entry: &'static Plugin) -> &'static Manifest {
    let extension = entry.extension.unwrap_or_else(|| panic!("{NOT_OURS}"));
    // SAFETY: the SDK's `extension` uses no instance; the id is lent for the call.
    let table = unsafe { extension(null_mut(), Slice::text(EXT_TEST_MANIFEST)) };
    // SAFETY: null, or a static manifest of this crate's making.
    unsafe { table.cast::<Manifest>().as_ref() }.unwrap_or_else(|| panic!("{NOT_OURS}"))
}

const NOT_OURS: &str = "`pa_plugin_v1` was not made by this crate's `plugin!`";

impl TestInstance {
    fn new(entry: &'static Plugin, config_json: &str) -> Result<Self, String> {
        let mut this = null_mut();
        let place = &raw mut this;
        let config = Slice::text(config_json);
        // SAFETY: the host is static; configuration and places are lent for the call.
        checked(|err| unsafe { (entry.create)(&raw const HOST.0, config, place, err) })?;
        let instance = Self { entry, this };
        if let Some(start) = entry.start {
            // SAFETY: the instance was created.
            checked(|err| unsafe { start(instance.this, err) }).map_err(|error| format!("start: {error}"))?;
        }
        Ok(instance)
    }

    fn extension<T>(&self, id: &str) -> Option<&T> {
        let extension = self.entry.extension?;
        // SAFETY: the instance lives; the id is lent for the call.
        let table = unsafe { extension(self.this, Slice::text(id)) };
        // SAFETY: null, or the table of that id.
        unsafe { table.cast::<T>().as_ref() }
    }

    fn manifest(&self) -> &Manifest {
        manifest_of(self.entry)
    }

    /// Loads an app: its routes in the manifest, then what it registers.
    fn load(&self, name: &str, args: Option<&str>) -> Result<(Load, usize), String> {
        let manifest = self.manifest();
        let known = manifest.apps.iter().find(|app| app.name == name);
        if !name.is_empty() && known.is_none() {
            let names: Vec<_> = manifest.apps.iter().map(|app| app.name).collect();
            return Err(format!("the plugin has no app `{name}`; it has {names:?}"));
        }
        if known.is_some_and(|app| app.factory) != args.is_some() {
            return Err(format!(
                "`{name}` is a factory, or it is an app: `factory()` is for the one, `app()` for the other"
            ));
        }
        let mut load = Load::default();
        let root = load.create();
        load.stack.push(root);
        load.floor = load.stack.len();
        for bound in manifest.routes.iter().filter(|bound| bound.app == name) {
            self.add_route(&mut load, root, bound)?;
        }
        for bound in manifest.errors.iter().filter(|bound| bound.app == name) {
            load.apps[root].errors.push((bound.spec.status, Arc::new(self.bind(bound.handler)?)));
        }
        let (load, registered) = load::register(load, || self.register(name, args, root));
        registered.map(|()| (load, root))
    }

    fn add_route(&self, load: &mut Load, app: usize, bound: &Bound) -> Result<(), String> {
        for method in bound.spec.methods {
            let leaf = Leaf { handler: Arc::new(self.bind(bound.handler)?), body: bound.spec.body as u16 };
            load.apps[app].router.add(method, bound.spec.rule, Some(name_of(bound)), leaf)?;
        }
        Ok(())
    }

    fn bind(&self, name: &str) -> Result<OwnedHandler, String> {
        let handlers =
            self.extension::<PluginHandlers>(abi::EXT_HANDLERS).ok_or("the plugin binds no handlers")?;
        let mut out = Handler { data: null_mut(), vt: std::ptr::null() };
        // SAFETY: the instance lives; the name is lent for the call; `out` is a place for one handler.
        let code = unsafe { (handlers.bind)(self.this, Slice::text(name), &raw mut out) };
        if code == abi::READY {
            Ok(OwnedHandler::new(out))
        } else {
            Err(format!("no handler `{name}`: code {code}"))
        }
    }

    fn register(&self, name: &str, args: Option<&str>, app: usize) -> Result<(), String> {
        let apps = self.extension::<PluginApps>(abi::EXT_APPS).ok_or("the plugin makes no apps")?;
        let (name, args) = (Slice::text(name), args.map_or(Slice::ABSENT, Slice::text));
        // SAFETY: the instance lives; name and arguments are lent for the call; the app is a handle of this load.
        checked(|err| unsafe { (apps.register)(self.this, name, args, load::handle(app), err) })
    }

    fn middleware(&self, name: &str, settings_json: &str) -> Result<OwnedWrapper, String> {
        let wrap = self.extension::<PluginWrap>(abi::EXT_WRAP).ok_or("the plugin has no middleware")?;
        let mut out = Wrapper { data: null_mut(), vt: std::ptr::null() };
        let (place, name, settings) = (&raw mut out, Slice::text(name), Slice::text(settings_json));
        // SAFETY: the instance lives; name and settings are lent for the call; `place` is one for a wrapper.
        checked(|err| unsafe { (wrap.make)(self.this, name, settings, place, err) })?;
        Ok(OwnedWrapper::new(out))
    }
}

impl Drop for TestInstance {
    fn drop(&mut self) {
        if let Some(stop) = self.entry.stop {
            // SAFETY: the instance lives.
            unsafe { stop(self.this) }
        }
        // SAFETY: its handlers were dropped: clients hold them in front of the instance. Destroyed once.
        unsafe { (self.entry.destroy)(self.this) }
    }
}

/// Calls a function that fills `err` when it fails.
fn checked(call: impl FnOnce(*mut Buf) -> i32) -> Result<(), String> {
    let mut err = Buf::EMPTY;
    let code = call(&raw mut err);
    // SAFETY: what the function left there is ours to release.
    let err = Body::Foreign(unsafe { OwnedBuf::new(err) });
    if code == abi::READY {
        return Ok(());
    }
    let text = String::from_utf8_lossy(err.bytes()).into_owned();
    Err(if text.is_empty() { format!("code {code}") } else { text })
}
