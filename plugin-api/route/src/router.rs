//! The router: rules in, matches out.

mod affix;
mod dynamic;
mod error;
mod filter;
mod flatten;
mod hash;
mod methods;
mod number;
mod outcome;
mod pattern;
mod python;
mod python_class;
mod route;
mod span;
mod tree;
mod url;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use crate::rule::{Rule, Segment};

pub use error::{AddError, BuildError};
pub use filter::{Filter, FilterSpec, ValueKind};
pub use flatten::re_flatten;
pub use hash::FastHash;
pub use outcome::{Outcome, Param, Params};
pub use route::Route;
pub use value::Value;

use dynamic::Dynamic;
use methods::{Method, Methods};
use pattern::Wild;
use tree::Order;
use url::UrlParts;

/// Routes, and what finds them by method and path.
///
/// ```
/// use plugin_api_route::{Outcome, Router, Value};
///
/// let mut router = Router::new();
/// router.add("GET", "/user/<id:int>", Some("user"), "show")?;
/// router.add("GET", "/about", None, "about")?;
///
/// let Outcome::Found { route, params } = router.matches("GET", "/user/42") else { panic!("no route") };
/// assert_eq!(*route.payload(), "show");
/// assert_eq!(params.get("id"), Some(Value::Int(42)));
/// assert_eq!(router.matches("GET", "/nowhere").refusal(), Some(404));
/// assert_eq!(router.build("user", &[], &[("id", 7.into())])?, "/user/7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Router<T> {
    filters: HashMap<Box<str>, FilterSpec>,
    routes: Vec<Route<T>>,
    methods: Methods,
    /// By rule and by name, one space: as in Bottle, the last to come has it.
    urls: HashMap<Box<str>, Arc<UrlParts>>,
}

/// What adding a route did.
#[derive(Debug)]
pub struct Added<T> {
    /// The route whose place the new one took: it had the same method, and the same path or the same pattern (the
    /// names of wildcards do not count). It is unreachable otherwise, which is why it is worth a warning.
    pub replaced: Option<Route<T>>,
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Router::new()
    }
}

impl<T> Router<T> {
    /// No routes, and the filters `re`, `int`, `float` and `path`.
    pub fn new() -> Router<T> {
        Router {
            filters: built_in_filters(),
            routes: Vec::new(),
            methods: Methods::default(),
            urls: HashMap::new(),
        }
    }

    /// Adds a filter for the rules to come. One of the same name is replaced, a built-in one too; rules that have it
    /// keep it.
    pub fn add_filter(&mut self, name: &str, filter: FilterSpec) {
        self.filters.insert(name.into(), filter);
    }

    /// Forgets all filters but the built-in ones, for the rules to come.
    pub fn reset_filters(&mut self) {
        self.filters = built_in_filters();
    }

    /// Adds a route. The method is upper-cased, and any is allowed; `ANY` serves every method that has no route of its
    /// own, and `PROXY` goes before all others.
    ///
    /// # Errors
    ///
    /// What is wrong with the rule. The router is as it was before.
    pub fn add(
        &mut self,
        method: &str,
        rule: &str,
        name: Option<&str>,
        payload: T,
    ) -> Result<Added<T>, AddError> {
        let rule = Rule::parse(rule)?;
        let wilds = self.bind(&rule)?;
        let url = Arc::new(UrlParts::new(&rule, &wilds));
        let dynamic = (rule.path().is_none()).then(|| Dynamic::new(&rule, wilds)).transpose();
        let dynamic = dynamic.map_err(|cause| AddError::pattern(&rule, cause))?.map(Box::new);

        let name = name.filter(|name| !name.is_empty());
        let keys = [Some(rule.text()), name];
        self.urls.extend(keys.into_iter().flatten().map(|key| (key.into(), Arc::clone(&url))));
        let method = method.to_ascii_uppercase().into();
        let text = rule.text().into();
        Ok(self.place(&rule, Route { method, rule: text, name: name.map(Box::from), payload, dynamic }))
    }

    fn bind(&self, rule: &Rule) -> Result<Vec<Wild>, AddError> {
        let mut wilds: Vec<Wild> = Vec::new();
        let mut group = 1;
        for segment in rule.segments() {
            let Segment::Wildcard { name, filter, config } = segment else { continue };
            let known = self.filters.get(filter.as_str());
            let spec = known.ok_or_else(|| AddError::unknown_filter(rule, filter, self.filters.keys()))?;
            let wild = Wild::new(name.as_deref(), spec, config.as_deref(), group)
                .map_err(|cause| AddError::wildcard(rule, filter, config.as_deref(), cause))?;
            group += 1 + wild.regex.groups;
            wilds.push(wild);
        }
        Ok(wilds)
    }

    fn place(&mut self, rule: &Rule, route: Route<T>) -> Added<T> {
        let order = self.routes.len() as Order;
        match self.methods.entry(&route.method).place(rule, route.dynamic.as_deref(), order) {
            Some(old) => Added { replaced: Some(std::mem::replace(&mut self.routes[old as usize], route)) },
            None => {
                self.routes.push(route);
                Added { replaced: None }
            }
        }
    }

    /// Finds the route for a request. The path is percent-decoded already; an empty one is the root.
    ///
    /// The methods tried are `PROXY`, the request's, `ANY`; for HEAD `PROXY`, `HEAD`, `GET`, `ANY`. Within one, the
    /// route without wildcards comes first, then the others in order of registration.
    pub fn matches<'a>(&'a self, method: &str, path: &'a str) -> Outcome<'a, T> {
        let path = if path.is_empty() { "/" } else { path };
        let is_head = method.eq_ignore_ascii_case("HEAD");
        let tried = ["PROXY", method, if is_head { "GET" } else { "ANY" }, "ANY"];
        let found = tried.iter().find_map(|method| self.find(self.methods.get(method)?, path));
        match found {
            Some(order) => outcome(&self.routes[order as usize], path),
            None => self.refuse(&tried, path),
        }
    }

    fn find(&self, method: &Method, path: &str) -> Option<Order> {
        method.find(path, &|order| {
            self.routes[order as usize].dynamic.as_ref().is_some_and(|dynamic| dynamic.matches(path))
        })
    }

    fn refuse(&self, tried: &[&str], path: &str) -> Outcome<'_, T> {
        let others = self.methods.iter().filter(|method| !tried.iter().any(|name| method.is(name)));
        let allow: Vec<&str> =
            others.filter(|method| self.find(method, path).is_some()).map(Method::name).collect();
        if allow.is_empty() {
            Outcome::NotFound
        } else {
            Outcome::MethodNotAllowed { allow: allow.join(",") }
        }
    }

    /// Builds a URL from a rule, by the name of the route or by the rule as written.
    ///
    /// `anonymous` are the values of the anonymous wildcards in order, `named` those of the others. What is left over
    /// becomes the query. A name given twice is a list: the first value fills the wildcard of that name. Values are
    /// not percent-encoded in the path, as they are not in Bottle.
    ///
    /// ```
    /// # let mut router = plugin_api_route::Router::new();
    /// router.add("GET", "/files/<dir>/<:int>", Some("file"), ())?;
    /// let url = router.build("file", &[5.into()], &[("dir", "docs".into()), ("sort", "by name".into())])?;
    /// assert_eq!(url, "/files/docs/5?sort=by+name");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No route has that name, a value is missing, or a value does not convert.
    pub fn build(
        &self,
        name_or_rule: &str,
        anonymous: &[Value<'_>],
        named: &[(&str, Value<'_>)],
    ) -> Result<String, BuildError> {
        let url = self.urls.get(name_or_rule);
        let url = url.ok_or_else(|| BuildError::unknown_route(name_or_rule, self.urls.keys()))?;
        url.build(name_or_rule, anonymous, named)
    }

    /// The routes in order of registration. One that replaced another has its place.
    pub fn routes(&self) -> &[Route<T>] {
        &self.routes
    }

    /// The routes in order of registration, to change what they lead to.
    pub fn routes_mut(&mut self) -> impl Iterator<Item = &mut Route<T>> {
        self.routes.iter_mut()
    }

    /// The same router, with what each route leads to made into something else.
    ///
    /// ```
    /// # let mut router = plugin_api_route::Router::new();
    /// router.add("GET", "/a", None, 1)?;
    /// let router = router.map(|route, number| format!("{} {number}", route.rule()));
    /// assert_eq!(router.routes()[0].payload(), "/a 1");
    /// # Ok::<(), plugin_api_route::AddError>(())
    /// ```
    pub fn map<U>(self, mut map: impl FnMut(&Route<()>, T) -> U) -> Router<U> {
        let Ok(router) =
            self.try_map(|route, payload| Ok::<U, std::convert::Infallible>(map(route, payload)));
        router
    }

    /// Like [`map`](Router::map), for what may fail.
    ///
    /// # Errors
    ///
    /// The first failure.
    pub fn try_map<U, E>(self, mut map: impl FnMut(&Route<()>, T) -> Result<U, E>) -> Result<Router<U>, E> {
        let Router { filters, routes, methods, urls } = self;
        let routes = routes.into_iter().map(|route| route.try_map(&mut map)).collect::<Result<_, E>>()?;
        Ok(Router { filters, routes, methods, urls })
    }
}

fn built_in_filters() -> HashMap<Box<str>, FilterSpec> {
    FilterSpec::built_in().into_iter().map(|(name, filter)| (name.into(), filter)).collect()
}

fn outcome<'a, T>(route: &'a Route<T>, path: &'a str) -> Outcome<'a, T> {
    match route.dynamic.as_ref().map(|dynamic| dynamic.params(path)) {
        None => Outcome::Found { route, params: Params::default() },
        Some(Ok(params)) => Outcome::Found { route, params },
        Some(Err(cause)) => Outcome::BadFormat { route, cause },
    }
}

impl<T> IntoIterator for Router<T> {
    type Item = Route<T>;
    type IntoIter = std::vec::IntoIter<Route<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.routes.into_iter()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.routes).finish()
    }
}
