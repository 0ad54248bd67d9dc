//! Servers whose model has processes: one that dies is one of several, and what is served changes with them.

mod faults;
mod forking;
mod prefork;
mod recycling;
mod rolls;
mod watching;

use crate::harness::{Client, Host, Spec, Starting, eventually, plugin_from_c};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A library whose `/pid` says which process answers.
fn crash_library() -> PathBuf {
    plugin_from_c("crash", include_str!("../supervisor/crash.c"))
}

/// The app of these tests, on so many workers.
fn crash(workers: &str) -> Starting {
    let spec = Spec::new().plugin("crash", &crash_library());
    Host::with(spec, "prefork").env("HOST_THREADS", "auto").arg("--workers").arg(workers)
}

/// A version of the shop, whose `/version` says which.
fn shop(version: &str) -> PathBuf {
    let letter = version.chars().next().expect("a version");
    let defines = format!("#define VERSION \"{version}\"\n#define LETTER '{letter}'\n");
    plugin_from_c("shop", &format!("{defines}{}", include_str!("../swap/shop.c")))
}

/// A host with version 1 of the shop, of `libshop.so` beside its spec.
fn shop_app(server: &str) -> Starting {
    let spec = Spec::new().plugin("shop", Path::new("libshop.so"));
    Host::with(spec, server)
        .env("HOST_THREADS", "auto")
        .file("libshop.so", std::fs::read(shop("1")).expect("a library"))
}

/// Waits until so many workers serve, and gives their process ids.
#[track_caller]
fn workers(host: &Host, count: usize) -> BTreeSet<u32> {
    let mut pids = BTreeSet::new();
    eventually("all workers serve", || {
        let status = host.status();
        let all = status["workers"].as_array().cloned().unwrap_or_default();
        let serving = all.iter().filter(|worker| worker["state"] == "serving");
        pids = serving.filter_map(|worker| worker["pid"].as_u64()).map(|pid| pid as u32).collect();
        pids.len() == count && all.len() == count
    });
    pids
}

fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    kill_process(pid, signal).expect("a process of our own");
}

/// A process that has ended may stay in the system's list until its parent looks.
fn is_gone(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with('Z') || rest.is_empty())
}

/// The row of the status of the generation that serves.
#[track_caller]
fn serving(host: &Host) -> Value {
    let status = host.status();
    let rows = status["generations"].as_array().cloned().unwrap_or_default();
    let serving: Vec<Value> = rows.into_iter().filter(|row| row["state"] == "serving").collect();
    assert_eq!(serving.len(), 1, "one coherent list: {status:#}");
    serving[0].clone()
}

/// What some connections are answered with, each once.
fn answers(host: &Host, path: &str, count: usize) -> BTreeSet<String> {
    let ask = |_| Client::connect(&host.address()).get(path).text().to_owned();
    (0..count).map(ask).collect()
}
