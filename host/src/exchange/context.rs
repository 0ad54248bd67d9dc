//! What a plugin sees of a request while it handles it, at an address that does not move.
#![allow(unsafe_code, reason = "keeps pointers into the table that it holds")]

use super::answer;
use super::vtable;
use crate::arena::Arena;
use crate::foreign::OwnedHandler;
use crate::request_id::RequestId;
use crate::scoreboard::Client;
use crate::service::{Service, Settings};
use crate::table::{Mount, Route, Table};
use crate::usage::Uses;
use plugin_api::abi::{self, Param, Slice};
use plugin_api_route::{Params, Value};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, UnsafeCell};
use std::ptr::NonNull;
use std::sync::Arc;

/// The head of a request as its server holds it.
pub(crate) trait Head: 'static {
    /// As the client sent it.
    fn method(&self) -> &str;
    /// The request target as the client sent it.
    fn target(&self) -> &[u8];
    /// The path of the target, not decoded.
    fn path(&self) -> &[u8];
    /// What follows `?`, if anything does.
    fn query(&self) -> Option<&[u8]>;
    /// 10 or 11.
    fn version(&self) -> u16;
    /// The host that the client asks for, with its port.
    fn host(&self) -> Option<&[u8]>;
    /// The first header of that name.
    fn header(&self, name: &[u8]) -> Option<&[u8]>;
    /// Header number `index`.
    fn header_at(&self, index: usize) -> Option<(&[u8], &[u8])>;
    /// The client's address.
    fn peer(&self) -> String;
    /// The same, for the scoreboard: without taking memory.
    fn client(&self) -> Client;
}

/// The route and the mount of a request, inside the table that the exchange holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) route: Option<NonNull<Route>>,
    pub(super) mount: Option<NonNull<Mount>>,
}

/// See the module. What `place` points to is in the table, which is memory of the host's; the plugins' code behind it is there
/// while the slot of the exchange says that it uses it. Shared with plugins by pointer from `call` to `finish`; what the host changes in that time is in cells.
pub(super) struct Inner<H> {
    pub(super) head: H,
    pub(super) arena: Arena,
    table: Arc<Table>,
    pub(super) settings: Settings,
    table_version: u64,
    pub(super) place: Cell<Place>,
    pub(super) request: UnsafeCell<abi::Request>,
    pub(super) response: UnsafeCell<abi::Response>,
    /// Sorted methods for the answer of a 405.
    pub(super) allow: Cell<Option<String>>,
    /// Whether the plugin said in the log what went wrong.
    pub(super) explained: Cell<bool>,
    /// Given by the scoreboard when the request begins.
    pub(super) id: RequestId,
    peer: OnceCell<String>,
}

impl<H: Head> Inner<H> {
    pub(super) fn new(service: &Service, head: H) -> Self {
        let (table, settings, table_version) = service.current();
        Self {
            head,
            arena: Arena::default(),
            table,
            settings,
            table_version,
            place: Cell::default(),
            request: UnsafeCell::new(blank()),
            response: UnsafeCell::new(answer::empty(200)),
            allow: Cell::new(None),
            explained: Cell::new(false),
            id: RequestId::default(),
            peer: OnceCell::new(),
        }
    }

    /// Takes the current table, if it is another than last time: one load otherwise.
    pub(super) fn refresh(&mut self, service: &Service) {
        if service.version() != self.table_version {
            self.place.set(Place::default());
            (self.table, self.settings, self.table_version) = service.current();
        }
    }

    /// The number of the table.
    pub(super) fn table_version(&self) -> u64 {
        self.table_version
    }

    /// The generations that may answer: those of the route, else those of the mount, which has error handlers.
    pub(super) fn uses(&self) -> &Arc<Uses> {
        match (self.route(), self.mount()) {
            (Some(route), _) => &route.uses,
            (None, Some(mount)) => &mount.uses,
            (None, None) => self.table.no_uses(),
        }
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// The method in upper case: as Bottle, `get` is `GET`.
    pub(super) fn method(&self) -> Cow<'_, str> {
        let method = self.head.method();
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Cow::Owned(method.to_ascii_uppercase());
        }
        Cow::Borrowed(method)
    }

    /// The mount's prefix is found by the table; this is the whole path, decoded. Or status and message of a refusal.
    pub(super) fn path(&self) -> Result<&str, (u16, String)> {
        let raw = match self.head.path() {
            b"" => b"/",
            raw => raw,
        };
        let bad = |_| (400, "the path is not UTF-8".to_owned());
        if !raw.contains(&b'%') {
            return std::str::from_utf8(raw).map_err(bad);
        }
        let decoded: Vec<u8> = percent_encoding::percent_decode(raw).collect();
        let decoded = std::str::from_utf8(&decoded).map_err(bad)?;
        Ok(self.arena.text(decoded))
    }

    pub(super) fn fill(&self, request: &mut abi::Request, method: &str, path: &str) {
        *request = blank();
        request.version = self.head.version();
        request.method = match self.head.method() {
            sent if sent == method => Slice::text(sent),
            _ => self.arena.slice(method),
        };
        request.target = Slice::new(self.head.target());
        request.path = Slice::text(path);
        request.query = self.head.query().map_or(Slice::ABSENT, Slice::new);
        request.ctx = std::ptr::from_ref(self).cast();
        request.vt = vtable::of::<H>();
    }

    pub(super) fn fill_mount(&self, request: &mut abi::Request, mount: &Mount, rest: &str) {
        request.script_name = Slice::text(mount.script_name());
        request.path = Slice::text(rest);
    }

    pub(super) fn fill_route(&self, request: &mut abi::Request, route: &Route, params: &Params<'_>) {
        request.rule = Slice::text(&route.rule);
        let params = self.arena.collect(params.iter().map(param));
        request.params = params.as_ptr();
        request.params_len = params.len() as u32;
    }

    pub(super) fn route(&self) -> Option<&Route> {
        // SAFETY: set by `begin` from the table that `self` holds until the next `begin`.
        self.place.get().route.map(|route| unsafe { route.as_ref() })
    }

    pub(super) fn mount(&self) -> Option<&Mount> {
        // SAFETY: as in `route`.
        self.place.get().mount.map(|mount| unsafe { mount.as_ref() })
    }

    /// The app's handler for errors of that status: of the route's app, else of the app at the mount.
    pub(super) fn error_handler(&self, status: u16) -> Option<abi::Handler> {
        let errors = match self.route() {
            Some(route) => &route.errors,
            None => &self.mount()?.errors,
        };
        errors.iter().find(|(known, _)| *known == status).map(|(_, handler)| OwnedHandler::raw(handler))
    }

    pub(super) fn peer(&self) -> &str {
        self.peer.get_or_init(|| self.head.peer())
    }

    /// Method and rule, for the log.
    pub(super) fn described(&self) -> String {
        let rule = self.route().map_or("-", |route| route.rule.as_str());
        format!("{} {rule}", self.method())
    }

    /// Forgets the request that is finished.
    pub(super) fn reset(&mut self) {
        self.place.set(Place::default());
        self.request = UnsafeCell::new(blank());
        self.arena.reset();
        self.allow.take();
        self.explained.set(false);
        self.id.reset();
        self.peer.take();
    }
}

fn param(param: &plugin_api_route::Param<'_>) -> Param {
    let (kind, number) = match param.value {
        Value::Text(_) => (abi::VALUE_TEXT, abi::Number { int: 0 }),
        Value::Int(int) => (abi::VALUE_INT, abi::Number { int }),
        Value::Float(float) => (abi::VALUE_FLOAT, abi::Number { float }),
    };
    Param { name: Slice::text(param.name), text: Slice::text(param.text), kind, reserved: 0, number }
}

fn blank() -> abi::Request {
    abi::Request {
        size: size_of::<abi::Request>() as u32,
        flags: 0,
        version: 11,
        error_status: 0,
        params_len: 0,
        method: Slice::ABSENT,
        target: Slice::ABSENT,
        path: Slice::ABSENT,
        script_name: Slice::text(""),
        query: Slice::ABSENT,
        rule: Slice::ABSENT,
        body: Slice::text(""),
        params: std::ptr::null(),
        body_src: std::ptr::null(),
        error_message: Slice::ABSENT,
        ctx: std::ptr::null(),
        vt: std::ptr::null(),
    }
}
