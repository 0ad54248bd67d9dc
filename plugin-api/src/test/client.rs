//! A plugin, loaded in the process of its tests.

use super::call::{Answer, call};
use super::exchange::{BodySource, Exchange, Message, View};
use super::instance::TestInstance;
use super::owned::OwnedWrapper;
use super::request::TestRequest;
use super::response::TestResponse;
use super::router::{Found, Leaf};
use super::table::{Place, Table};
use crate::abi::{self, Plugin};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// An app of a plugin, with requests as functions: `client.get("/").text()`.
#[derive(Clone)]
pub struct TestClient {
    /// Dropped before the instance, as every handler and wrapper is.
    table: Arc<Table>,
    pub(super) around: Vec<Use>,
    pub(super) app: (String, Option<String>),
    pub(super) instance: Arc<TestInstance>,
}

/// A middleware, and what it was made of.
#[derive(Clone)]
pub(super) struct Use {
    pub(super) name: String,
    pub(super) settings_json: String,
    wrapper: Arc<OwnedWrapper>,
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestClient({}:{})", self.instance.manifest().id, self.app.0)
    }
}

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
        let instance = TestInstance::new(entry, config_json, Arc::default(), None)?;
        Self::serve(Arc::new(instance), (String::new(), None), Vec::new())
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
        let made = Use::new(&self.instance, name, settings_json);
        let made = made.unwrap_or_else(|error| panic!("cannot make middleware `{name}`: {error}"));
        let mut around = self.around.clone();
        around.push(made);
        let served = Self::serve(self.instance.clone(), self.app.clone(), around);
        served.unwrap_or_else(|error| panic!("cannot serve: {error}"))
    }

    pub(super) fn serve(
        instance: Arc<TestInstance>,
        app: (String, Option<String>),
        around: Vec<Use>,
    ) -> Result<Self, String> {
        let (load, root) = instance.load(&app.0, app.1.as_deref())?;
        let wrappers: Vec<_> = around.iter().map(|made| made.wrapper.clone()).collect();
        let table = Arc::new(Table::new(load, root, &wrappers));
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
        self.instance.store.enter();
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

impl Use {
    pub(super) fn new(instance: &TestInstance, name: &str, settings_json: &str) -> Result<Self, String> {
        let wrapper = Arc::new(instance.middleware(name, settings_json)?);
        Ok(Self { name: name.to_owned(), settings_json: settings_json.to_owned(), wrapper })
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
