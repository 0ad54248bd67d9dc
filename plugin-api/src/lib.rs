//! The contract between `host` and its plugins, and the SDK that plugins are written with.
//!
//! A plugin is a library that answers requests. This is all of one:
//! ```standalone_crate
//! use plugin_api::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Config {
//!     greeting: String,
//! }
//!
//! #[get("/hello/<name>")]
//! fn hello(name: &str, config: State<Config>) -> String {
//!     format!("{} {name}!", config.greeting)
//! }
//!
//! plugin! { config: Config, routes: [hello] }
//! # fn main() {
//! # let client = plugin_api::test::TestClient::new(&pa_plugin_v1, r#"{"greeting":"Hello"}"#);
//! # assert_eq!(client.get("/hello/World").text(), "Hello World!");
//! # }
//! ```
//! Its `Cargo.toml` needs `crate-type = ["cdylib"]` and this crate: serde's derives are in the prelude. `cargo build` makes
//! a file that a host loads, serves, and replaces while requests run.
//!
//! # Parameters
//! An argument with the name of a wildcard takes what it matched: `&str`, `String`, an integer or a float. A number that is
//! out of range is a 400 which says the range. A wildcard that no argument takes does not compile, nor the reverse; a
//! handler that takes `&Request` may look parameters up by [`Request::param`].
//!
//! | rule | matches |
//! |---|---|
//! | `/hello/<name>` | one part of a path |
//! | `/note/<id:int>` | a whole number; `<x:float>` a number |
//! | `/files/<path:path>` | slashes, too |
//! | `/show/<name:re:[a-z]+>` | a regular expression |
//! | `/<:int>/x` | without a name it is matched and not passed |
//!
//! # Extractors
//! Other arguments are made from the request: [`&Request`](Request), [`Query<T>`](Query), [`Json<T>`](Json),
//! [`Form<T>`](Form), [`Text`], `&[u8]` and `Vec<u8>` (the body), [`BodyStream`] (the body as it arrives), and
//! [`State<T>`](State): the configuration or the state, whichever has that type. [`FromRequest`] is how a type of your own
//! becomes one. A body is read if an argument wants it, and never else: the manifest says so for each route.
//!
//! ```
//! # use plugin_api::prelude::*;
//! #[derive(Deserialize, Serialize)]
//! struct Note { title: String, stars: u8 }
//!
//! #[post("/notes")]
//! fn add(note: Json<Note>) -> (u16, Json<Note>) {
//!     (201, note)
//! }
//! ```
//!
//! # Answers
//! Text, bytes, [`Html`], [`Json`], [`Status`], `(201, answer)`, `()`, an [`Option`] (nothing is a 404), a [`Result`], a
//! [`Stream`], or a [`Response`] that is built: [`IntoResponse`] has the list. An answer may borrow from the request and from
//! the state. A `String` leaves without a copy.
//!
//! ```
//! # use plugin_api::prelude::*;
//! #[post("/login")]
//! fn login() -> Response {
//!     let cookie = Cookie::build(("session", "7")).http_only(true).same_site(SameSite::Lax);
//!     Response::redirect("/").cookie(cookie.build())
//! }
//! ```
//! A header with a line break in it is never sent: the client gets a 500, and the log says why.
//!
//! # Errors
//! `?` makes a 500 of any error of the standard kind: its text is in the log, with the request's id, and not in the answer.
//! [`abort`] makes an [`Error`] with another status and a sentence for the client, [`or_abort`](OrAbort::or_abort) does so
//! for what is missing. An app's error handlers answer errors, and errors alone: a [`Response`] with status 404 goes out as
//! it is.
//!
//! ```
//! # use plugin_api::prelude::*;
//! #[get("/user/<id>")]
//! fn user(id: u32) -> Result<String, Error> {
//!     let users = ["ann", "bob"];
//!     let name = users.get(id as usize).or_abort(404, "there is no such user")?;
//!     Ok(name.to_string())
//! }
//!
//! #[error(404)]
//! fn not_found(request: &Request) -> Html<String> {
//!     Html(format!("<h1>{}</h1>", request.error_message()))
//! }
//! ```
//! It is listed in `plugin!` after `errors:`. A panic is a 500, too, and its message and place are in the log.
//!
//! # Asynchronous handlers
//! An `async fn` waits without a thread: [`sleep`], [`timeout`], bodies as they arrive. What belongs to the request may be
//! borrowed across `await`. When the client goes away or a deadline passes, the future is dropped where it waits. There is
//! no runtime of tokio's around it: what needs one brings its own, and ends it in `stop:`.
//!
//! ```
//! # use plugin_api::prelude::*;
//! # use std::time::Duration;
//! #[get("/slow/<ms:int>")]
//! async fn slow(ms: u64, request: &Request) -> String {
//!     sleep(Duration::from_millis(ms)).await;
//!     format!("{} waited", request.peer())
//! }
//! ```
//! A handler that is not `async` and takes long says so: `#[get("/report", blocking)]`.
//!
//! # Middleware
//! Code around handlers, put around each route once, when the host builds its table: per request it is one call.
//!
//! ```
//! # use plugin_api::prelude::*;
//! # use std::time::Instant;
//! #[middleware]
//! fn stamp(request: &Request, next: Next) -> Run {
//!     next.run(request).then(|reply| reply.header("x-stamp", "1"))
//! }
//!
//! #[middleware]
//! async fn timed(request: &Request, next: Next) -> Reply {
//!     let start = Instant::now();
//!     let reply = next.run(request).await;
//!     reply.header("x-time", format!("{:?}", start.elapsed()))
//! }
//!
//! #[derive(Deserialize)]
//! struct Door { key: String }
//!
//! fn inside(route: &RouteInfo) -> bool {
//!     route.rule().starts_with("/inside/")
//! }
//!
//! #[middleware(applies = inside)]
//! fn guard(request: &Request, next: Next, door: Settings<Door>) -> Result<Run, Error> {
//!     match request.header("x-key") {
//!         Some(key) if key == door.key => Ok(next.run(request)),
//!         _ => Err(abort(401, "where is your key?")), // and the handler is not called
//!     }
//! }
//! ```
//! They are listed after `middleware:`, and used by name: each use has [`Settings`] of its own. A function that is not
//! `async` works on answers to come by [`Run::then`]. The trait [`Middleware`] is the form by hand.
//!
//! # Apps and factories
//! `apps: { admin: [users] }` gives routes a name, to be mounted where the spec wants them. `factories: { shop: make_shop }`
//! names functions that make an app at load, from arguments; `default: register` adds routes to the default app. They
//! work on an [`App`]: routes with closures, filters, mounts, middleware.
//!
//! ```standalone_crate
//! # use plugin_api::prelude::*;
//! #[derive(Deserialize)]
//! struct ShopArgs { title: String }
//!
//! fn make_shop(app: &mut App, args: ShopArgs) -> Result<(), Error> {
//!     app.get("/", move |_: &Request| args.title.clone())?;
//!     app.post("/order", |request: &Request| format!("{} bytes", request.body().len()))
//! }
//!
//! plugin! { factories: { shop: make_shop } }
//! # fn main() {
//! # let client = plugin_api::test::TestClient::new(&pa_plugin_v1, "{}");
//! # assert_eq!(client.factory("shop", r#"{"title":"Shop"}"#).get("/").text(), "Shop");
//! # }
//! ```
//! A factory that keeps the state for its handlers says that they live equally long:
//! `fn make_shop<'p>(app: &mut App<'p>, args: ShopArgs, config: State<'p, Config>)`.
//!
//! # State, start and stop
//! ```standalone_crate
//! # use plugin_api::prelude::*;
//! # use std::sync::atomic::{AtomicU64, Ordering};
//! struct Counter(AtomicU64);
//!
//! fn make() -> Result<Counter, Error> {
//!     Ok(Counter(AtomicU64::new(0)))
//! }
//!
//! #[get("/")]
//! fn count(counter: State<Counter>) -> String {
//!     counter.0.fetch_add(1, Ordering::Relaxed).to_string()
//! }
//!
//! plugin! { state: Counter = make, routes: [count] }
//! # fn main() {}
//! ```
//! The state is made at load, by a function that takes `&Config`, `Config` or nothing, and freed before unloading. Threads
//! begin in `start:` and have ended when `stop:` returns; both take a [`State`], or nothing. The log is [`host::log`] and [`Request::log`].
//!
//! # What survives a swap
//! A host replaces a plugin while requests run. The next generation is loaded beside the one that serves: it is created,
//! takes over what the old one hands over, is started, and tried; then it is published, and new requests are its own. The
//! old one finishes what it began, is stopped, freed and unmapped. Where any of this fails, the old one goes on as if
//! nothing had been. So both run for a while, and they share nothing but what the host keeps:
//!
//! | what | and a swap |
//! |---|---|
//! | the [`store`] | stays as it is; both generations use it meanwhile |
//! | what `save:` gives | is handed to `load:` of the next generation |
//! | the state | is made anew, and then it is for `load:` to fill it |
//! | the configuration | is read again, as the spec says it by then |
//! | statics, thread-locals | begin anew: each generation is a library of its own |
//! | threads | end in `stop:`, and the next generation begins its own in `start:`; one that goes on keeps its library in memory, and the host says so |
//! | files and sockets | are closed with the state that owns them; the next generation opens its own, while the old one still has them |
//! | caches | are empty, unless `load:` fills them |
//! | what was printed, and not yet ended by a line | is lost, with the buffer that it lies in: write to [`host::log`] |
//! | requests, streams, sleeps | end where they began, on the old generation, within `drain` of the spec's `[timeouts]` |
//!
//! **The store** is for what should not move at all: counters, sessions, carts. It needs no code for swaps; see [`store`].
//! ```
//! # use plugin_api::prelude::*;
//! #[get("/")]
//! fn visit() -> Result<String, Error> {
//!     let visits = store::counter("visits").add(1)?;
//!     Ok(format!("visitor number {visits}"))
//! }
//! ```
//! **Handing over** is for state that is too fast, or too much of a Rust type, for a store: what is in the state moves from
//! one generation to the next. `save:` writes it, `load:` reads it, and the schema says in which format. Count it up when
//! the format changes, and name in `accepts:` which ones `load:` still reads: the host compares these numbers before it
//! swaps, and refuses a swap that would lose the state.
//! ```standalone_crate
//! # use plugin_api::prelude::*;
//! # use std::collections::HashMap;
//! # use std::sync::{Mutex, PoisonError};
//! #[derive(Default)]
//! struct Scores(Mutex<HashMap<String, Score>>);
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Score { points: u64, best: u64 }
//! #
//! # impl Scores {
//! #     fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Score>> {
//! #         self.0.lock().unwrap_or_else(PoisonError::into_inner)
//! #     }
//! # }
//! # fn none() -> Result<Scores, Error> {
//! #     Ok(Scores::default())
//! # }
//! # #[get("/<name>")]
//! # fn score(name: &str, scores: State<Scores>) -> Option<String> {
//! #     scores.lock().get(name).map(|score| format!("{} of {}", score.points, score.best))
//! # }
//!
//! fn save(scores: State<Scores>) -> Json<HashMap<String, Score>> {
//!     Json(scores.lock().clone())
//! }
//!
//! /// Schema 1 had the points alone.
//! fn load(scores: State<Scores>, from: u32, saved: &[u8]) -> Result<(), Error> {
//!     *scores.lock() = match from {
//!         1 => {
//!             let Json(old) = Json::<HashMap<String, u64>>::parse(saved)?;
//!             old.into_iter().map(|(name, points)| (name, Score { points, best: points })).collect()
//!         }
//!         _ => Json::parse(saved)?.0,
//!     };
//!     Ok(())
//! }
//!
//! plugin! { state: Scores = none, routes: [score], schema: 2, accepts: [1, 2], save: save, load: load }
//! # fn main() {
//! # use plugin_api::test::TestClient;
//! # let client = TestClient::with_state(&pa_plugin_v1, "{}", 1, br#"{"ann":7}"#);
//! # assert_eq!(client.get("/ann").text(), "7 of 7");
//! # assert_eq!(client.swap_to(&pa_plugin_v1).get("/ann").text(), "7 of 7");
//! # }
//! ```
//! An [`Err`] of `load:` cancels the swap, and its text is the reason that the operator reads. `save:` runs while requests
//! do: what they change after it is lost, which is right for a cache. A plugin that may lose nothing is given
//! `handover = "gate"` in its `[[plugin]]`: then its new requests wait until the state has moved. Both functions are called on
//! a thread of the host's, with a deadline.
//!
//! **Two at once.** When `start:` runs, the old generation has not stopped yet. What only one can have, a port or the lock of
//! a file, is still taken: let `start:` begin a thread that waits for it, or keep it in a service beside the host.
//!
//! **Watching.** `watch: ["templates"]` names files and folders beside the plugin's `Cargo.toml` that it reads when it is
//! loaded: under `--watch` a change of these swaps it, too. They stand in the manifest from the root, and on a machine
//! where they are not there they are passed over.
//!
//! # Testing
//! With the feature `test`, a test client (the module `test`) calls a plugin in its own unit tests:
//! `client!().get("/hello/World").text()`. It swaps, too: `swap_to`.
//!
//! # C
//! `include/plugin_api.h` is generated from [`abi`]: a plugin in C needs that header alone, and `plugins/hello-c` is one.
//!
//! # What is promised
//! A plugin that was built with the SDK of ABI 1.n runs on every host of ABI 1.m with m >= n, and on older ones as long as
//! it uses nothing newer. No Rust type crosses the boundary, no panic does, and neither side frees the other's memory:
//! [`abi`] is the whole of it. Not supported: `panic = "abort"` (the host refuses the plugin), two `plugin!` in one library,
//! values of a handler's that outlive the instance (they do not compile).

pub mod abi;
mod abi_layout;
mod app;
mod app_methods;
mod body_stream;
mod chunk;
mod config;
mod covers;
mod endpoint;
mod entry;
mod error;
mod extract;
mod filter;
mod finish;
mod guard;
mod handover;
pub mod host;
mod instance;
mod into_response;
mod life;
mod manifest;
mod memory;
mod middleware;
mod param;
mod poll;
pub mod prelude;
mod register;
mod request;
mod response;
mod run;
pub mod store;
mod stream;
mod task;
#[cfg(feature = "test")]
pub mod test;
mod timer;
mod waker;

pub use app::{App, AppStack, Route};
pub use body_stream::BodyStream;
pub use chunk::Chunk;
pub use cookie;
pub use endpoint::BoxFuture;
pub use error::{Error, OrAbort, abort};
pub use extract::{BodyMode, Form, FromRequest, Json, Query, Text};
pub use filter::{Filter, Parsed};
pub use instance::{Instance, State};
pub use into_response::{Html, IntoResponse, Status};
pub use middleware::{Middleware, RouteInfo, Settings};
pub use param::{FromParam, Number, Value};
pub use plugin_api_macros::{delete, error, get, middleware, patch, plugin, post, put, route};
pub use request::Request;
pub use response::{Reply, Response};
pub use run::{IntoRun, Next, Run};
pub use serde;
pub use stream::{Stream, Writer};
pub use timer::{Elapsed, Sleep, sleep, timeout};

/// What the macros write refers to this: no part of the API.
#[doc(hidden)]
#[path = "expansion.rs"]
pub mod __;
