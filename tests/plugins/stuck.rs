//! A plugin whose handlers do not return before a file is there: the one that `x-gate` names.

use plugin_api::prelude::*;
use std::path::Path;
use std::time::Duration;

/// Where a stack is expected to end.
#[inline(never)]
fn wait_for_gate(gate: &Path) {
    while !gate.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn gate(request: &Request) -> &Path {
    Path::new(request.header("x-gate").unwrap_or("/"))
}

#[get("/stuck")]
fn stuck(request: &Request) -> &'static str {
    wait_for_gate(gate(request));
    "at last\n"
}

/// Stuck only when it is polled again.
#[get("/stuck-later")]
async fn stuck_later(request: &Request) -> &'static str {
    sleep(Duration::from_millis(1)).await;
    wait_for_gate(gate(request));
    "at last\n"
}

plugin! { routes: [stuck, stuck_later], requires: ["pa.timer/1"] }
