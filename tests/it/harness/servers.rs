//! The servers that tests run on.

use std::panic::resume_unwind;
use std::thread::{Builder, scope};

/// Every server that there is. A test holds the list against `host servers`.
pub(crate) const SERVERS: &[&str] = &["single", "threaded", "actix"];

/// Those on which a client that waits keeps nobody else from being served.
pub(crate) const AT_ONCE: &[&str] = &["threaded", "actix"];

/// Those whose model has processes: `tests/it/processes` is theirs.
pub(crate) const PROCESSES: &[&str] = &["prefork", "forking"];

/// Runs a test on each server, at the same time; the name of a thread that panics is the server's.
pub(crate) fn for_each_server(test: impl Fn(&'static str) + Sync) {
    on_servers(SERVERS, test);
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
