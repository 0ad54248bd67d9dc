//! Mounts: which app owns a path.
//!
//! A mounted app owns its prefix: what it does not answer is its 404, and never falls through to the app around it. The
//! longest prefix wins. `/shop` owns `/shop` and all below; `/shop/` owns what is below alone.

use super::ErrorHandlers;
use crate::usage::Uses;
use plugin_api_route::{FastHash, Outcome, Params, Router, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// The app, or the apps, at one prefix.
pub(crate) struct Mount {
    /// Without a slash at its end.
    prefix: String,
    /// Whether the prefix itself is owned, too.
    bare: bool,
    pub(super) router: Router<usize>,
    /// An app of it could not be loaded: whatever is not found may be there another time.
    pub(crate) is_down: bool,
    pub(crate) errors: ErrorHandlers,
    /// Whose code a request runs that finds no route here: its error handlers'.
    pub(crate) uses: Arc<Uses>,
}

/// What a mount has for a request.
#[allow(clippy::large_enum_variant, reason = "it lives for a moment on the stack, and most are routes")]
pub(crate) enum Found<'p> {
    Route {
        route: usize,
        params: Params<'p>,
    },
    /// A wildcard matched, and its value is none.
    BadFormat,
    /// The methods that there are: sorted, joined with commas.
    MethodNotAllowed(String),
    Nothing,
}

impl Mount {
    pub(super) fn new(prefix: &str, errors: ErrorHandlers, uses: Arc<Uses>) -> Self {
        let bare = !prefix.ends_with('/');
        let prefix = prefix.trim_end_matches('/').to_owned();
        Self { prefix, bare, router: Router::default(), is_down: false, errors, uses }
    }

    /// Whether it owns what follows its prefix, and the path below it if so.
    fn owns<'p>(&self, rest: &'p str) -> Option<(&Self, &'p str)> {
        match rest {
            "" => self.bare.then_some((self, "/")),
            rest => rest.starts_with('/').then_some((self, rest)),
        }
    }

    /// WSGI's `SCRIPT_NAME`: the prefix without a slash at its end.
    pub(crate) fn script_name(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn find<'p>(&'p self, method: &str, path: &'p str) -> Found<'p> {
        match self.router.matches(method, path) {
            Outcome::Found { route, params } => Found::Route { route: *route.payload(), params },
            Outcome::BadFormat { .. } => Found::BadFormat,
            Outcome::MethodNotAllowed { allow } => Found::MethodNotAllowed(allow),
            Outcome::NotFound => Found::Nothing,
        }
    }

    /// The URL of the route of that name or rule, or why there is none.
    pub(crate) fn url(&self, route: &str, values: &[(&str, &str)]) -> Result<String, String> {
        let values: Vec<(&str, Value<'_>)> =
            values.iter().map(|&(name, value)| (name, Value::Text(value))).collect();
        let url = self.router.build(route, &[], &values).map_err(|error| error.to_string())?;
        Ok(format!("{}{url}", self.prefix))
    }
}

/// The mounts of one host name, or of none.
#[derive(Default)]
pub(crate) struct Mounts {
    /// That of all paths which no other has: most apps have this one alone.
    root: Option<Mount>,
    by_prefix: HashMap<String, Mount, FastHash>,
    /// The lengths of the prefixes, longest first: a look-up for each length, however many mounts there are.
    lengths: Vec<usize>,
}

impl Mounts {
    /// The mount at that prefix, made by `make` if there is none yet.
    pub(super) fn at(&mut self, prefix: &str, make: impl FnOnce() -> Mount) -> &mut Mount {
        let key = prefix.trim_end_matches('/');
        let mount = if key.is_empty() {
            self.root.get_or_insert_with(make)
        } else {
            if !self.lengths.contains(&key.len()) {
                self.lengths.push(key.len());
                self.lengths.sort_unstable_by(|a, b| b.cmp(a));
            }
            self.by_prefix.entry(key.to_owned()).or_insert_with(make)
        };
        mount.bare |= !prefix.ends_with('/');
        mount
    }

    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<(&Mount, &'p str)> {
        let with_prefix = self.lengths.iter().find_map(|&length| {
            let (prefix, rest) = path.split_at_checked(length)?;
            self.by_prefix.get(prefix)?.owns(rest)
        });
        with_prefix.or_else(|| self.root.as_ref()?.owns(path))
    }

    /// Calls back for each route, by prefix.
    pub(super) fn list(&self, each: &mut dyn FnMut(&Mount, usize)) {
        let mut mounts: Vec<&Mount> = self.root.iter().chain(self.by_prefix.values()).collect();
        mounts.sort_by_key(|mount| mount.prefix.as_str());
        for mount in mounts {
            for route in mount.router.routes() {
                each(mount, *route.payload());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(prefixes: &[&str]) -> Mounts {
        let mut mounts = Mounts::default();
        for prefix in prefixes {
            mounts.at(prefix, || Mount::new(prefix, [].into(), Uses::new(Vec::new())));
        }
        mounts
    }

    #[track_caller]
    fn check(prefixes: &[&str], path: &str, expected: Option<(&str, &str)>) {
        let mounts = mounts(prefixes);
        let found = mounts.find(path).map(|(mount, rest)| (mount.script_name(), rest));
        assert_eq!(found, expected, "{prefixes:?} {path}");
    }

    #[test]
    fn a_prefix_without_a_slash_owns_itself_and_all_below() {
        check(&["/shop"], "/shop", Some(("/shop", "/")));
        check(&["/shop"], "/shop/", Some(("/shop", "/")));
        check(&["/shop"], "/shop/a/b", Some(("/shop", "/a/b")));
        check(&["/shop"], "/shopping", None);
        check(&["/shop"], "/", None);
    }

    #[test]
    fn a_prefix_with_a_slash_does_not_own_itself() {
        check(&["/shop/"], "/shop", None);
        check(&["/shop/"], "/shop/", Some(("/shop", "/")));
        check(&["/shop/", "/"], "/shop", Some(("", "/shop")));
    }

    #[test]
    fn the_longest_prefix_wins() {
        check(&["/", "/a", "/a/b"], "/a/b/c", Some(("/a/b", "/c")));
        check(&["/", "/a", "/a/b"], "/a/bc", Some(("/a", "/bc")));
        check(&["/", "/a", "/a/b"], "/x", Some(("", "/x")));
    }

    #[test]
    fn a_prefix_never_splits_a_character() {
        check(&["/é"], "/ée", None);
        check(&["/ab"], "/é/x", None);
    }
}
