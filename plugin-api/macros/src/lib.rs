//! The attributes of handlers, and `plugin!`: use them through `plugin-api`.
//!
//! An attribute leaves its function as it is and adds a type of the same name, `struct hello {}`, that carries what the
//! attribute says: types and functions have separate names, so `routes: [admin::users]` finds both by one path.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;

mod argument;
mod derive;
mod error_handler;
mod function;
mod handover;
mod lifetimes;
mod list;
mod middleware;
mod plugin;
mod plugin_input;
mod route;
mod rule;
mod watch;

/// The handler of a rule for GET: `#[get("/hello/<name>")]`; also `name = ".."`, `blocking`, `body = "whole"`.
#[proc_macro_attribute]
pub fn get(attribute: TokenStream, item: TokenStream) -> TokenStream {
    short("get", attribute, item)
}

/// The handler of a rule for POST; see `get`.
#[proc_macro_attribute]
pub fn post(attribute: TokenStream, item: TokenStream) -> TokenStream {
    short("post", attribute, item)
}

/// The handler of a rule for PUT; see `get`.
#[proc_macro_attribute]
pub fn put(attribute: TokenStream, item: TokenStream) -> TokenStream {
    short("put", attribute, item)
}

/// The handler of a rule for PATCH; see `get`.
#[proc_macro_attribute]
pub fn patch(attribute: TokenStream, item: TokenStream) -> TokenStream {
    short("patch", attribute, item)
}

/// The handler of a rule for DELETE; see `get`.
#[proc_macro_attribute]
pub fn delete(attribute: TokenStream, item: TokenStream) -> TokenStream {
    short("delete", attribute, item)
}

/// The handler of a rule for any methods: `#[route("/notes", method = ["GET", "POST"])]`; `method = "ANY"` for all, and
/// without `method` it is GET. Also `name = ".."`, `blocking` (it may block for long), `body = "none" | "whole" | "stream"`
/// (for a handler that reads `request.body()`; arguments say it for themselves).
#[proc_macro_attribute]
pub fn route(attribute: TokenStream, item: TokenStream) -> TokenStream {
    answer(route::expand("route", None, attribute.into(), item.into()))
}

/// The handler of errors with a status: `#[error(404)]`.
#[proc_macro_attribute]
pub fn error(attribute: TokenStream, item: TokenStream) -> TokenStream {
    answer(error_handler::expand(attribute.into(), item.into()))
}

/// A middleware: `fn stamp(request: &Request, next: Next) -> Run`, or an `async fn`. `#[middleware(applies = function)]`
/// asks `fn(&RouteInfo) -> bool` once for each route.
#[proc_macro_attribute]
pub fn middleware(attribute: TokenStream, item: TokenStream) -> TokenStream {
    answer(middleware::expand(attribute.into(), item.into()))
}

/// What a plugin is made of. Writes its manifest and exports its entry; once in a crate.
///
/// ```text
/// plugin! {
///     config: Config,                      // a type that derives Deserialize
///     state: Db = connect,                 // fn(&Config) -> Result<Db, E>
///     routes: [index, notes::list],        // functions with #[get(..)] and so on
///     errors: [not_found],                 // functions with #[error(..)]
///     apps: { admin: [users, orders] },    // apps by name
///     factories: { shop: make_shop },      // fn(&mut App, Args) -> Result<(), Error>
///     default: register,                   // adds routes to the default app at load
///     middleware: [stamp],                 // functions with #[middleware]
///     start: start, stop: stop,            // fn(State<Db>) -> Result<(), Error>; fn(State<Db>)
///     schema: 2, save: save,               // what a swap hands over: fn(State<Db>) -> Json<Saved>
///     accepts: [1, 2], load: load,         // and takes over: fn(State<Db>, from: u32, Json<Saved>) -> Result<(), Error>
///     watch: ["templates"],                // files and folders beside Cargo.toml whose changes swap it, too
///     requires: ["pa.timer/1"],            // extensions that the host has to have
/// }
/// ```
#[proc_macro]
pub fn plugin(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).map(plugin::expand))
}

/// serde's `Deserialize`, for a plugin that does not depend on serde itself. All of serde's attributes work.
#[proc_macro_derive(Deserialize, attributes(serde))]
pub fn deserialize(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).map(derive::deserialize))
}

/// serde's `Serialize`, for a plugin that does not depend on serde itself. All of serde's attributes work.
#[proc_macro_derive(Serialize, attributes(serde))]
pub fn serialize(input: TokenStream) -> TokenStream {
    answer(syn::parse(input).map(derive::serialize))
}

fn short(method: &str, attribute: TokenStream, item: TokenStream) -> TokenStream {
    answer(route::expand(method, Some(method.to_uppercase()), attribute.into(), item.into()))
}

fn answer(result: syn::Result<Tokens>) -> TokenStream {
    result.unwrap_or_else(|error| error.into_compile_error()).into()
}
