//! What the host keeps for this plugin while its code is replaced: counters, and values of any type of serde's.
//!
//! ```standalone_crate
//! use plugin_api::prelude::*;
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct Cart { items: Vec<String> }
//!
//! #[post("/cart/<user>/<item>")]
//! fn put(user: &str, item: String) -> Result<String, Error> {
//!     let orders = store::counter("orders").add(1)?;
//!     let cart = store::value::<Cart>(format!("cart/{user}"));
//!     let len = cart.update(|cart| {
//!         cart.items.push(item.clone());
//!         cart.items.len()
//!     })?;
//!     Ok(format!("{len} in the cart, {orders} orders in all"))
//! }
//!
//! plugin! { routes: [put], requires: ["pa.store/1"] }
//! # fn main() {
//! # let client = plugin_api::test::TestClient::new(&pa_plugin_v1, "{}");
//! # assert_eq!(client.post("/cart/ann/tea").text(), "1 in the cart, 1 orders in all");
//! # assert_eq!(client.post("/cart/ann/jam").text(), "2 in the cart, 2 orders in all");
//! # assert_eq!(client.post("/cart/bob/tea").text(), "1 in the cart, 3 orders in all");
//! # let next = client.swap_to(&pa_plugin_v1);
//! # assert_eq!(next.post("/cart/bob/jam").text(), "2 in the cart, 4 orders in all");
//! # assert_eq!(next.try_save(), Ok(None), "it has no state of its own");
//! # }
//! ```
//! **Where it is.** In the memory of the host's process, for each plugin by its name in the spec. It is there as long as
//! the process lives, and it is not on disk: when a worker is started again, it is empty. With a server that has several
//! processes (`prefork`), each worker has a store of its own.
//!
//! **Who sees it.** All generations of the plugin, also while two of them answer requests in a swap; no other plugin. Each
//! function here is one step that others see whole or not at all, on any thread, and none waits for another plugin's code.
//! Two in a row are two steps: what depends on what was there is [`Counter::add`] or [`Value::update`].
//!
//! **What an entry is.** A key of 1 to 1024 bytes, and a counter or a value; which of these, it stays until it is removed.
//! A value is written as JSON, which bears changes: a field may come with `#[serde(default)]`, or go. Where the type has
//! changed in a way that what is there does not fit, reading is an [`Err`] that names the key, and nothing is lost: read
//! the type that it was, or [`remove`] it.
//!
//! **Limits.** Keys and values of one plugin may take `store_bytes` of the spec's `[limits]`, and an entry counts for 128
//! bytes more than these. What does not fit is an `Err`, and changes nothing. Nothing is ever dropped by itself: what
//! belongs to a session is removed when that ends.
//!
//! **Errors.** Each function fails on a host that has no store (one older than ABI 1.1; with `requires: ["pa.store/1"]` such a
//! host does not load the plugin). Handed on with `?`, an error is a 500, and its text is in the log.

mod counter;
mod table;
mod value;

pub use counter::Counter;
pub use value::Value;

use crate::error::Error;
use std::borrow::Cow;
use table::Table;

/// The counter of that key. It begins at zero.
pub fn counter<'k>(key: impl Into<Cow<'k, str>>) -> Counter<'k> {
    Counter::new(key.into())
}

/// The value of that key, which may be there or not: `store::value::<Cart>("cart/7")`.
pub fn value<'k, T>(key: impl Into<Cow<'k, str>>) -> Value<'k, T> {
    Value::new(key.into())
}

/// The keys that begin with this prefix, in order. It looks at every key of the store: for tidying up, not for each request.
///
/// # Errors
/// The host has no store.
///
/// ```
/// # use plugin_api::prelude::*;
/// fn forget_sessions() -> Result<(), Error> {
///     for key in store::keys("session/")? {
///         store::remove(&key)?;
///     }
///     Ok(())
/// }
/// ```
pub fn keys(prefix: &str) -> Result<Vec<String>, Error> {
    Table::of_host("visit", prefix)?.keys(prefix)
}

/// Removes what has that key, a counter or a value; whether there was one.
///
/// # Errors
/// The host has no store, or the key cannot be one.
pub fn remove(key: &str) -> Result<bool, Error> {
    Table::of_host("remove", key)?.remove(key)
}

/// An error of the store: its text is for the log.
fn failed(reason: impl std::fmt::Display) -> Error {
    Error::internal(format!("store: {reason}"))
}
