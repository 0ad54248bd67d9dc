//! Native code that crashes: whose fault it was is said, what was lost with it is counted, and what crashes too often is replaced
//! by what served before.

mod forked;
mod hangs;
mod life;
mod limits;
mod lost;
mod optional;
mod quarantine;
mod restarted;
mod signals;

use crate::harness::{Folder, Host, Output, Spec, eventually, plugin_from_c, registry};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Servers with one worker, in which generations are swapped. On the others a change is a new set of processes.
fn in_place() -> Vec<&'static str> {
    let servers = registry().iter().filter(|server| server.swaps_in_place);
    servers.map(|server| server.name.as_str()).collect()
}

/// The library of a version, which crashes at that step of its life; "": at none.
fn crashing(version: &str, step: &str) -> PathBuf {
    let defines = format!("#define VERSION \"{version}\"\n#define CRASHES \"{step}\"\n");
    plugin_from_c("faulty", &format!("{defines}{}", include_str!("faulty.c")))
}

fn library(version: &str) -> PathBuf {
    crashing(version, "")
}

/// An app with version 1, and a worker that is started again without a pause.
fn app() -> Spec {
    app_of(&library("1"), "")
}

fn app_of(library: &Path, supervisor: &str) -> Spec {
    let pause = "[supervisor]\nbackoff = '1ms'\nbackoff_max = '1ms'\n";
    Spec::new().plugin("faulty", library).text(&format!("{pause}{supervisor}"))
}

/// An app whose worker may crash as often as it likes.
fn crash_at_will() -> Spec {
    app_of(&library("1"), "crashes = 1000\nfailures = 1000")
}

/// Puts a version where the spec says that the plugin is.
fn put(folder: &Folder, library: &Path) -> PathBuf {
    let bytes = std::fs::read(library).expect("a library");
    let new = folder.write("new.so", bytes);
    let path = folder.join("libfaulty.so");
    std::fs::rename(new, &path).expect("our own files");
    path
}

/// `host ctl swap faulty=FILE`.
fn swap(host: &Host, file: &Path) -> Output {
    host.ctl(["swap", &format!("faulty={}", file.display())])
}

/// Asks for what takes the worker down; gives the report when another one serves.
#[track_caller]
fn crash(host: &Host, path: &str) -> Value {
    let before = count(host);
    assert!(host.connect().try_get(path).is_err(), "nobody can answer that");
    wait_for_report(host, before)
}

fn count(host: &Host) -> u64 {
    host.status()["crashes"]["count"].as_u64().expect("a number")
}

/// The next report, when a worker serves again.
#[track_caller]
fn wait_for_report(host: &Host, before: u64) -> Value {
    let mut status = Value::Null;
    eventually("the crash is reported, and another worker serves", || {
        status = host.status();
        status["crashes"]["count"].as_u64() > Some(before) && status["state"] == "serving"
    });
    let last = status["crashes"]["last"].as_array().and_then(|last| last.last()).cloned();
    last.unwrap_or_else(|| panic!("no report: {status:#}"))
}

/// What answers, and the number of the generation that is said to.
#[track_caller]
fn serving(host: &Host) -> (String, u64) {
    let answer = host.get("/").expect(200).text().to_owned();
    let status = host.status();
    let rows = status["generations"].as_array().cloned().unwrap_or_default();
    let number = rows.iter().find(|row| row["state"] == "serving").and_then(|row| row["generation"].as_u64());
    (answer, number.unwrap_or_else(|| panic!("none serves: {status:#}")))
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    kill_process(pid, signal).expect("a process of our own");
}
