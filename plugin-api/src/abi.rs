//! ABI 1: everything that crosses the boundary between a host and a plugin.
//!
//! This file is the contract; `include/plugin_api.h` is generated from it, and a test fails when they differ. It
//! holds data and function pointers only: no Rust type, no allocation of one side that the other frees, no panic.
//!
//! # How it grows
//! Structs grow by appending. Each starts with its size; the side that writes a struct sets `size`, the side that reads
//! it uses a field only if `size` covers it ([`covers!`](crate::covers)). Whole new abilities are extensions found by id
//! (`"pa.wrap/1"`) on either side; breaking one means `/2` beside it. A plugin built for ABI 1.n runs on every host of
//! ABI 1.m with m >= n, and on older ones as long as it uses nothing newer.
//!
//! # Memory: three rules
//! 1. A [`Slice`] is borrowed: valid until the response is finished, or for as long as the plugin is loaded if it is
//!    static. Arguments of load-time calls are valid for the call.
//! 2. A [`Buf`] is owned and carries its producer's `drop` (none: static or arena memory).
//! 3. Whoever asked for an object ([`Handler`], [`Poll`], [`Wrapper`], [`Filter`]) drops it, once, on any thread of the
//!    host's. Response headers live in static memory or in the arena that the host lends for each request.
//!
//! # Threads
//! Each function names its class: **\[load\]** on a thread that loads or swaps this plugin, one call at a time; **\[any\]** on
//! any thread of the host's, also several at once; **\[owner\]** by one thread at a time, which may change between calls.
//!
//! # Faults
//! Nothing unwinds across the boundary. A function that fails answers with a negative code.

use core::ffi::c_void;

/// The major version: also in the name of the entry, `pa_plugin_v1`.
pub const ABI_MAJOR: u16 = 1;
/// The minor version: counts what was appended since 1.0. With 1.1 came `"pa.state/1"` and `"pa.store/1"`.
pub const ABI_MINOR: u16 = 1;

/// Done; the output is filled.
pub const READY: i32 = 0;
/// Not yet: the `pending` poll is filled, or the waker will be called.
pub const PENDING: i32 = 1;
/// A stream has no more chunks.
pub const END: i32 = 2;
/// Not for me: a route answers 404, a filter's value has the wrong format (400), a request to run or stop is ignored, a
/// state is not taken over, the store has no such key or another value.
pub const DECLINED: i32 = 3;
/// It failed: a route answers 500; a load-time call has filled its `err`.
pub const ERR: i32 = -1;
/// A panic was caught on the plugin's side: a route answers 500.
pub const PANIC: i32 = -2;
/// The work was cancelled.
pub const CANCELLED: i32 = -3;

/// The route reads no body.
pub const BODY_NONE: u16 = 0;
/// The host reads the whole body, within its limits, before it calls.
pub const BODY_WHOLE: u16 = 1;
/// The handler reads the body itself from `Request::body_src`. For asynchronous handlers only.
pub const BODY_STREAM: u16 = 2;

/// `RouteSpec::flags`: the handler may block for long; `actix` calls it on a thread of the host's.
pub const ROUTE_BLOCKING: u16 = 1;

/// `Response::flags`: this is an error (Bottle's `HTTPError`): the app's error handler for its status answers instead,
/// if there is one, else the host's page with the body as its message.
pub const RESPONSE_ERROR: u16 = 1;

/// `Request::flags`: the client connected over TLS.
pub const REQUEST_SECURE: u32 = 1;

/// Flag in the manifest's note: built with `panic = "abort"`. A host refuses it.
pub const NOTE_PANIC_ABORT: u32 = 1;

/// A value of a parameter: text as it stood in the path, decoded.
pub const VALUE_TEXT: u32 = 0;
/// A value of a parameter: a signed integer of 64 bits.
pub const VALUE_INT: u32 = 1;
/// A value of a parameter: a double.
pub const VALUE_FLOAT: u32 = 2;

/// Log levels of [`Host::log`] and [`RequestVt::log`]: as syslog's words, in steps of one.
pub const LOG_ERROR: i32 = 1;
/// Something is wrong, and the work goes on.
pub const LOG_WARN: i32 = 2;
/// Something an operator wants to read.
pub const LOG_INFO: i32 = 3;
/// Something an author wants to read.
pub const LOG_DEBUG: i32 = 4;

/// Borrowed bytes. `ptr` is null where a value is absent; an empty value has a `ptr` that is not null.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

/// Owned bytes. Whoever holds it calls `drop(owner, ptr, len)` once, on any thread; no `drop` means static or arena
/// memory. A producer puts in `owner` what its `drop` needs: for a Rust `Vec` that is the capacity.
#[repr(C)]
#[derive(Debug)]
pub struct Buf {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
    /// For `drop`, and for nobody else.
    pub owner: *mut c_void,
    /// Frees the bytes. \[any\]
    pub drop: Option<unsafe extern "C" fn(owner: *mut c_void, ptr: *const u8, len: usize)>,
}

/// A header, or any other name with its value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The name; of a response header: lower or mixed case, no CR, LF or NUL.
    pub name: Slice,
    /// The value.
    pub value: Slice,
}

/// A number beside the text of a parameter; `Param::kind` says which.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Number {
    /// With [`VALUE_INT`].
    pub int: i64,
    /// With [`VALUE_FLOAT`].
    pub float: f64,
}

/// A wildcard of the rule with what it matched: converted once, by the host.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Param {
    /// The wildcard's name.
    pub name: Slice,
    /// The text that it matched, percent-decoded, UTF-8.
    pub text: Slice,
    /// [`VALUE_TEXT`], [`VALUE_INT`] or [`VALUE_FLOAT`].
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
    /// The value of a number.
    pub number: Number,
}

/// A counted object of the host's that wakes whoever waits for a [`Poll`]. Calling it after the poll was dropped is
/// harmless: it touches the host's memory only.
#[repr(C)]
#[derive(Debug)]
pub struct Waker {
    /// Its functions.
    pub vt: *const WakerVt,
}

/// The functions of a [`Waker`].
#[repr(C)]
#[derive(Debug)]
pub struct WakerVt {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// One more owner. \[any\]
    pub clone: unsafe extern "C" fn(waker: *const Waker) -> *const Waker,
    /// Wakes, and gives the caller's ownership up. \[any\]
    pub wake: unsafe extern "C" fn(waker: *const Waker),
    /// Wakes, and keeps the caller's ownership. \[any\]
    pub wake_by_ref: unsafe extern "C" fn(waker: *const Waker),
    /// Gives the caller's ownership up. \[any\]
    pub drop: unsafe extern "C" fn(waker: *const Waker),
}

/// The one asynchronous primitive: a response to come, a streamed body in either direction, a timer. Dropping it is
/// cancellation: client gone, deadline passed, shutdown.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    /// The work; null if there is none.
    pub data: *mut c_void,
    /// Its functions; null if there is none.
    pub vt: *const PollVt,
}

/// The functions of a [`Poll`].
#[repr(C)]
#[derive(Debug)]
pub struct PollVt {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Goes on with the work. [`READY`] fills `out`: a [`Response`] for a pending response, a [`Buf`] for a chunk of a
    /// stream (poll again for the next), nothing for a timer (`out` is null). [`PENDING`]: a clone of `waker` will be
    /// woken. [`END`]: a stream is over. Not called again after [`END`], an error, or the `READY` of a response or timer.
    /// The waker is borrowed for the call. \[owner\]
    pub poll: unsafe extern "C" fn(data: *mut c_void, waker: *const Waker, out: *mut c_void) -> i32,
    /// Cancels what is left and frees it. \[owner\], once
    pub drop: unsafe extern "C" fn(data: *mut c_void),
}

/// A request, as the handler of its route sees it. It and all that it points to stay valid until the response is
/// finished: for a pending response until its poll was dropped, so a handler may borrow it for all that time.
#[repr(C)]
pub struct Request {
    /// `sizeof` this struct.
    pub size: u32,
    /// [`REQUEST_SECURE`].
    pub flags: u32,
    /// HTTP version times ten: 10 or 11.
    pub version: u16,
    /// In an error handler the status of the error, else zero.
    pub error_status: u16,
    /// How many `params`.
    pub params_len: u32,
    /// `GET`, `POST`, ...: upper case.
    pub method: Slice,
    /// The request's target as the client sent it.
    pub target: Slice,
    /// The path below the mount, percent-decoded, UTF-8, begins with `/` (WSGI's `PATH_INFO`).
    pub path: Slice,
    /// The mount's prefix without a slash at its end, empty at the root (WSGI's `SCRIPT_NAME`).
    pub script_name: Slice,
    /// What follows `?`, not decoded; absent where there is no `?`.
    pub query: Slice,
    /// The rule of the route; absent in an error handler of a request that matched none.
    pub rule: Slice,
    /// The whole body of a route that declares [`BODY_WHOLE`].
    pub body: Slice,
    /// The wildcards of the rule, in its order, without the anonymous ones.
    pub params: *const Param,
    /// The chunks of the body, of a route that declares [`BODY_STREAM`]; else null. Borrowed: not dropped by the handler.
    pub body_src: *const Poll,
    /// In an error handler the message of the error.
    pub error_message: Slice,
    /// For the functions of `vt`.
    pub ctx: *const c_void,
    /// What the host does for a request.
    pub vt: *const RequestVt,
}

/// What the host does for a request. All \[owner\]: by whoever handles the request now.
#[repr(C)]
#[derive(Debug)]
pub struct RequestVt {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The first header of that name, in any case; absent if there is none.
    pub header: unsafe extern "C" fn(ctx: *const c_void, name: Slice) -> Slice,
    /// Header number `index`: [`READY`], or [`END`] past the last.
    pub header_at: unsafe extern "C" fn(ctx: *const c_void, index: usize, out: *mut Pair) -> i32,
    /// Memory that lives as long as the request. `align` is a power of two. Null when the request's arena is used up.
    pub alloc: unsafe extern "C" fn(ctx: *const c_void, size: usize, align: usize) -> *mut c_void,
    /// The client: `192.0.2.1:50000`, `[::1]:50000`, or `unix:` for a Unix socket.
    pub peer: unsafe extern "C" fn(ctx: *const c_void) -> Slice,
    /// The request's id, as in the host's log.
    pub id: unsafe extern "C" fn(ctx: *const c_void) -> Slice,
    /// The URL of the route of this app with that name or rule. `values` fill its wildcards, the rest becomes the query.
    /// On [`ERR`] `out` holds the reason.
    pub url: unsafe extern "C" fn(
        ctx: *const c_void,
        route: Slice,
        values: *const Pair,
        values_len: usize,
        out: *mut Slice,
    ) -> i32,
    /// A line in the log, with the request's id. `level` is one of `LOG_*`.
    pub log: unsafe extern "C" fn(ctx: *const c_void, level: i32, message: Slice),
}

/// An answer. The host clears it before the call: status 200, nothing else.
#[repr(C)]
#[derive(Debug)]
pub struct Response {
    /// `sizeof` this struct.
    pub size: u32,
    /// 200 to 999.
    pub status: u16,
    /// [`RESPONSE_ERROR`].
    pub flags: u16,
    /// Static memory, or the request's arena. The host adds `content-length` or `transfer-encoding`, `date` and
    /// `connection`; a `content-length` given here counts for an answer to HEAD alone.
    pub headers: *mut Pair,
    /// How many headers.
    pub headers_len: u32,
    /// For how many there is room at `headers`: whoever adds one and finds room writes in place. Zero: never written to.
    pub headers_cap: u32,
    /// The body, or its beginning if there is a `stream`.
    pub body: Buf,
    /// If its `vt` is not null: chunks that follow `body`, polled when the client is ready for more.
    pub stream: Poll,
}

/// The one call shape: the handler of a route, the `next` of a middleware, and the app that a server serves.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    /// For the functions of `vt`.
    pub data: *mut c_void,
    /// Its functions.
    pub vt: *const HandlerVt,
}

/// The functions of a [`Handler`].
#[repr(C)]
#[derive(Debug)]
pub struct HandlerVt {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Handles a request. [`READY`]: `response` is filled. [`PENDING`]: `pending` is, and its poll fills a response; the
    /// host polls it at least once. [`DECLINED`], [`ERR`], [`PANIC`]: neither is. \[any\]
    pub call: unsafe extern "C" fn(
        data: *mut c_void,
        request: *const Request,
        response: *mut Response,
        pending: *mut Poll,
    ) -> i32,
    /// Frees the handler: no call is under way or will come, and every pending poll of it was dropped. May be absent.
    /// \[any\], once
    pub drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
}

/// A route as a middleware sees it when the table is built. Borrowed for the call.
#[repr(C)]
#[derive(Debug)]
pub struct RouteInfo {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Upper case; `ANY` for every method.
    pub method: Slice,
    /// As it was registered, below the mount.
    pub rule: Slice,
    /// The route's name; absent if it has none.
    pub name: Slice,
    /// The mount's prefix.
    pub mount: Slice,
    /// The plugin that the route came from.
    pub plugin: Slice,
}

/// A middleware that is ready to be put around routes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Wrapper {
    /// For the functions of `vt`.
    pub data: *mut c_void,
    /// Its functions.
    pub vt: *const WrapperVt,
}

/// The functions of a [`Wrapper`].
#[repr(C)]
#[derive(Debug)]
pub struct WrapperVt {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Puts the middleware around one route. Takes `next` over in every case, also when it fails. `out` may be `next`
    /// itself: this route is not for me, and costs nothing. \[load\], once for each route of a table
    pub apply: unsafe extern "C" fn(
        data: *mut c_void,
        route: *const RouteInfo,
        next: Handler,
        out: *mut Handler,
    ) -> i32,
    /// Frees the middleware; handlers that it made may outlive it. May be absent. \[any\], once
    pub drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
}

/// A custom filter of rules: Bottle's `add_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// For the functions of `vt`.
    pub data: *mut c_void,
    /// Its functions.
    pub vt: *const FilterVt,
}

/// The functions of a [`Filter`].
#[repr(C)]
#[derive(Debug)]
pub struct FilterVt {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The regular expression for a wildcard with that configuration (absent in `<x:name>`); on [`ERR`] the reason.
    /// \[load\]
    pub pattern: unsafe extern "C" fn(data: *mut c_void, config: Slice, out: *mut Buf) -> i32,
    /// Converts what a wildcard with that configuration matched: fills `kind` and `number` of `out`; [`DECLINED`] is a
    /// wrong format (400). Absent: text stays text. \[any\]
    pub parse:
        Option<unsafe extern "C" fn(data: *mut c_void, config: Slice, text: Slice, out: *mut Param) -> i32>,
    /// The text of a value in a URL that is built; [`DECLINED`]: the value does not fit. Absent: as it is. \[any\]
    pub format:
        Option<unsafe extern "C" fn(data: *mut c_void, config: Slice, value: Slice, out: *mut Buf) -> i32>,
    /// Frees the filter. May be absent. \[any\], once
    pub drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
}

/// The host, as a plugin sees it: lives as long as the plugin is loaded.
#[repr(C)]
#[derive(Debug)]
pub struct Host {
    /// `sizeof` this struct.
    pub size: u32,
    /// The host's ABI.
    pub abi_major: u16,
    /// The host's ABI.
    pub abi_minor: u16,
    /// For the functions below.
    pub ctx: *const c_void,
    /// The name of this plugin in the spec.
    pub plugin_name: Slice,
    /// A line in the log. `level` is one of `LOG_*`. \[any\]
    pub log: unsafe extern "C" fn(ctx: *const c_void, level: i32, message: Slice),
    /// An ability of the host by its id: one of the `Host*` structs below, or null. \[any\]
    pub extension: unsafe extern "C" fn(ctx: *const c_void, id: Slice) -> *const c_void,
}

/// The entry: the one exported symbol of a plugin, `pa_plugin_v1`, and it is data. This struct never grows; all else is an
/// extension.
#[repr(C)]
#[derive(Debug)]
pub struct Plugin {
    /// `sizeof` this struct.
    pub size: u32,
    /// The ABI that the plugin was built for.
    pub abi_major: u16,
    /// The ABI that the plugin was built for.
    pub abi_minor: u16,
    /// Makes the instance from its configuration, a JSON object. Starts no thread. On [`ERR`] `err` holds the reason.
    /// \[load\], once
    pub create: unsafe extern "C" fn(
        host: *const Host,
        config_json: Slice,
        out: *mut *mut c_void,
        err: *mut Buf,
    ) -> i32,
    /// Starts threads and timers, if it needs any. `start` and `stop` may alternate. May be absent. \[load\]
    pub start: Option<unsafe extern "C" fn(this: *mut c_void, err: *mut Buf) -> i32>,
    /// Ends and joins all that `start` began. May be absent. \[load\]
    pub stop: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// Frees the instance: every handler was dropped. \[load\], once
    pub destroy: unsafe extern "C" fn(this: *mut c_void),
    /// An ability of the plugin by its id: one of the `Plugin*` structs below, or null. Lives as long as the plugin is
    /// loaded. May be absent. \[load\]
    pub extension: Option<unsafe extern "C" fn(this: *mut c_void, id: Slice) -> *const c_void>,
}

/// Id of [`PluginHandlers`].
pub const EXT_HANDLERS: &str = "pa.handlers/1";
/// Id of [`PluginApps`].
pub const EXT_APPS: &str = "pa.apps/1";
/// Id of [`PluginWrap`].
pub const EXT_WRAP: &str = "pa.wrap/1";
/// Id of [`HostApp`].
pub const EXT_APP: &str = "pa.app/1";
/// Id of [`HostTimer`].
pub const EXT_TIMER: &str = "pa.timer/1";
/// Id of [`HostRun`].
pub const EXT_RUN: &str = "pa.run/1";
/// Id of [`PluginState`].
pub const EXT_STATE: &str = "pa.state/1";
/// Id of [`HostStore`].
pub const EXT_STORE: &str = "pa.store/1";

/// The longest key of a [`HostStore`].
pub const STORE_KEY_BYTES_MAX: usize = 1024;

/// `"pa.handlers/1"` of a plugin: binds the names in its manifest to handlers.
#[repr(C)]
#[derive(Debug)]
pub struct PluginHandlers {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The handler of that name; [`DECLINED`] if there is none. \[load\]
    pub bind: unsafe extern "C" fn(this: *mut c_void, name: Slice, out: *mut Handler) -> i32,
}

/// `"pa.apps/1"` of a plugin: apps whose routes are made at load.
#[repr(C)]
#[derive(Debug)]
pub struct PluginApps {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Registers on `app` (with [`HostApp`]) what the app of that name has. An empty name is the default app. `args_json`
    /// is a JSON object for a factory, absent for an app that is only named. [`DECLINED`]: no such app. \[load\]
    pub register: unsafe extern "C" fn(
        this: *mut c_void,
        name: Slice,
        args_json: Slice,
        app: *mut App,
        err: *mut Buf,
    ) -> i32,
}

/// `"pa.wrap/1"` of a plugin: its middleware, by name.
#[repr(C)]
#[derive(Debug)]
pub struct PluginWrap {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Makes the middleware of that name for one use of it, from that use's configuration (a JSON object). [`DECLINED`]:
    /// no such middleware. \[load\]
    pub make: unsafe extern "C" fn(
        this: *mut c_void,
        name: Slice,
        config_json: Slice,
        out: *mut Wrapper,
        err: *mut Buf,
    ) -> i32,
}

/// `"pa.state/1"` of a plugin: state that moves from one generation of it to the next, in a swap. The manifest says in
/// which schema it is saved (`state_schema = 2`) and which ones are taken over (`state_accepts = [1, 2]`; if it is
/// missing, the one that is saved). The host compares these of both generations, and refuses the swap where they do not
/// fit, before it calls either function.
#[repr(C)]
#[derive(Debug)]
pub struct PluginState {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Writes the state for the next generation, in the schema of the manifest. [`READY`] fills `out`, which the host
    /// releases before `destroy`; [`DECLINED`]: there is nothing to hand over; on [`ERR`] `err` holds the reason, and the
    /// swap is cancelled. Between `start` and `stop`. Changes nothing that a handler can see: handlers may run meanwhile
    /// on other threads, the swap may fail, and then this is called again in the next one. \[load\]
    pub save: unsafe extern "C" fn(this: *mut c_void, out: *mut Buf, err: *mut Buf) -> i32,
    /// Takes over a state that was saved in the schema `from_schema`, in place of what is there. `bytes` is lent for the
    /// call. [`DECLINED`] or [`ERR`] (with the reason in `err`) refuse it: the swap is cancelled, this generation is
    /// destroyed, and the old one goes on. After `create` and before `start`; and after `stop`, when a generation that was
    /// kept is started again. \[load\]
    pub load: unsafe extern "C" fn(this: *mut c_void, from_schema: u32, bytes: Slice, err: *mut Buf) -> i32,
}

/// An app while it is loaded: a handle, not a pointer to memory. Valid until the load that made it ends.
#[repr(C)]
#[derive(Debug)]
pub struct App {
    _opaque: [u8; 0],
}

/// A route to register. Slices are copied.
#[repr(C)]
#[derive(Debug)]
pub struct RouteSpec {
    /// `sizeof` this struct.
    pub size: u32,
    /// [`BODY_NONE`], [`BODY_WHOLE`] or [`BODY_STREAM`].
    pub body: u16,
    /// [`ROUTE_BLOCKING`].
    pub flags: u16,
    /// In any case; `ANY` for every method.
    pub method: Slice,
    /// A rule, as `/hello/<name>`.
    pub rule: Slice,
    /// For URL building; may be absent.
    pub name: Slice,
    /// Taken over in every case.
    pub handler: Handler,
}

/// `"pa.app/1"` of the host: apps and the app stack, for a plugin that is being loaded. Outside of a load every function
/// answers [`ERR`] or null. All \[load\]. On [`ERR`] `err` holds the reason.
#[repr(C)]
#[derive(Debug)]
pub struct HostApp {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// For the functions below.
    pub ctx: *const c_void,
    /// The default app: the top of the stack.
    pub top: unsafe extern "C" fn(ctx: *const c_void) -> *mut App,
    /// A new app that is on no stack.
    pub create: unsafe extern "C" fn(ctx: *const c_void) -> *mut App,
    /// Makes `app` (null: a new one) the default app, and gives it back.
    pub push: unsafe extern "C" fn(ctx: *const c_void, app: *mut App) -> *mut App,
    /// Takes the default app off the stack; null, and nothing changes, where the plugin pushed none.
    pub pop: unsafe extern "C" fn(ctx: *const c_void) -> *mut App,
    /// Loads a target, as `load_app` does: `library:name(key = value)`.
    pub load:
        unsafe extern "C" fn(ctx: *const c_void, target: Slice, out: *mut *mut App, err: *mut Buf) -> i32,
    /// Adds a route; one of an equal rule and method is replaced.
    pub route: unsafe extern "C" fn(
        ctx: *const c_void,
        app: *mut App,
        route: *const RouteSpec,
        err: *mut Buf,
    ) -> i32,
    /// Answers errors of that status. `handler` is taken over in every case.
    pub error: unsafe extern "C" fn(
        ctx: *const c_void,
        app: *mut App,
        status: u16,
        handler: Handler,
        err: *mut Buf,
    ) -> i32,
    /// Adds a filter for the rules that follow. `filter` is taken over in every case.
    pub filter: unsafe extern "C" fn(
        ctx: *const c_void,
        app: *mut App,
        name: Slice,
        filter: Filter,
        err: *mut Buf,
    ) -> i32,
    /// Puts `child` at `prefix` of `app`.
    pub mount: unsafe extern "C" fn(
        ctx: *const c_void,
        app: *mut App,
        prefix: Slice,
        child: *mut App,
        err: *mut Buf,
    ) -> i32,
    /// Adds the routes of `child` to `app` as they are now.
    pub merge: unsafe extern "C" fn(ctx: *const c_void, app: *mut App, child: *mut App, err: *mut Buf) -> i32,
    /// Puts a middleware around every route of `app`, inside those that were installed before it. `wrapper` is taken over
    /// in every case.
    pub install: unsafe extern "C" fn(
        ctx: *const c_void,
        app: *mut App,
        name: Slice,
        wrapper: Wrapper,
        err: *mut Buf,
    ) -> i32,
}

/// `"pa.timer/1"` of the host.
#[repr(C)]
#[derive(Debug)]
pub struct HostTimer {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// For the function below.
    pub ctx: *const c_void,
    /// A poll that is ready `nanos` nanoseconds from now. \[any\]
    pub sleep: unsafe extern "C" fn(ctx: *const c_void, nanos: u64, out: *mut Poll) -> i32,
}

/// `"pa.run/1"` of the host: Bottle's `run()` called by an app, and the stop that Bottle never had. Both are ignored
/// ([`DECLINED`]) while the plugin is loaded. \[any\]
#[repr(C)]
#[derive(Debug)]
pub struct HostRun {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// For the functions below.
    pub ctx: *const c_void,
    /// Asks the host to serve. [`READY`] if it does, or will; [`DECLINED`] while loading; [`ERR`] once it stops.
    pub run: unsafe extern "C" fn(ctx: *const c_void) -> i32,
    /// Asks the host to stop: it finishes what runs, within its deadline, frees the port and ends. Also from a handler,
    /// whose own answer still goes out. [`DECLINED`] while loading.
    pub stop: unsafe extern "C" fn(ctx: *const c_void) -> i32,
}

/// `"pa.store/1"` of the host: what it keeps for this plugin by key, over swaps. All generations with the plugin's name in
/// the spec share it, also while two of them run. It lives as long as the process and is not on disk; of several processes
/// that serve one app, each has its own.
///
/// An entry is a value (bytes) or a counter, and stays what it is until it is removed. A key is UTF-8, of 1 to
/// [`STORE_KEY_BYTES_MAX`] bytes. Keys and values are copied in; the host limits how many bytes they may take together.
/// On [`ERR`] `err` holds the reason, and nothing has changed; `err` may be null. All \[any\]
#[repr(C)]
#[derive(Debug)]
pub struct HostStore {
    /// `sizeof` this struct.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// For the functions below.
    pub ctx: *const c_void,
    /// [`READY`]: `out` is the value, without a copy; it is the host's memory, stays as it is whatever becomes of the entry,
    /// and is released by whoever asked. [`DECLINED`]: no such key. [`ERR`] for a counter.
    pub get: unsafe extern "C" fn(ctx: *const c_void, key: Slice, out: *mut Buf, err: *mut Buf) -> i32,
    /// Sets a value, whatever it was. [`ERR`] for a counter, and where the limit is reached.
    pub set: unsafe extern "C" fn(ctx: *const c_void, key: Slice, value: Slice, err: *mut Buf) -> i32,
    /// Removes a value or a counter. [`DECLINED`]: no such key.
    pub remove: unsafe extern "C" fn(ctx: *const c_void, key: Slice, err: *mut Buf) -> i32,
    /// Sets a value if it is `expected`, as one step; an absent `expected` stands for no such key, an absent `value`
    /// removes. [`DECLINED`]: it is another one, and stays. [`ERR`] as with `set`.
    pub compare_and_set: unsafe extern "C" fn(
        ctx: *const c_void,
        key: Slice,
        expected: Slice,
        value: Slice,
        err: *mut Buf,
    ) -> i32,
    /// Adds to a counter, as one step, and fills `out` with the sum, which wraps around. A key that is not there begins at
    /// zero. `out` may be null. [`ERR`] for a value, and where the limit is reached.
    pub add: unsafe extern "C" fn(
        ctx: *const c_void,
        key: Slice,
        amount: i64,
        out: *mut i64,
        err: *mut Buf,
    ) -> i32,
    /// Fills `out` with a counter. [`DECLINED`]: no such key. [`ERR`] for a value.
    pub count: unsafe extern "C" fn(ctx: *const c_void, key: Slice, out: *mut i64, err: *mut Buf) -> i32,
    /// Calls `visitor` on this thread with each key that begins with `prefix`, in the order of their bytes. The key is lent
    /// for that call, in which the store may be used. Anything but [`READY`] from it ends the visit, and is the answer.
    /// Looks at every key of the store. Keys that come or go meanwhile may be seen or not.
    pub visit: unsafe extern "C" fn(
        ctx: *const c_void,
        prefix: Slice,
        data: *mut c_void,
        visitor: unsafe extern "C" fn(data: *mut c_void, key: Slice) -> i32,
        err: *mut Buf,
    ) -> i32,
}
