//! `[health]`

use super::section::Section;
use super::tree::Node;
use super::{Located, read};
use crate::error::Error;

/// `[health]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthSpec {
    /// Whether the two paths are answered where the app is served.
    pub serve: bool,
    /// The path that says whether the process works.
    pub live: String,
    /// The path that says whether the app is to be asked.
    pub ready: String,
}

impl Default for HealthSpec {
    fn default() -> Self {
        Self { serve: false, live: "/healthz".to_owned(), ready: "/readyz".to_owned() }
    }
}

pub(super) fn health(node: &Node) -> Result<HealthSpec, Error> {
    let (section, default) =
        (Section::open(node, "[health]", &["serve", "live", "ready"])?, HealthSpec::default());
    let path = |key, default: String| {
        let path = section.string(key)?.map(read::checked_path).transpose()?;
        path.map_or(Ok(default), without_query)
    };
    let (live, ready) = (path("live", default.live)?, path("ready", default.ready)?);
    if live == ready {
        return Err(section.at().error_hint("`live` and `ready` are the same path", "give each its own"));
    }
    Ok(HealthSpec { serve: section.boolean("serve", default.serve)?, live, ready })
}

fn without_query(path: Located<String>) -> Result<String, Error> {
    match path.contains(['?', '%']) {
        true => Err(path.at.error_hint(format!("`{}` is not a plain path", path.value), "write \"/health\"")),
        false => Ok(path.value),
    }
}
