//! `host servers`.

use crate::server::{DEFAULT, ServerRegistry};

pub(super) fn list() -> String {
    let mut out = String::new();
    for about in &ServerRegistry::default().list() {
        let default = if about.name == DEFAULT { " (default)" } else { "" };
        out.push_str(&format!("{:9} {}{default}\n", about.name, about.summary));
        out.push_str(&format!("          good for: {}\n", about.good_for));
        for (option, what) in about.options {
            out.push_str(&format!("          option {option}: {what}\n"));
        }
        out.push_str(&format!("          Bottle's names for it: {}\n", about.aliases.join(", ")));
    }
    out
}
