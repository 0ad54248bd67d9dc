//! What there is to match: the configuration of the plugin, in the shape of the recorded routing cases.

use plugin_api::prelude::*;

/// The routes of the default app, and apps below it.
#[derive(Deserialize)]
pub(crate) struct Config {
    #[serde(flatten)]
    pub(crate) routes: Routes,
    /// Apps at prefixes.
    #[serde(default)]
    pub(crate) mounts: Vec<Mount>,
    /// Apps whose routes are added to this one.
    #[serde(default)]
    pub(crate) merges: Vec<Routes>,
}

/// What an app has.
#[derive(Deserialize)]
pub(crate) struct Routes {
    #[serde(default)]
    pub(crate) routes: Vec<RouteSpec>,
    #[serde(default)]
    pub(crate) filters: Vec<Filter>,
    #[serde(default)]
    pub(crate) error_handlers: Vec<ErrorHandler>,
}

/// A route; its tag is its rule if it has none.
#[derive(Deserialize)]
pub(crate) struct RouteSpec {
    #[serde(default = "any")]
    pub(crate) method: String,
    pub(crate) rule: String,
    pub(crate) tag: Option<String>,
    pub(crate) name: Option<String>,
}

fn any() -> String {
    "ANY".into()
}

/// A custom filter: what it matches, and what it converts to.
#[derive(Clone, Deserialize)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) regex: String,
    /// `int`, `float`, or nothing: text stays text.
    pub(crate) to: Option<String>,
}

/// Answers errors of a status.
#[derive(Deserialize)]
pub(crate) struct ErrorHandler {
    pub(crate) code: u16,
    pub(crate) tag: String,
}

/// An app at a prefix. One of the kind `wsgi` answers everything below it with its tag.
#[derive(Deserialize)]
pub(crate) struct Mount {
    pub(crate) prefix: String,
    #[serde(default)]
    pub(crate) kind: String,
    pub(crate) tag: Option<String>,
    #[serde(flatten)]
    pub(crate) routes: Routes,
}
