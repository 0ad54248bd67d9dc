//! The table: the immutable result of composing a spec. Every route with its middleware applied, found by host, mount and
//! rule.

mod compose;
mod mounts;

pub(crate) use compose::{Placed, Unavailable, compose};
pub(crate) use mounts::{Found, Mount};

use crate::app::{BodyMode, LoadedApp};
use crate::foreign::OwnedHandler;
use crate::generation::Generation;
use crate::scoreboard::RouteOnBoard;
use crate::usage::Uses;
use mounts::Mounts;
use plugin_api::abi;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Error handlers of an app and of those around it: the first of a status counts.
pub(crate) type ErrorHandlers = Arc<[(u16, Arc<OwnedHandler>)]>;

/// A route, ready to be called.
pub(crate) struct Route {
    handler: Arc<OwnedHandler>,
    pub(crate) body: BodyMode,
    pub(crate) blocking: bool,
    pub(crate) method: String,
    pub(crate) rule: String,
    pub(crate) errors: ErrorHandlers,
    pub(crate) plugin: Arc<Generation>,
    /// Whose code a request to it runs: its handler's, its middleware's, its error handlers'.
    pub(crate) uses: Arc<Uses>,
    on_board: Option<RouteOnBoard>,
}

impl Route {
    /// The handler with its middleware around it; callable by a request that uses `uses`.
    pub(crate) fn handler(&self) -> abi::Handler {
        self.handler.raw()
    }

    /// Its number on the scoreboard.
    pub(crate) fn on_board(&self) -> Option<u32> {
        self.on_board.as_ref().map(RouteOnBoard::index)
    }
}

/// See the module.
pub struct Table {
    routes: Vec<Route>,
    anywhere: Mounts,
    /// Mounts for one host name.
    named: HashMap<String, Mounts>,
    no_uses: Arc<Uses>,
    /// What the routes were composed of.
    _apps: Vec<Arc<LoadedApp>>,
}

impl Table {
    /// Without any route.
    pub(crate) fn empty() -> Self {
        let (routes, anywhere, named) = (Vec::new(), Mounts::default(), HashMap::new());
        Self { routes, anywhere, named, no_uses: Uses::new(Vec::new()), _apps: Vec::new() }
    }

    pub(crate) fn route(&self, index: usize) -> &Route {
        &self.routes[index]
    }

    /// The route of that number on the scoreboard.
    pub(crate) fn route_on_board(&self, number: usize) -> Option<&Route> {
        self.routes.iter().find(|route| route.on_board().is_some_and(|known| known as usize == number))
    }

    /// What a request uses that belongs to no app.
    pub(crate) fn no_uses(&self) -> &Arc<Uses> {
        &self.no_uses
    }

    /// The mount that owns the path, and the path below it. A mount of the host name comes before one without; nobody looks for a
    /// host name where none counts.
    pub(crate) fn mount<'h, 'p>(
        &self,
        host: impl FnOnce() -> Option<&'h [u8]>,
        path: &'p str,
    ) -> Option<(&Mount, &'p str)> {
        if self.named.is_empty() {
            return self.anywhere.find(path);
        }
        let named = self.named.get(&host().map(host_name).unwrap_or_default());
        named.and_then(|mounts| mounts.find(path)).or_else(|| self.anywhere.find(path))
    }

    /// A line for each route, in the order of mounts and registration.
    pub fn listing(&self) -> Vec<Listed> {
        let mut listed = Vec::new();
        self.anywhere.list(&mut |mount, index| listed.push(self.listed("", mount, index)));
        let mut named: Vec<_> = self.named.iter().collect();
        named.sort_by_key(|(host, _)| host.as_str());
        for (host, mounts) in named {
            mounts.list(&mut |mount, index| listed.push(self.listed(host, mount, index)));
        }
        listed
    }

    fn listed(&self, host: &str, mount: &Mount, index: usize) -> Listed {
        let route = self.route(index);
        Listed {
            host: host.to_owned(),
            method: route.method.clone(),
            rule: format!("{}{}", mount.script_name(), route.rule),
            plugin: route.plugin.name().to_owned(),
            version: route.plugin.manifest().version.clone(),
        }
    }
}

/// A route as `host routes` and the banner show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The host name of its mount; empty for every host.
    pub host: String,
    /// Its method; `ANY` for every method.
    pub method: String,
    /// Its rule, with the mount's prefix.
    pub rule: String,
    /// The plugin that it came from.
    pub plugin: String,
    /// That plugin's version.
    pub version: String,
}

/// The name without its port, in lower case.
fn host_name(host: &[u8]) -> String {
    let host = String::from_utf8_lossy(host).to_ascii_lowercase();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => &host,
    };
    name.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_header_is_compared_without_port_case_and_final_dot() {
        assert_eq!(host_name(b"Shop.Example.com:8080"), "shop.example.com");
        assert_eq!(host_name(b"shop.example.com."), "shop.example.com");
        assert_eq!(host_name(b"[::1]:80"), "[::1]");
        assert_eq!(host_name(b"[::1]"), "[::1]");
    }
}
