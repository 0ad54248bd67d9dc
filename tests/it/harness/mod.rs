//! Starts the real `host`, talks to it over real sockets, and shows everything when a test fails.
//!
//! ```ignore
//! for_each_server(|server| {
//!     let host = Host::start(Spec::new().plugin("hello", &workspace_plugin("hello")), server);
//!     assert_eq!(host.get("/").text(), "Hello\n");
//!     assert_eq!(host.stop().code, Some(0));
//! });
//! ```
//! - [`Spec`] is the text of an app, written to the test's own [`Folder`].
//! - [`Host`] is a running host: ready when `start` returns, gone when dropped. It listens on port 0, and its control socket
//!   is in its own folder: [`Host::ctl`] finds no other one. The process that was started is its supervisor.
//! - [`Client`] is one connection, which sends any bytes and reads answers strictly; [`Callers`] are clients that call all the
//!   time.
//! - [`run`] runs a command that ends by itself, and gives its [`Output`].
//! - [`plugin_from_c`] compiles a plugin, [`workspace_plugin`] finds one of `plugins/*`.
//! - Nothing waits without a deadline: [`PATIENCE`] for a step, [`LIFE_MAX`] for a host.
//!
//! A host that is dropped by a panic prints its command, its spec, and all that it wrote.

mod build;
mod callers;
mod client;
mod command;
mod control;
mod fixture;
mod folder;
mod host;
mod servers;
mod spec;
mod stderr;
mod stream;

pub(crate) use build::{host_binary, root};
pub(crate) use callers::Callers;
pub(crate) use client::{Client, NoAnswer, Response};
pub(crate) use command::{Output, run, run_for, run_in};
pub(crate) use fixture::{example_plugin, plugin_from_c, plugin_from_cpp, workspace_plugin};
pub(crate) use folder::Folder;
pub(crate) use host::{Host, Starting};
pub(crate) use servers::{
    PROCESSES, all_servers, at_once, for_each_server, on_servers, registered, registry, servers,
};
pub(crate) use spec::Spec;
pub(crate) use stream::Address;

use std::time::{Duration, Instant};

/// How long one step may take: an answer, a start, an end. Far more than it takes on a busy machine, and less than `shutdown` and
/// `handler` are where a test says nothing of them.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25);

/// How long a host may live, whatever its test does: then it is killed, and every wait for it ends.
pub(crate) const LIFE_MAX: Duration = Duration::from_secs(90);

/// Looks again and again until `condition` holds.
///
/// # Panics
/// It does not within [`PATIENCE`].
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl FnMut() -> bool) {
    assert!(happens_within(PATIENCE, condition), "waited {PATIENCE:?} in vain: {what}");
}

/// Whether `condition` comes to hold within that time.
pub(crate) fn happens_within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + time;
    while !condition() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}
