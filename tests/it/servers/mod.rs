//! The servers, over real sockets. What each of them does stands in one [`list`], a row for each behaviour; the other files have what
//! the rows name.

mod descriptors;
mod endless;
mod faults;
mod forks;
mod http;
mod list;
mod listeners;
mod many;
mod pool;
mod recorded;
mod row;
mod slow_clients;
mod slow_handlers;
mod stopping;
mod streams;
mod told;

use crate::harness::{Client, Host, Spec, plugin_from_c};
use std::path::PathBuf;
use std::time::Duration;

/// The app of these tests: the routes of `lab.c`.
fn lab() -> Spec {
    Spec::new().plugin("lab", &lab_library())
}

fn lab_library() -> PathBuf {
    plugin_from_c("lab", include_str!("lab.c"))
}

/// A connection whose request waits in the handler of that path until its gate is opened.
fn begin(host: &Host, path: &str, gate: &str) -> Client {
    let gate = host.folder().join(gate);
    let mut client = host.connect();
    client.send_head("GET", path, &[("x-gate", &gate.display().to_string())]);
    client
}

/// Lets a handler go on that waits for this gate.
fn open(host: &Host, gate: &str) {
    host.folder().write(gate, "");
}

/// How many handlers and streams of `lab.c` were dropped before they had ended.
fn dropped(host: &Host) -> u32 {
    host.get("/dropped").text().parse().expect("a number")
}

/// What `lab.c` says of a body that it read.
fn length_and_sum(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    format!("{} {sum:08x}", bytes.len())
}

/// Longer than any deadline that a test sets, shorter than any default: who needs so long was not cut off in time.
const LATE: Duration = Duration::from_secs(8);
