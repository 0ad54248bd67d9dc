//! What is it doing? The requests in flight and the stacks of their handlers, of a host that may hang.

mod forked;
mod requests;
mod stacks;
mod watchdog;

use crate::harness::{Client, Host, Spec, eventually, plugin_from_c};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::PathBuf;

/// The app of most tests: handlers that wait for a gate, bodies that are read and written slowly.
fn lab() -> Spec {
    Spec::new().plugin("lab", &lab_library())
}

/// The same, whose worker may be stopped for as long as a test takes.
fn lab_without_heartbeat() -> Spec {
    lab().text("[supervisor]\nheartbeat = '0s'")
}

fn lab_library() -> PathBuf {
    plugin_from_c("lab", include_str!("../servers/lab.c"))
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
    kill_process(pid, signal).expect("a process of ours");
}

/// A connection whose request waits in the handler of that path until the file `gate` is there.
fn begin(host: &Host, path: &str) -> Client {
    let gate = host.folder().join("gate");
    let mut client = host.connect();
    client.send_head("GET", path, &[("x-gate", &gate.display().to_string())]);
    client
}

fn open(host: &Host) {
    host.folder().write("gate", "");
}

/// `host ctl` with these arguments, for programs.
#[track_caller]
fn ctl(host: &Host, args: &[&str]) -> Value {
    let output = host.ctl(args.iter().copied().chain(["--format", "json"]));
    assert_eq!(output.code, Some(0), "{output:?}");
    serde_json::from_str(&output.stdout).unwrap_or_else(|cause| panic!("{cause}: {output:?}"))
}

/// The requests in flight.
#[track_caller]
fn requests(host: &Host) -> Vec<Value> {
    ctl(host, &["requests"])["requests"].as_array().expect("a list").clone()
}

/// Waits until one request is in flight, and at that.
#[track_caller]
fn wait_for_one(host: &Host, state: &str) -> Value {
    let mut seen = Vec::new();
    eventually(&format!("one request is {state}"), || {
        seen = requests(host);
        seen.len() == 1 && seen[0]["state"] == state
    });
    seen.remove(0)
}

/// Waits until none is.
#[track_caller]
fn wait_for_none(host: &Host) {
    eventually("no request is in flight", || requests(host).is_empty());
}
