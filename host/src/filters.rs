//! Filters of rules that plugins bring, as the router wants them.

use crate::foreign::OwnedFilter;
use plugin_api_route::{Filter, FilterSpec, Router, Value};
use std::sync::Arc;

/// Adds a plugin's filter to a router, for the rules to come.
pub(crate) fn add<T>(router: &mut Router<T>, name: &str, filter: Arc<OwnedFilter>) {
    router.add_filter(name, FilterSpec::custom(PluginFilter(filter)));
}

struct PluginFilter(Arc<OwnedFilter>);

impl Filter for PluginFilter {
    fn pattern(&self, config: Option<&str>) -> Result<String, String> {
        self.0.pattern(config)
    }

    fn parse<'p>(&self, config: Option<&str>, text: &'p str) -> Result<Value<'p>, String> {
        self.0.parse(config, text).ok_or_else(|| "the filter refuses it".to_owned())
    }

    fn format(&self, config: Option<&str>, value: Value<'_>) -> Result<String, String> {
        self.0.format(config, &value.to_text())
    }
}
