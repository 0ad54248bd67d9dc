//! Routing by the host's rules: the one place that knows the router's crate.

use super::filter::OwnedFilter;
use super::owned::OwnedHandler;
use crate::abi::{self, Filter, Param, Slice};
use plugin_api_route::{FilterSpec, Outcome, Value};
use std::sync::Arc;

/// A route's handler.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) handler: Arc<OwnedHandler>,
    pub(super) body: u16,
}

/// The routes of one app.
#[derive(Default)]
pub(super) struct Router {
    routes: plugin_api_route::Router<Leaf>,
    filters: Vec<(String, FilterSpec)>,
}

/// What a path leads to.
pub(super) enum Found<'a> {
    Route { leaf: &'a Leaf, rule: &'a str, params: Vec<Param> },
    Refused { status: u16, allow: Option<String> },
}

impl Router {
    pub(super) fn add(
        &mut self,
        method: &str,
        rule: &str,
        name: Option<&str>,
        leaf: Leaf,
    ) -> Result<(), String> {
        self.routes.add(method, rule, name, leaf).map(drop).map_err(|error| error.to_string())
    }

    pub(super) fn add_filter(&mut self, name: &str, filter: Filter) {
        let filter = FilterSpec::custom(PluginFilter(OwnedFilter::new(filter)));
        self.filters.push((name.to_owned(), filter.clone()));
        self.routes.add_filter(name, filter);
    }

    /// Adds the routes of another, as they are.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), String> {
        for (name, filter) in &other.filters {
            self.routes.add_filter(name, filter.clone());
        }
        let mut routes = other.routes.routes().iter();
        routes.try_for_each(|route| {
            self.add(route.method(), route.rule(), route.name(), route.payload().clone())
        })
    }

    /// Replaces each handler by what a middleware makes of it.
    pub(super) fn wrap(&mut self, wrap: impl Fn(&str, &str, &str, &Arc<OwnedHandler>) -> Arc<OwnedHandler>) {
        for route in self.routes.routes_mut() {
            let (method, rule) = (route.method().to_owned(), route.rule().to_owned());
            let name = route.name().unwrap_or_default().to_owned();
            let leaf = route.payload_mut();
            leaf.handler = wrap(&method, &rule, &name, &leaf.handler);
        }
    }

    /// The parameters point into the path and into the rule.
    pub(super) fn find<'a>(&'a self, method: &str, path: &'a str) -> Found<'a> {
        let outcome = self.routes.matches(method, path);
        let status = outcome.refusal();
        match outcome {
            Outcome::Found { route, params } => {
                let params = params.iter().map(|param| raw(param.name, param.text, param.value)).collect();
                Found::Route { leaf: route.payload(), rule: route.rule(), params }
            }
            Outcome::MethodNotAllowed { allow } => Found::Refused { status: 405, allow: Some(allow) },
            _ => Found::Refused { status: status.unwrap_or(404), allow: None },
        }
    }

    pub(super) fn url(&self, route: &str, values: &[(&str, &str)]) -> Result<String, String> {
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, Value::Text(value))).collect();
        self.routes.build(route, &[], &values).map_err(|error| error.to_string())
    }
}

fn raw(name: &str, text: &str, value: Value<'_>) -> Param {
    let (kind, number) = match value {
        Value::Int(int) => (abi::VALUE_INT, abi::Number { int }),
        Value::Float(float) => (abi::VALUE_FLOAT, abi::Number { float }),
        Value::Text(_) => (abi::VALUE_TEXT, abi::Number { int: 0 }),
    };
    Param { name: Slice::text(name), text: Slice::text(text), kind, reserved: 0, number }
}

/// A filter of the plugin's, as the router wants it.
struct PluginFilter(OwnedFilter);

impl plugin_api_route::Filter for PluginFilter {
    fn pattern(&self, config: Option<&str>) -> Result<String, String> {
        self.0.pattern(config)
    }

    fn parse<'p>(&self, config: Option<&str>, text: &'p str) -> Result<Value<'p>, String> {
        match self.0.parse(config, text)? {
            crate::filter::Parsed::Text => Ok(Value::Text(text)),
            crate::filter::Parsed::Number(crate::Number::Int(int)) => Ok(Value::Int(int)),
            crate::filter::Parsed::Number(crate::Number::Float(float)) => Ok(Value::Float(float)),
        }
    }

    fn format(&self, config: Option<&str>, value: Value<'_>) -> Result<String, String> {
        let text = match value {
            Value::Text(text) => text.to_owned(),
            Value::Int(int) => int.to_string(),
            Value::Float(float) => float.to_string(),
        };
        self.0.format(config, &text)
    }
}
