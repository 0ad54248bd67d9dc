/* Generated from src/abi.rs and include/tail.h: change these. */
/*
 * ABI 1: everything that crosses the boundary between a host and a plugin.
 *
 * This file is the contract; `include/plugin_api.h` is generated from it, and a test fails when they differ. It
 * holds data and function pointers only: no Rust type, no allocation of one side that the other frees, no panic.
 *
 * # How it grows
 * Structs grow by appending. Each starts with its size; the side that writes a struct sets `size`, the side that reads
 * it uses a field only if `size` covers it (`PA_COVERS`). Whole new abilities are extensions found by id
 * (`"pa.wrap/1"`) on either side; breaking one means `/2` beside it. A plugin built for ABI 1.n runs on every host of
 * ABI 1.m with m >= n, and on older ones as long as it uses nothing newer.
 *
 * # Memory: three rules
 * 1. A `pa_slice` is borrowed: valid until the response is finished, or for as long as the plugin is loaded if it is
 *    static. Arguments of load-time calls are valid for the call.
 * 2. A `pa_buf` is owned and carries its producer's `drop` (none: static or arena memory).
 * 3. Whoever asked for an object (`pa_handler`, `pa_poll`, `pa_wrapper`, `pa_filter`) drops it, once, on any thread of the
 *    host's. Response headers live in static memory or in the arena that the host lends for each request.
 *
 * # Threads
 * Each function names its class: **[load]** on a thread that loads or swaps this plugin, one call at a time; **[any]** on
 * any thread of the host's, also several at once; **[owner]** by one thread at a time, which may change between calls.
 *
 * # Faults
 * Nothing unwinds across the boundary. A function that fails answers with a negative code.
 */
#ifndef PLUGIN_API_H
#define PLUGIN_API_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An app while it is loaded: a handle, not a pointer to memory. Valid until the load that made it ends. */
typedef struct pa_app pa_app;
// The major version: also in the name of the entry, `pa_plugin_v1`.
#define PA_ABI_MAJOR 1

// The minor version: counts what was appended since 1.0. With 1.1 came `"pa.state/1"` and `"pa.store/1"`.
#define PA_ABI_MINOR 1

// Done; the output is filled.
#define PA_READY 0

// Not yet: the `pending` poll is filled, or the waker will be called.
#define PA_PENDING 1

// A stream has no more chunks.
#define PA_END 2

// Not for me: a route answers 404, a filter's value has the wrong format (400), a request to run or stop is ignored, a
// state is not taken over, the store has no such key or another value.
#define PA_DECLINED 3

// It failed: a route answers 500; a load-time call has filled its `err`.
#define PA_ERR (-1)

// A panic was caught on the plugin's side: a route answers 500.
#define PA_PANIC (-2)

// The work was cancelled.
#define PA_CANCELLED (-3)

// The route reads no body.
#define PA_BODY_NONE 0

// The host reads the whole body, within its limits, before it calls.
#define PA_BODY_WHOLE 1

// The handler reads the body itself from `Request::body_src`. For asynchronous handlers only.
#define PA_BODY_STREAM 2

// `RouteSpec::flags`: the handler may block for long; `actix` calls it on a thread of the host's.
#define PA_ROUTE_BLOCKING 1

// `Response::flags`: this is an error (Bottle's `HTTPError`): the app's error handler for its status answers instead,
// if there is one, else the host's page with the body as its message.
#define PA_RESPONSE_ERROR 1

// `Request::flags`: the client connected over TLS.
#define PA_REQUEST_SECURE 1

// Flag in the manifest's note: built with `panic = "abort"`. A host refuses it.
#define PA_NOTE_PANIC_ABORT 1

// A value of a parameter: text as it stood in the path, decoded.
#define PA_VALUE_TEXT 0

// A value of a parameter: a signed integer of 64 bits.
#define PA_VALUE_INT 1

// A value of a parameter: a double.
#define PA_VALUE_FLOAT 2

// Log levels of `pa_host::log` and `pa_request_vt::log`: as syslog's words, in steps of one.
#define PA_LOG_ERROR 1

// Something is wrong, and the work goes on.
#define PA_LOG_WARN 2

// Something an operator wants to read.
#define PA_LOG_INFO 3

// Something an author wants to read.
#define PA_LOG_DEBUG 4

// The longest key of a `pa_host_store`.
#define PA_STORE_KEY_BYTES_MAX 1024

// Borrowed bytes. `ptr` is null where a value is absent; an empty value has a `ptr` that is not null.
typedef struct pa_slice {
    // The first byte.
    const uint8_t *ptr;
    // How many bytes.
    size_t len;
} pa_slice;

// Owned bytes. Whoever holds it calls `drop(owner, ptr, len)` once, on any thread; no `drop` means static or arena
// memory. A producer puts in `owner` what its `drop` needs: for a Rust `Vec` that is the capacity.
typedef struct pa_buf {
    // The first byte.
    const uint8_t *ptr;
    // How many bytes.
    size_t len;
    // For `drop`, and for nobody else.
    void *owner;
    // Frees the bytes. [any]
    void (*drop)(void *owner, const uint8_t *ptr, size_t len);
} pa_buf;

// A header, or any other name with its value.
typedef struct pa_pair {
    // The name; of a response header: lower or mixed case, no CR, LF or NUL.
    struct pa_slice name;
    // The value.
    struct pa_slice value;
} pa_pair;

// A number beside the text of a parameter; `Param::kind` says which.
typedef union pa_number {
    // With `PA_VALUE_INT`.
    int64_t as_int;
    // With `PA_VALUE_FLOAT`.
    double as_float;
} pa_number;

// A wildcard of the rule with what it matched: converted once, by the host.
typedef struct pa_param {
    // The wildcard's name.
    struct pa_slice name;
    // The text that it matched, percent-decoded, UTF-8.
    struct pa_slice text;
    // `PA_VALUE_TEXT`, `PA_VALUE_INT` or `PA_VALUE_FLOAT`.
    uint32_t kind;
    // Zero.
    uint32_t reserved;
    // The value of a number.
    union pa_number number;
} pa_param;

// The functions of a `pa_waker`.
typedef struct pa_waker_vt {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // One more owner. [any]
    const struct pa_waker *(*clone)(const struct pa_waker *waker);
    // Wakes, and gives the caller's ownership up. [any]
    void (*wake)(const struct pa_waker *waker);
    // Wakes, and keeps the caller's ownership. [any]
    void (*wake_by_ref)(const struct pa_waker *waker);
    // Gives the caller's ownership up. [any]
    void (*drop)(const struct pa_waker *waker);
} pa_waker_vt;

// A counted object of the host's that wakes whoever waits for a `pa_poll`. Calling it after the poll was dropped is
// harmless: it touches the host's memory only.
typedef struct pa_waker {
    // Its functions.
    const struct pa_waker_vt *vt;
} pa_waker;

// The functions of a `pa_poll`.
typedef struct pa_poll_vt {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // Goes on with the work. `PA_READY` fills `out`: a `pa_response` for a pending response, a `pa_buf` for a chunk of a
    // stream (poll again for the next), nothing for a timer (`out` is null). `PA_PENDING`: a clone of `waker` will be
    // woken. `PA_END`: a stream is over. Not called again after `PA_END`, an error, or the `READY` of a response or timer.
    // The waker is borrowed for the call. [owner]
    int32_t (*poll)(void *data, const struct pa_waker *waker, void *out);
    // Cancels what is left and frees it. [owner], once
    void (*drop)(void *data);
} pa_poll_vt;

// The one asynchronous primitive: a response to come, a streamed body in either direction, a timer. Dropping it is
// cancellation: client gone, deadline passed, shutdown.
typedef struct pa_poll {
    // The work; null if there is none.
    void *data;
    // Its functions; null if there is none.
    const struct pa_poll_vt *vt;
} pa_poll;

// What the host does for a request. All [owner]: by whoever handles the request now.
typedef struct pa_request_vt {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // The first header of that name, in any case; absent if there is none.
    struct pa_slice (*header)(const void *ctx, struct pa_slice name);
    // Header number `index`: `PA_READY`, or `PA_END` past the last.
    int32_t (*header_at)(const void *ctx, size_t index, struct pa_pair *out);
    // Memory that lives as long as the request. `align` is a power of two. Null when the request's arena is used up.
    void *(*alloc)(const void *ctx, size_t size, size_t align);
    // The client: `192.0.2.1:50000`, `[::1]:50000`, or `unix:` for a Unix socket.
    struct pa_slice (*peer)(const void *ctx);
    // The request's id, as in the host's log.
    struct pa_slice (*id)(const void *ctx);
    // The URL of the route of this app with that name or rule. `values` fill its wildcards, the rest becomes the query.
    // On `PA_ERR` `out` holds the reason.
    int32_t (*url)(const void *ctx,
                   struct pa_slice route,
                   const struct pa_pair *values,
                   size_t values_len,
                   struct pa_slice *out);
    // A line in the log, with the request's id. `level` is one of `LOG_*`.
    void (*log)(const void *ctx, int32_t level, struct pa_slice message);
} pa_request_vt;

// A request, as the handler of its route sees it. It and all that it points to stay valid until the response is
// finished: for a pending response until its poll was dropped, so a handler may borrow it for all that time.
typedef struct pa_request {
    // `sizeof` this struct.
    uint32_t size;
    // `PA_REQUEST_SECURE`.
    uint32_t flags;
    // HTTP version times ten: 10 or 11.
    uint16_t version;
    // In an error handler the status of the error, else zero.
    uint16_t error_status;
    // How many `params`.
    uint32_t params_len;
    // `GET`, `POST`, ...: upper case.
    struct pa_slice method;
    // The request's target as the client sent it.
    struct pa_slice target;
    // The path below the mount, percent-decoded, UTF-8, begins with `/` (WSGI's `PATH_INFO`).
    struct pa_slice path;
    // The mount's prefix without a slash at its end, empty at the root (WSGI's `SCRIPT_NAME`).
    struct pa_slice script_name;
    // What follows `?`, not decoded; absent where there is no `?`.
    struct pa_slice query;
    // The rule of the route; absent in an error handler of a request that matched none.
    struct pa_slice rule;
    // The whole body of a route that declares `PA_BODY_WHOLE`.
    struct pa_slice body;
    // The wildcards of the rule, in its order, without the anonymous ones.
    const struct pa_param *params;
    // The chunks of the body, of a route that declares `PA_BODY_STREAM`; else null. Borrowed: not dropped by the handler.
    const struct pa_poll *body_src;
    // In an error handler the message of the error.
    struct pa_slice error_message;
    // For the functions of `vt`.
    const void *ctx;
    // What the host does for a request.
    const struct pa_request_vt *vt;
} pa_request;

// An answer. The host clears it before the call: status 200, nothing else.
typedef struct pa_response {
    // `sizeof` this struct.
    uint32_t size;
    // 200 to 999.
    uint16_t status;
    // `PA_RESPONSE_ERROR`.
    uint16_t flags;
    // Static memory, or the request's arena. The host adds `content-length` or `transfer-encoding`, `date` and
    // `connection`; a `content-length` given here counts for an answer to HEAD alone.
    struct pa_pair *headers;
    // How many headers.
    uint32_t headers_len;
    // For how many there is room at `headers`: whoever adds one and finds room writes in place. Zero: never written to.
    uint32_t headers_cap;
    // The body, or its beginning if there is a `stream`.
    struct pa_buf body;
    // If its `vt` is not null: chunks that follow `body`, polled when the client is ready for more.
    struct pa_poll stream;
} pa_response;

// The functions of a `pa_handler`.
typedef struct pa_handler_vt {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // Handles a request. `PA_READY`: `response` is filled. `PA_PENDING`: `pending` is, and its poll fills a response; the
    // host polls it at least once. `PA_DECLINED`, `PA_ERR`, `PA_PANIC`: neither is. [any]
    int32_t (*call)(void *data,
                    const struct pa_request *request,
                    struct pa_response *response,
                    struct pa_poll *pending);
    // Frees the handler: no call is under way or will come, and every pending poll of it was dropped. May be absent.
    // [any], once
    void (*drop)(void *data);
} pa_handler_vt;

// The one call shape: the handler of a route, the `next` of a middleware, and the app that a server serves.
typedef struct pa_handler {
    // For the functions of `vt`.
    void *data;
    // Its functions.
    const struct pa_handler_vt *vt;
} pa_handler;

// A route as a middleware sees it when the table is built. Borrowed for the call.
typedef struct pa_route_info {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // Upper case; `ANY` for every method.
    struct pa_slice method;
    // As it was registered, below the mount.
    struct pa_slice rule;
    // The route's name; absent if it has none.
    struct pa_slice name;
    // The mount's prefix.
    struct pa_slice mount;
    // The plugin that the route came from.
    struct pa_slice plugin;
} pa_route_info;

// The functions of a `pa_wrapper`.
typedef struct pa_wrapper_vt {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // Puts the middleware around one route. Takes `next` over in every case, also when it fails. `out` may be `next`
    // itself: this route is not for me, and costs nothing. [load], once for each route of a table
    int32_t (*apply)(void *data,
                     const struct pa_route_info *route,
                     struct pa_handler next,
                     struct pa_handler *out);
    // Frees the middleware; handlers that it made may outlive it. May be absent. [any], once
    void (*drop)(void *data);
} pa_wrapper_vt;

// A middleware that is ready to be put around routes.
typedef struct pa_wrapper {
    // For the functions of `vt`.
    void *data;
    // Its functions.
    const struct pa_wrapper_vt *vt;
} pa_wrapper;

// The functions of a `pa_filter`.
typedef struct pa_filter_vt {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // The regular expression for a wildcard with that configuration (absent in `<x:name>`); on `PA_ERR` the reason.
    // [load]
    int32_t (*pattern)(void *data, struct pa_slice config, struct pa_buf *out);
    // Converts what a wildcard with that configuration matched: fills `kind` and `number` of `out`; `PA_DECLINED` is a
    // wrong format (400). Absent: text stays text. [any]
    int32_t (*parse)(void *data, struct pa_slice config, struct pa_slice text, struct pa_param *out);
    // The text of a value in a URL that is built; `PA_DECLINED`: the value does not fit. Absent: as it is. [any]
    int32_t (*format)(void *data, struct pa_slice config, struct pa_slice value, struct pa_buf *out);
    // Frees the filter. May be absent. [any], once
    void (*drop)(void *data);
} pa_filter_vt;

// A custom filter of rules: Bottle's `add_filter`.
typedef struct pa_filter {
    // For the functions of `vt`.
    void *data;
    // Its functions.
    const struct pa_filter_vt *vt;
} pa_filter;

// The host, as a plugin sees it: lives as long as the plugin is loaded.
typedef struct pa_host {
    // `sizeof` this struct.
    uint32_t size;
    // The host's ABI.
    uint16_t abi_major;
    // The host's ABI.
    uint16_t abi_minor;
    // For the functions below.
    const void *ctx;
    // The name of this plugin in the spec.
    struct pa_slice plugin_name;
    // A line in the log. `level` is one of `LOG_*`. [any]
    void (*log)(const void *ctx, int32_t level, struct pa_slice message);
    // An ability of the host by its id: one of the `Host*` structs below, or null. [any]
    const void *(*extension)(const void *ctx, struct pa_slice id);
} pa_host;

// The entry: the one exported symbol of a plugin, `pa_plugin_v1`, and it is data. This struct never grows; all else is an
// extension.
typedef struct pa_plugin {
    // `sizeof` this struct.
    uint32_t size;
    // The ABI that the plugin was built for.
    uint16_t abi_major;
    // The ABI that the plugin was built for.
    uint16_t abi_minor;
    // Makes the instance from its configuration, a JSON object. Starts no thread. On `PA_ERR` `err` holds the reason.
    // [load], once
    int32_t (*create)(const struct pa_host *host, struct pa_slice config_json, void **out, struct pa_buf *err);
    // Starts threads and timers, if it needs any. `start` and `stop` may alternate. May be absent. [load]
    int32_t (*start)(void *self, struct pa_buf *err);
    // Ends and joins all that `start` began. May be absent. [load]
    void (*stop)(void *self);
    // Frees the instance: every handler was dropped. [load], once
    void (*destroy)(void *self);
    // An ability of the plugin by its id: one of the `Plugin*` structs below, or null. Lives as long as the plugin is
    // loaded. May be absent. [load]
    const void *(*extension)(void *self, struct pa_slice id);
} pa_plugin;

// `"pa.handlers/1"` of a plugin: binds the names in its manifest to handlers.
typedef struct pa_plugin_handlers {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // The handler of that name; `PA_DECLINED` if there is none. [load]
    int32_t (*bind)(void *self, struct pa_slice name, struct pa_handler *out);
} pa_plugin_handlers;

// `"pa.apps/1"` of a plugin: apps whose routes are made at load.
typedef struct pa_plugin_apps {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // Registers on `app` (with `pa_host_app`) what the app of that name has. An empty name is the default app. `args_json`
    // is a JSON object for a factory, absent for an app that is only named. `PA_DECLINED`: no such app. [load]
    int32_t (*register_)(void *self,
                         struct pa_slice name,
                         struct pa_slice args_json,
                         pa_app *app,
                         struct pa_buf *err);
} pa_plugin_apps;

// `"pa.wrap/1"` of a plugin: its middleware, by name.
typedef struct pa_plugin_wrap {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // Makes the middleware of that name for one use of it, from that use's configuration (a JSON object). `PA_DECLINED`:
    // no such middleware. [load]
    int32_t (*make)(void *self,
                    struct pa_slice name,
                    struct pa_slice config_json,
                    struct pa_wrapper *out,
                    struct pa_buf *err);
} pa_plugin_wrap;

// `"pa.state/1"` of a plugin: state that moves from one generation of it to the next, in a swap. The manifest says in
// which schema it is saved (`state_schema = 2`) and which ones are taken over (`state_accepts = [1, 2]`; if it is
// missing, the one that is saved). The host compares these of both generations, and refuses the swap where they do not
// fit, before it calls either function.
typedef struct pa_plugin_state {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // Writes the state for the next generation, in the schema of the manifest. `PA_READY` fills `out`, which the host
    // releases before `destroy`; `PA_DECLINED`: there is nothing to hand over; on `PA_ERR` `err` holds the reason, and the
    // swap is cancelled. Between `start` and `stop`. Changes nothing that a handler can see: handlers may run meanwhile
    // on other threads, the swap may fail, and then this is called again in the next one. [load]
    int32_t (*save)(void *self, struct pa_buf *out, struct pa_buf *err);
    // Takes over a state that was saved in the schema `from_schema`, in place of what is there. `bytes` is lent for the
    // call. `PA_DECLINED` or `PA_ERR` (with the reason in `err`) refuse it: the swap is cancelled, this generation is
    // destroyed, and the old one goes on. After `create` and before `start`; and after `stop`, when a generation that was
    // kept is started again. [load]
    int32_t (*load)(void *self, uint32_t from_schema, struct pa_slice bytes, struct pa_buf *err);
} pa_plugin_state;

// A route to register. Slices are copied.
typedef struct pa_route_spec {
    // `sizeof` this struct.
    uint32_t size;
    // `PA_BODY_NONE`, `PA_BODY_WHOLE` or `PA_BODY_STREAM`.
    uint16_t body;
    // `PA_ROUTE_BLOCKING`.
    uint16_t flags;
    // In any case; `ANY` for every method.
    struct pa_slice method;
    // A rule, as `/hello/<name>`.
    struct pa_slice rule;
    // For URL building; may be absent.
    struct pa_slice name;
    // Taken over in every case.
    struct pa_handler handler;
} pa_route_spec;

// `"pa.app/1"` of the host: apps and the app stack, for a plugin that is being loaded. Outside of a load every function
// answers `PA_ERR` or null. All [load]. On `PA_ERR` `err` holds the reason.
typedef struct pa_host_app {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // For the functions below.
    const void *ctx;
    // The default app: the top of the stack.
    pa_app *(*top)(const void *ctx);
    // A new app that is on no stack.
    pa_app *(*create)(const void *ctx);
    // Makes `app` (null: a new one) the default app, and gives it back.
    pa_app *(*push)(const void *ctx, pa_app *app);
    // Takes the default app off the stack; null, and nothing changes, where the plugin pushed none.
    pa_app *(*pop)(const void *ctx);
    // Loads a target, as `load_app` does: `library:name(key = value)`.
    int32_t (*load)(const void *ctx, struct pa_slice target, pa_app **out, struct pa_buf *err);
    // Adds a route; one of an equal rule and method is replaced.
    int32_t (*route)(const void *ctx, pa_app *app, const struct pa_route_spec *route, struct pa_buf *err);
    // Answers errors of that status. `handler` is taken over in every case.
    int32_t (*error)(const void *ctx,
                     pa_app *app,
                     uint16_t status,
                     struct pa_handler handler,
                     struct pa_buf *err);
    // Adds a filter for the rules that follow. `filter` is taken over in every case.
    int32_t (*filter)(const void *ctx,
                      pa_app *app,
                      struct pa_slice name,
                      struct pa_filter filter,
                      struct pa_buf *err);
    // Puts `child` at `prefix` of `app`.
    int32_t (*mount)(const void *ctx, pa_app *app, struct pa_slice prefix, pa_app *child, struct pa_buf *err);
    // Adds the routes of `child` to `app` as they are now.
    int32_t (*merge)(const void *ctx, pa_app *app, pa_app *child, struct pa_buf *err);
    // Puts a middleware around every route of `app`, inside those that were installed before it. `wrapper` is taken over
    // in every case.
    int32_t (*install)(const void *ctx,
                       pa_app *app,
                       struct pa_slice name,
                       struct pa_wrapper wrapper,
                       struct pa_buf *err);
} pa_host_app;

// `"pa.timer/1"` of the host.
typedef struct pa_host_timer {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // For the function below.
    const void *ctx;
    // A poll that is ready `nanos` nanoseconds from now. [any]
    int32_t (*sleep)(const void *ctx, uint64_t nanos, struct pa_poll *out);
} pa_host_timer;

// `"pa.run/1"` of the host: Bottle's `run()` called by an app, and the stop that Bottle never had. Both are ignored
// (`PA_DECLINED`) while the plugin is loaded. [any]
typedef struct pa_host_run {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // For the functions below.
    const void *ctx;
    // Asks the host to serve. `PA_READY` if it does, or will; `PA_DECLINED` while loading; `PA_ERR` once it stops.
    int32_t (*run)(const void *ctx);
    // Asks the host to stop: it finishes what runs, within its deadline, frees the port and ends. Also from a handler,
    // whose own answer still goes out. `PA_DECLINED` while loading.
    int32_t (*stop)(const void *ctx);
} pa_host_run;

// `"pa.store/1"` of the host: what it keeps for this plugin by key, over swaps. All generations with the plugin's name in
// the spec share it, also while two of them run. It lives as long as the process and is not on disk; of several processes
// that serve one app, each has its own.
//
// An entry is a value (bytes) or a counter, and stays what it is until it is removed. A key is UTF-8, of 1 to
// `PA_STORE_KEY_BYTES_MAX` bytes. Keys and values are copied in; the host limits how many bytes they may take together.
// On `PA_ERR` `err` holds the reason, and nothing has changed; `err` may be null. All [any]
typedef struct pa_host_store {
    // `sizeof` this struct.
    uint32_t size;
    // Zero.
    uint32_t reserved;
    // For the functions below.
    const void *ctx;
    // `PA_READY`: `out` is the value, without a copy; it is the host's memory, stays as it is whatever becomes of the entry,
    // and is released by whoever asked. `PA_DECLINED`: no such key. `PA_ERR` for a counter.
    int32_t (*get)(const void *ctx, struct pa_slice key, struct pa_buf *out, struct pa_buf *err);
    // Sets a value, whatever it was. `PA_ERR` for a counter, and where the limit is reached.
    int32_t (*set)(const void *ctx, struct pa_slice key, struct pa_slice value, struct pa_buf *err);
    // Removes a value or a counter. `PA_DECLINED`: no such key.
    int32_t (*remove)(const void *ctx, struct pa_slice key, struct pa_buf *err);
    // Sets a value if it is `expected`, as one step; an absent `expected` stands for no such key, an absent `value`
    // removes. `PA_DECLINED`: it is another one, and stays. `PA_ERR` as with `set`.
    int32_t (*compare_and_set)(const void *ctx,
                               struct pa_slice key,
                               struct pa_slice expected,
                               struct pa_slice value,
                               struct pa_buf *err);
    // Adds to a counter, as one step, and fills `out` with the sum, which wraps around. A key that is not there begins at
    // zero. `out` may be null. `PA_ERR` for a value, and where the limit is reached.
    int32_t (*add)(const void *ctx, struct pa_slice key, int64_t amount, int64_t *out, struct pa_buf *err);
    // Fills `out` with a counter. `PA_DECLINED`: no such key. `PA_ERR` for a value.
    int32_t (*count)(const void *ctx, struct pa_slice key, int64_t *out, struct pa_buf *err);
    // Calls `visitor` on this thread with each key that begins with `prefix`, in the order of their bytes. The key is lent
    // for that call, in which the store may be used. Anything but `PA_READY` from it ends the visit, and is the answer.
    // Looks at every key of the store. Keys that come or go meanwhile may be seen or not.
    int32_t (*visit)(const void *ctx,
                     struct pa_slice prefix,
                     void *data,
                     int32_t (*visitor)(void *data, struct pa_slice key),
                     struct pa_buf *err);
} pa_host_store;

// Id of `pa_plugin_handlers`.
#define PA_EXT_HANDLERS "pa.handlers/1"

// Id of `pa_plugin_apps`.
#define PA_EXT_APPS "pa.apps/1"

// Id of `pa_plugin_wrap`.
#define PA_EXT_WRAP "pa.wrap/1"

// Id of `pa_host_app`.
#define PA_EXT_APP "pa.app/1"

// Id of `pa_host_timer`.
#define PA_EXT_TIMER "pa.timer/1"

// Id of `pa_host_run`.
#define PA_EXT_RUN "pa.run/1"

// Id of `pa_plugin_state`.
#define PA_EXT_STATE "pa.state/1"

// Id of `pa_host_store`.
#define PA_EXT_STORE "pa.store/1"

#ifdef __cplusplus
}
#endif

/* ------------------------------------------------------------------------------------------------------------------
 * The rest is written by hand: what makes C pleasant. Nothing below is part of the ABI.
 *
 *     PA_NOTE("id = \"hello\"\n"
 *             "version = \"0.1.0\"\n"
 *             "[[route]]\nmethod = \"GET\"\nrule = \"/\"\nhandler = \"index\"\n")
 *
 *     const pa_plugin pa_plugin_v1 = { sizeof(pa_plugin), PA_ABI_MAJOR, PA_ABI_MINOR, create, NULL, NULL, destroy, extension };
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The entry: each plugin defines it, and exports nothing else. */
extern __attribute__((visibility("default"))) const pa_plugin pa_plugin_v1;

/* The manifest: TOML, as string literals. Once in a plugin, at file scope, outside of every function. */
#define PA_NOTE(toml)                                                                                          \
    __attribute__((section(".note.plugin-api"), used, aligned(4))) static const struct {                       \
        uint32_t owner_len, descriptor_len, kind;                                                              \
        char owner[12];                                                                                        \
        uint16_t abi_major, abi_minor;                                                                         \
        uint32_t flags;                                                                                        \
        char text[(sizeof(toml) + 3) & ~(size_t)3];                                                            \
    } pa_note = { 12, 8 + ((sizeof(toml) + 3) & ~(size_t)3), 1, "plugin-api", PA_ABI_MAJOR, PA_ABI_MINOR, 0, toml };

/* Whether a struct of the other side's has that field. */
#define PA_COVERS(table, type, field) ((table)->size >= offsetof(type, field) + sizeof((table)->field))

/* Text that lives for ever, or as long as it is needed: a string literal, most often. */
static inline pa_slice pa_str(const char *text) {
    pa_slice slice = { (const uint8_t *)text, strlen(text) };
    return slice;
}

static inline pa_slice pa_absent(void) {
    pa_slice slice = { NULL, 0 };
    return slice;
}

static inline int pa_is(pa_slice slice, const char *text) {
    return slice.ptr != NULL && slice.len == strlen(text) && memcmp(slice.ptr, text, slice.len) == 0;
}

/* For printf: "%.*s", PA_ARG(slice). */
#define PA_ARG(slice) ((int)(slice).len), ((slice).ptr != NULL ? (const char *)(slice).ptr : "")

/* Bytes that need not be freed: static, or in the request's arena. */
static inline pa_buf pa_borrowed(pa_slice bytes) {
    pa_buf buf = { bytes.ptr, bytes.len, NULL, NULL };
    return buf;
}

/* Gives bytes back to whoever made them, and leaves none: for what `get` of the store filled. */
static inline void pa_release(pa_buf *buf) {
    if (buf->drop != NULL) buf->drop(buf->owner, buf->ptr, buf->len);
    *buf = pa_borrowed(pa_str(""));
}

/* Fails for that reason, a string literal: the end of `create`, `start`, `save` and `load`. */
static inline int32_t pa_fail(pa_buf *err, const char *why) {
    *err = pa_borrowed(pa_str(why));
    return PA_ERR;
}

/* What the host keeps for this plugin over swaps; NULL on a host that is older than ABI 1.1. */
static inline const pa_host_store *pa_store(const pa_host *host) {
    return (const pa_host_store *)host->extension(host->ctx, pa_str(PA_EXT_STORE));
}

/* A header of the request, in any case; absent if there is none. */
static inline pa_slice pa_header(const pa_request *request, const char *name) {
    return request->vt->header(request->ctx, pa_str(name));
}

/* What the wildcard of that name matched, or NULL. */
static inline const pa_param *pa_find_param(const pa_request *request, const char *name) {
    for (uint32_t i = 0; i < request->params_len; i++)
        if (pa_is(request->params[i].name, name)) return &request->params[i];
    return NULL;
}

/* The text that the wildcard of that name matched; absent if there is none. */
static inline pa_slice pa_param_of(const pa_request *request, const char *name) {
    const pa_param *param = pa_find_param(request, name);
    return param != NULL ? param->text : pa_absent();
}

/* Enough for every type of C. */
#define PA_ALIGN 16

/* Memory that lives as long as the request; NULL when its arena is used up. */
static inline void *pa_alloc(const pa_request *request, size_t size) {
    return request->vt->alloc(request->ctx, size, PA_ALIGN);
}

/* printf into the request's arena; absent when that is used up. */
__attribute__((format(printf, 2, 3))) static inline pa_slice pa_printf(const pa_request *request, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = len < 0 ? NULL : (char *)pa_alloc(request, (size_t)len + 1);
    if (text == NULL) return pa_absent();
    va_start(arguments, format);
    vsnprintf(text, (size_t)len + 1, format, arguments);
    va_end(arguments);
    pa_slice slice = { (const uint8_t *)text, (size_t)len };
    return slice;
}

/* A line in the log, with the request's id. */
static inline void pa_log(const pa_request *request, int32_t level, const char *message) {
    request->vt->log(request->ctx, level, pa_str(message));
}

/* Answers with bytes of that content type, a string literal. The bytes are static, or in the request's arena; absent bytes,
 * as from a pa_printf that found no room, are a failure. */
static inline int32_t pa_answer(const pa_request *request, pa_response *response, uint16_t status, const char *content_type,
                                pa_slice bytes) {
    pa_pair *headers = (pa_pair *)pa_alloc(request, sizeof(pa_pair));
    if (headers == NULL || bytes.ptr == NULL) return PA_ERR;
    headers->name = pa_str("content-type");
    headers->value = pa_str(content_type);
    response->status = status;
    response->headers = headers;
    response->headers_len = 1;
    response->headers_cap = 1;
    response->body = pa_borrowed(bytes);
    return PA_READY;
}

/* Answers with plain text that is static or in the request's arena. */
static inline int32_t pa_text(pa_response *response, uint16_t status, pa_slice text) {
    static const char name[] = "content-type", value[] = "text/plain; charset=utf-8";
    static pa_pair header = { { (const uint8_t *)name, sizeof name - 1 }, { (const uint8_t *)value, sizeof value - 1 } };
    if (text.ptr == NULL) return PA_ERR;
    response->status = status;
    response->headers = &header;
    response->headers_len = 1;
    response->headers_cap = 0;
    response->body = pa_borrowed(text);
    return PA_READY;
}

/* Answers with an error: the app's error handler for the status, else the host's page with this message. */
static inline int32_t pa_abort(pa_response *response, uint16_t status, const char *message) {
    int32_t code = pa_text(response, status, pa_str(message));
    response->flags |= PA_RESPONSE_ERROR;
    return code;
}

/* A handler for a function that needs no data. The table may be static. */
typedef int32_t (*pa_call)(void *data, const pa_request *request, pa_response *response, pa_poll *pending);

#define PA_HANDLER_VT(function) { sizeof(pa_handler_vt), 0, (function), NULL }

#ifdef __cplusplus
}
#endif

#endif /* PLUGIN_API_H */
