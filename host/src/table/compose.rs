//! Composing: apps, mounts and middleware become a table. Whatever fails here, nothing has changed.

use super::mounts::{Mount, Mounts};
use super::{ErrorHandlers, Route, Table};
use crate::app::{App, AppId, AppRoute, Installed, LoadedApp};
use crate::error::Error;
use crate::foreign::{OwnedFilter, OwnedHandler};
use crate::generation::Generation;
use crate::scoreboard::{RouteOnBoard, board};
use crate::usage::Uses;
use plugin_api::abi::{self, Slice};
use std::collections::HashMap;
use std::sync::Arc;

/// An app at its place.
pub(crate) struct Placed {
    /// Where the spec says so: for messages.
    pub(crate) origin: String,
    pub(crate) prefix: String,
    /// In lower case; none means every host.
    pub(crate) hosts: Vec<String>,
    /// Names of middleware that is not applied.
    pub(crate) skip: Vec<String>,
    pub(crate) app: Arc<LoadedApp>,
}

/// A place whose app could not be loaded.
pub(crate) struct Unavailable<'a> {
    pub(crate) prefix: &'a str,
    /// In lower case; none means every host.
    pub(crate) hosts: Vec<&'a str>,
}

/// Composes the table. `around` is middleware of the spec, around every route; the first is the outermost. Runs code of
/// plugins: their `apply`, and the patterns of their filters.
pub(crate) fn compose(
    placed: &[Placed],
    around: &[Installed],
    down: &[Unavailable<'_>],
) -> Result<Table, Error> {
    let mut composer = Composer {
        around,
        routes: Vec::new(),
        owners: HashMap::new(),
        hosts: HashMap::new(),
        uses: AllUses::default(),
    };
    for place in placed {
        composer.place(place)?;
    }
    down.iter().for_each(|place| composer.unavailable(place));
    let Composer { routes, mut hosts, mut uses, .. } = composer;
    let anywhere = hosts.remove("").unwrap_or_default();
    let apps = placed.iter().map(|place| place.app.clone()).collect();
    Ok(Table { routes, anywhere, named: hosts, no_uses: uses.of([]), _apps: apps })
}

struct Composer<'a> {
    around: &'a [Installed],
    routes: Vec<Route>,
    /// Which place of the spec a route came from, for conflicts.
    owners: HashMap<usize, &'a str>,
    hosts: HashMap<String, Mounts>,
    uses: AllUses,
}

/// The sets of generations of a table: equal ones are one.
#[derive(Default)]
struct AllUses(HashMap<Vec<usize>, Arc<Uses>>);

impl AllUses {
    fn of<'g>(&mut self, generations: impl IntoIterator<Item = &'g Arc<Generation>>) -> Arc<Uses> {
        let mut all: Vec<&Arc<Generation>> = generations.into_iter().collect();
        all.sort_by_key(|generation| Arc::as_ptr(generation).addr());
        all.dedup_by_key(|generation| Arc::as_ptr(generation).addr());
        let key = all.iter().map(|generation| Arc::as_ptr(generation).addr()).collect();
        self.0.entry(key).or_insert_with(|| Uses::new(all.into_iter().cloned().collect())).clone()
    }
}

/// The generations of error handlers.
fn of_errors(errors: &ErrorHandlers) -> impl Iterator<Item = &Arc<Generation>> {
    errors.iter().flat_map(|(_, handler)| handler.generations())
}

/// One app of a place, with all that its surroundings say about it.
struct Here<'a> {
    place: &'a Placed,
    host: &'a str,
    prefix: String,
    errors: ErrorHandlers,
}

impl<'a> Composer<'a> {
    /// What no other app at its place answers is answered with a 503.
    fn unavailable(&mut self, place: &Unavailable<'_>) {
        let every = place.hosts.is_empty().then_some("");
        for host in every.into_iter().chain(place.hosts.iter().copied()) {
            let (uses, mounts) = (&mut self.uses, self.hosts.entry(host.to_owned()).or_default());
            let prefix = place.prefix;
            mounts.at(prefix, || Mount::new(prefix, [].into(), uses.of([]))).is_down = true;
        }
    }

    fn place(&mut self, place: &'a Placed) -> Result<(), Error> {
        let every = place.hosts.is_empty().then_some("");
        for host in every.into_iter().chain(place.hosts.iter().map(String::as_str)) {
            let prefix = if place.prefix == "/" { String::new() } else { place.prefix.clone() };
            self.app(place.app.root, &Here { place, host, prefix, errors: [].into() })?;
        }
        Ok(())
    }

    fn app(&mut self, id: AppId, outer: &Here<'a>) -> Result<(), Error> {
        let app = &outer.place.app.apps[id.0];
        let errors = errors_of(app, &outer.errors);
        let here = Here { place: outer.place, host: outer.host, prefix: outer.prefix.clone(), errors };
        self.mount(&here);
        let mut known = None;
        for route in app.router.routes() {
            let count = route.payload().filters;
            if known.replace(count) != Some(count) {
                self.filters(&app.filters[..count], &here);
            }
            self.route(route.method(), route.rule(), route.name(), route.payload(), &here)?;
        }
        for (prefix, child) in &app.mounts {
            let prefix = format!("{}{prefix}", here.prefix.trim_end_matches('/'));
            self.app(*child, &Here { prefix, errors: here.errors.clone(), ..here })?;
        }
        Ok(())
    }

    fn mount(&mut self, here: &Here<'_>) -> &mut Mount {
        let (uses, mounts) = (&mut self.uses, self.hosts.entry(here.host.to_owned()).or_default());
        mounts.at(&here.prefix, || {
            Mount::new(&here.prefix, here.errors.clone(), uses.of(of_errors(&here.errors)))
        })
    }

    /// The filters of the app, and of no other at the same mount, for the rules to come.
    fn filters(&mut self, filters: &[(String, Arc<OwnedFilter>)], here: &Here<'_>) {
        let router = &mut self.mount(here).router;
        router.reset_filters();
        for (name, filter) in filters {
            crate::filters::add(router, name, filter.clone());
        }
    }

    fn route(
        &mut self,
        method: &str,
        rule: &str,
        name: Option<&str>,
        route: &AppRoute,
        here: &Here<'a>,
    ) -> Result<(), Error> {
        let handler = self.wrapped(method, rule, name, route, here)?;
        let index = self.routes.len();
        let added = self.mount(here).router.add(method, rule, name, index);
        let added =
            added.map_err(|cause| Error::spec(format!("cannot add route {method} `{rule}`: {cause}")))?;
        if let Some(replaced) = added.replaced {
            self.check_conflict(*replaced.payload(), method, rule, here)?;
        }
        let home = &here.place.app.apps[route.home.0];
        self.owners.insert(index, &here.place.origin);
        let errors = errors_of(home, &here.errors);
        let uses = self.uses.of(handler.generations().iter().chain(of_errors(&errors)));
        self.routes.push(Route {
            handler,
            uses,
            body: route.body,
            blocking: route.blocking,
            method: method.to_ascii_uppercase(),
            rule: rule.to_owned(),
            errors,
            plugin: route.plugin.clone(),
            on_board: on_board(method, rule, route, here),
        });
        Ok(())
    }

    /// Within one place a later route replaces an equal one, as in Bottle; between two places it is a mistake.
    fn check_conflict(
        &self,
        replaced: usize,
        method: &str,
        rule: &str,
        here: &Here<'_>,
    ) -> Result<(), Error> {
        let other = self.owners.get(&replaced).copied().unwrap_or_default();
        if other == here.place.origin {
            return Ok(());
        }
        let at = if here.prefix.is_empty() { "/" } else { &here.prefix };
        let error = Error::spec(format!(
            "{method} `{rule}` at `{at}` is a route of {other} and of {}",
            here.place.origin
        ));
        Err(error.help("give one of them another `mount`, or other `hosts`"))
    }

    /// The handler with the middleware of its app and of the spec around it; the first installed is the outermost.
    fn wrapped(
        &self,
        method: &str,
        rule: &str,
        name: Option<&str>,
        route: &AppRoute,
        here: &Here<'_>,
    ) -> Result<Arc<OwnedHandler>, Error> {
        let home = &here.place.app.apps[route.home.0];
        let info = abi::RouteInfo {
            size: size_of::<abi::RouteInfo>() as u32,
            reserved: 0,
            method: Slice::text(method),
            rule: Slice::text(rule),
            name: name.map_or(Slice::ABSENT, Slice::text),
            mount: Slice::text(here.prefix.trim_end_matches('/')),
            plugin: Slice::text(route.plugin.name()),
        };
        let mut handler = route.handler.clone();
        for middleware in self.around.iter().chain(&home.middleware).rev() {
            if here.place.skip.iter().any(|skip| *skip == middleware.name || *skip == middleware.also) {
                continue;
            }
            handler = middleware.wrapper.apply(&info, &handler).map_err(|code| {
                let name = &middleware.name;
                Error::spec(format!(
                    "middleware `{name}`: cannot apply to {method} `{rule}`: {}",
                    crate::foreign::Text::default().or_code(code)
                ))
            })?;
        }
        Ok(handler)
    }
}

/// The route's place on the scoreboard, with its rule as `host routes` shows it.
fn on_board(method: &str, rule: &str, route: &AppRoute, here: &Here<'_>) -> Option<RouteOnBoard> {
    let rule = format!("{}{rule}", here.prefix.trim_end_matches('/'));
    board()?.add_route(&method.to_ascii_uppercase(), &rule, route.plugin.on_board())
}

/// The handlers of an app, before those of the apps around it.
fn errors_of(app: &App, outer: &ErrorHandlers) -> ErrorHandlers {
    if app.errors.is_empty() {
        return outer.clone();
    }
    app.errors.iter().rev().chain(outer.iter()).cloned().collect()
}
