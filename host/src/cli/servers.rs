//! `host servers`.

use crate::server::{About, DEFAULT, ServerRegistry};
use serde_json::{Value, json};

/// As wide as a page of text may be.
const COLUMNS_MAX: usize = 100;

/// Where the second column begins.
const MARGIN: usize = 22;

/// For people.
pub(super) fn list() -> String {
    let servers = ServerRegistry::default().list();
    let texts: Vec<String> = servers.iter().map(text).collect();
    texts.join("\n")
}

/// For programs: an object for each, as the registry has it, and which one is the default.
pub(super) fn json() -> Value {
    let servers = ServerRegistry::default().list();
    let objects = servers.iter().map(|about| {
        let mut object = json!(about);
        object["is_default"] = (about.name == DEFAULT).into();
        object
    });
    Value::Array(objects.collect())
}

fn text(about: &About) -> String {
    let default = if about.name == DEFAULT { " (default)" } else { "" };
    let mut out = row(&format!("{}{default}", about.name), about.summary);
    let guarantees = &about.guarantees;
    for (what, text) in [
        ("good for", about.good_for),
        ("a slow client", guarantees.slow_client),
        ("a blocking handler", guarantees.blocking_handler),
        ("a crash", guarantees.crash),
        ("a swap", guarantees.swap.described()),
        ("--workers", about.workers.unwrap_or("does not count here")),
        ("--threads", about.threads.unwrap_or("does not count here")),
    ] {
        out.push_str(&row(&format!("  {what}"), text));
    }
    for opt in about.options {
        out.push_str(&row(&format!("  {} = {}", opt.name, opt.default), opt.what));
    }
    out + &row("  in Bottle", &about.aliases.join(", "))
}

/// A line with two columns, and more lines where the second one is long.
fn row(what: &str, text: &str) -> String {
    let mut lines = vec![format!("{what:width$} ", width = MARGIN - 1)];
    for word in text.split(' ') {
        let is_full = lines.last().is_some_and(|line| line.len() + 1 + word.len() > COLUMNS_MAX);
        if is_full {
            lines.push(" ".repeat(MARGIN));
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if line.ends_with(' ') { "" } else { " " });
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}
