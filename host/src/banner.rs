//! What `host` says when it serves: Bottle's banner, and more.

use crate::server::Chosen;
use crate::table::Listed;
use std::fmt::Write;

/// How many routes are shown; `host routes` shows them all.
const ROUTES_SHOWN_MAX: usize = 40;

/// The banner's text.
pub fn banner(app: &str, chosen: &Chosen, urls: &[String], routes: &[Listed]) -> String {
    let mut out = String::new();
    let about = chosen.server.about();
    let version = env!("CARGO_PKG_VERSION");
    let alias = chosen.alias.map_or(String::new(), |alias| format!(", which `{alias}` became here"));
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "host v{version} serving `{app}` with server `{}`{alias}: {}",
        about.name, about.summary
    );
    for url in urls {
        let _ = writeln!(out, "Listening on {url}");
    }
    out.push_str(&table(routes.get(..ROUTES_SHOWN_MAX).unwrap_or(routes)));
    if let Some(more) = routes.len().checked_sub(ROUTES_SHOWN_MAX).filter(|more| *more > 0) {
        let _ = writeln!(out, "  ... and {more} more: `host routes` shows them all");
    }
    out.push_str("Hit Ctrl-C to quit.\n");
    out
}

/// A line for each route, in columns.
pub fn table(routes: &[Listed]) -> String {
    let width = |column: fn(&Listed) -> usize| routes.iter().map(column).max().unwrap_or(0);
    let method = width(|route| route.method.len());
    let rule = width(|route| route.host.len() + route.rule.chars().count());
    let mut out = String::new();
    for route in routes {
        let place = format!("{}{}", route.host, route.rule);
        let _ =
            writeln!(out, "  {:method$}  {place:rule$}  {} {}", route.method, route.plugin, route.version);
    }
    out
}
