//! Answers with the route that matched, for trying rules and for replaying recorded cases: its configuration says what
//! there is to match, and each answer says which of it did.

mod answer;
mod config;

use answer::echo;
use config::{Config, Filter, Routes};
use plugin_api::prelude::*;
use plugin_api_route::{Value, ValueKind};

/// The default app is what the configuration of the plugin says.
fn register(app: &mut App, config: State<Config>) -> Result<(), Error> {
    build(app, &config)
}

/// `echo:rules(routes = [..])`: further apps of the same plugin.
fn rules(app: &mut App, config: Config) -> Result<(), Error> {
    build(app, &config)
}

fn build(app: &mut App, config: &Config) -> Result<(), Error> {
    fill(app, &config.routes)?;
    for mount in &config.mounts {
        let mut child = app.create()?;
        match &mount.tag {
            Some(tag) if mount.kind == "wsgi" => everything(&mut child, tag)?,
            _ => fill(&mut child, &mount.routes)?,
        }
        app.mount(&mount.prefix, child)?;
    }
    for routes in &config.merges {
        let mut child = app.create()?;
        fill(&mut child, routes)?;
        app.merge(child)?;
    }
    Ok(())
}

/// Filters first: the rules that follow may name them.
fn fill(app: &mut App, routes: &Routes) -> Result<(), Error> {
    for filter in &routes.filters {
        app.filter(&filter.name, filter.clone())?;
    }
    for route in &routes.routes {
        let tag = route.tag.clone().unwrap_or_else(|| route.rule.clone());
        let mut spec = Route::new(&route.method, &route.rule).body(BodyMode::Whole);
        if let Some(name) = &route.name {
            spec = spec.name(name);
        }
        app.route(spec, move |request: &Request| echo(request, &tag))?;
    }
    for handler in &routes.error_handlers {
        let tag = handler.tag.clone();
        app.error(handler.code, move |request: &Request| echo(request, &tag))?;
    }
    Ok(())
}

/// An app that answers every method and every path: what Bottle's `mount` makes of a WSGI application.
fn everything(app: &mut App, tag: &str) -> Result<(), Error> {
    let tag = tag.to_owned();
    let all = Route::new("PROXY", "/<:re:(?s:.*)>").body(BodyMode::Whole);
    app.route(all, move |request: &Request| echo(request, &tag))
}

impl plugin_api::Filter for Filter {
    fn pattern(&self, _config: Option<&str>) -> Result<String, Error> {
        Ok(self.regex.clone())
    }

    fn parse(&self, _config: Option<&str>, text: &str) -> Option<Parsed> {
        let kind = match self.to.as_deref() {
            Some("int") => ValueKind::Int,
            Some("float") => ValueKind::Float,
            _ => ValueKind::Text,
        };
        kind.parse(text).ok().map(|value| match value {
            Value::Int(int) => Parsed::Number(Number::Int(int)),
            Value::Float(float) => Parsed::Number(Number::Float(float)),
            Value::Text(_) => Parsed::Text,
        })
    }
}

plugin! { config: Config, default: register, factories: { rules: rules } }

#[cfg(test)]
mod tests;
