//! The test client: a plugin in its own unit tests, without a host, a socket or a build of the library.
//!
//! It is behind the feature `test`:
//! ```toml
//! [dev-dependencies]
//! plugin-api = { version = "0.1", features = ["test"] }
//! ```
//! ```standalone_crate
//! use plugin_api::prelude::*;
//!
//! #[get("/hello/<name>")]
//! fn hello(name: &str) -> String {
//!     format!("Hello {name}!")
//! }
//!
//! plugin! { routes: [hello] }
//!
//! # fn main() {
//! let client = plugin_api::test::TestClient::new(&pa_plugin_v1, "{}");
//! assert_eq!(client.get("/hello/World").text(), "Hello World!");
//! assert_eq!(client.get("/nowhere").send().status(), 404);
//! # }
//! ```
//! In a plugin's `#[cfg(test)] mod tests`, [`client!`](crate::test::client!) finds the entry at the crate's root.
//!
//! Requests go the way that they go in a host: rules are matched by the host's router, parameters are converted, bodies
//! are read as the route declares, middleware and error handlers are called through the ABI, asynchronous handlers run on
//! real time. What is not there: limits, deadlines, other plugins.
//!
//! Swaps can be tried, too: [`TestClient::swap_to`] makes the next generation take over what this one hands over, and
//! [`TestClient::with_state`] loads a plugin with a state that an older version saved.
//!
//! Each client has a [`store`](crate::store) of its own, which the clients that are made of it share. The functions of
//! that module, called by a test, reach the store of the client that its thread used last; the threads that a plugin began
//! itself have one that is nobody's.

mod arena;
mod call;
mod client;
mod exchange;
mod filter;
mod host;
mod instance;
mod load;
mod owned;
mod request;
mod response;
mod router;
mod store;
mod store_table;
mod swap;
mod table;
mod timer;
mod waker;

pub use crate::test_client as client;
pub use client::TestClient;
pub use request::TestRequest;
pub use response::TestResponse;

/// A [`TestClient`] for the plugin of this crate, with its configuration as JSON; none is an empty object.
#[macro_export]
#[doc(hidden)]
#[allow(clippy::crate_in_macro_def, reason = "the entry is at the root of the plugin's crate")]
macro_rules! test_client {
    () => {
        $crate::test::client!("{}")
    };
    ($config:expr) => {
        $crate::test::TestClient::new(&crate::pa_plugin_v1, $config)
    };
}

/// The manifest that the plugin's note holds, as TOML.
///
/// # Panics
/// The entry was not made by `plugin!`.
pub fn manifest_text(entry: &'static crate::abi::Plugin) -> String {
    instance::manifest_of(entry).toml()
}
