//! A new spec while the host runs: `host ctl reload-spec`.

mod addresses;
mod settings;

use crate::harness::{Host, Spec, plugin_from_c};

/// The routes of `lab.c`, with this in `[server]`.
fn lab(server: &str) -> Spec {
    let spec = Spec::new().text(&format!("[server]\n{server}"));
    spec.plugin("lab", &plugin_from_c("lab", include_str!("../servers/lab.c")))
}

/// A host that listens where its spec says.
fn start(spec: Spec, server: &str) -> Host {
    Host::with(spec, server).bind_by_spec().start()
}
