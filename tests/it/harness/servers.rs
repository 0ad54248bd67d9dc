//! The servers that tests run on: all that the registry has, as `host servers` tells of them.

use super::run;
use serde_json::Value;
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::LazyLock;
use std::thread::{Builder, scope};

/// A server, as it stands in the registry.
pub(crate) struct Registered {
    pub(crate) name: String,
    /// It has one connection at a time.
    pub(crate) is_single: bool,
    /// Another generation takes over in the process that serves.
    pub(crate) swaps_in_place: bool,
    /// Whose HTTP/1 it speaks.
    pub(crate) http: String,
    /// All that is told of it.
    pub(crate) about: Value,
}

static REGISTRY: LazyLock<Vec<Registered>> = LazyLock::new(|| {
    let list = run(["servers", "--format", "json"]).json();
    let read = |about: &Value| Registered {
        name: about["name"].as_str().expect("a name").to_owned(),
        is_single: about["is_single"].as_bool().expect("a boolean"),
        swaps_in_place: about["guarantees"]["swap"] == "in_place",
        http: about["http"].as_str().expect("a text").to_owned(),
        about: about.clone(),
    };
    list.as_array().expect("a list").iter().map(read).collect()
});

/// Every server that there is, by name.
pub(crate) fn registry() -> &'static [Registered] {
    &REGISTRY
}

/// The server of that name.
pub(crate) fn registered(name: &str) -> &'static Registered {
    registry()
        .iter()
        .find(|server| server.name == name)
        .unwrap_or_else(|| panic!("there is no server `{name}`"))
}

/// The names of all servers.
pub(crate) fn all_servers() -> Vec<&'static str> {
    registry().iter().map(|server| server.name.as_str()).collect()
}

/// The names of those whose model is one process, which swaps in place.
pub(crate) fn servers() -> Vec<&'static str> {
    let in_place = registry().iter().filter(|server| server.swaps_in_place);
    in_place.map(|server| server.name.as_str()).collect()
}

/// Those of them on which a client that waits keeps nobody else from being served.
pub(crate) fn at_once() -> Vec<&'static str> {
    servers().into_iter().filter(|name| !registered(name).is_single).collect()
}

/// Those whose model has processes: `tests/it/processes` is theirs.
pub(crate) const PROCESSES: &[&str] = &["prefork", "forking"];

/// How a server is to be started so that its model has room for what every server is asked to do: as it stands by itself,
/// `prefork` has one connection for each core, and `forking` no more than 40. Flags of a test go before that, and what more than one worker means is tested
/// in `tests/it/processes`.
pub(super) fn give_room(server: &str, command: &mut Command) {
    match server {
        "prefork" => {
            command.env("HOST_WORKERS", "1").env("HOST_THREADS", "128");
        }
        "forking" => {
            command.args(["--set", "server.options.children=128"]);
        }
        _ => {}
    }
}

/// Runs a test on each server of one process, at the same time; the name of a thread that panics is the server's.
pub(crate) fn for_each_server(test: impl Fn(&'static str) + Sync) {
    on_servers(&servers(), test);
}

/// Runs a test on some of them.
pub(crate) fn on_servers(servers: &[&'static str], test: impl Fn(&'static str) + Sync) {
    scope(|threads| {
        let start = |server: &'static str| {
            let test = &test;
            let thread =
                Builder::new().name(format!("server {server}")).spawn_scoped(threads, move || test(server));
            (server, thread.expect("a thread"))
        };
        let running: Vec<_> = servers.iter().map(|server| start(server)).collect();
        let ended: Vec<_> = running.into_iter().map(|(server, thread)| (server, thread.join())).collect();
        for (server, result) in ended {
            if let Err(panic) = result {
                eprintln!("this failed on server `{server}`");
                resume_unwind(panic);
            }
        }
    });
}
