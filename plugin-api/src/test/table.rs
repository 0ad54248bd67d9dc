//! Apps with their middleware applied, and the way of a path through them.

use super::load::{App, Load};
use super::owned::{OwnedHandler, OwnedWrapper};
use super::router::{Found, Router};
use std::sync::Arc;

/// The apps of a load, ready to answer.
pub(super) struct Table {
    apps: Vec<App>,
    root: usize,
}

/// Where a path ends: the app, the prefix of its mount, and what was found there.
pub(super) struct Place<'a> {
    pub(super) app: &'a App,
    pub(super) script_name: &'a str,
    pub(super) path: &'a str,
    pub(super) found: Found<'a>,
}

impl Table {
    /// Puts each app's middleware around its routes, then `around` around all of them; the first is the outermost.
    pub(super) fn new(mut load: Load, root: usize, around: &[Arc<OwnedWrapper>]) -> Self {
        for app in &mut load.apps {
            let wrappers = app.wrappers.iter().rev().chain(around.iter().rev());
            for wrapper in wrappers {
                app.router.wrap(|method, rule, name, next| wrapper.apply(method, rule, name, next));
            }
        }
        Self { apps: load.apps, root }
    }

    pub(super) fn find<'a>(&'a self, method: &str, path: &'a str) -> Place<'a> {
        let (mut app, mut rest) = (&self.apps[self.root], path);
        while let Some((prefix, child)) = mounted(app, rest) {
            (app, rest) = (&self.apps[child], &rest[prefix.len()..]);
        }
        let script_name = &path[..path.len() - rest.len()];
        let rest = if rest.is_empty() { "/" } else { rest };
        Place { app, script_name, path: rest, found: app.router.find(method, rest) }
    }
}

/// The longest mount that the path is below.
fn mounted<'a>(app: &'a App, path: &str) -> Option<(&'a str, usize)> {
    let below =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let fitting = app.mounts.iter().filter(|(prefix, _)| !prefix.is_empty() && below(prefix));
    fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(prefix, child)| (prefix.as_str(), *child))
}

impl App {
    pub(super) fn error_handler(&self, status: u16) -> Option<&Arc<OwnedHandler>> {
        self.errors.iter().rev().find(|(known, _)| *known == status).map(|(_, handler)| handler)
    }

    pub(super) fn router(&self) -> &Router {
        &self.router
    }
}
