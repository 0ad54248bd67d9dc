//! What goes wrong around a swap: processes that are killed, disks that are full, plugins that hang, a host that stops. Nothing
//! waits past its deadline, and the service answers afterwards with a generation that is known.

mod files;
mod hangs;
mod kills;
mod many;
mod stops;
mod stuck;

use crate::harness::{Host, Output, Spec, eventually, plugin_from_c};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::thread::{ScopedJoinHandle, scope};

/// The library of a version, which stops at that step of its life; "": at none.
fn waiting(version: &str, step: &str) -> PathBuf {
    let defines = format!("#define VERSION \"{version}\"\n#define WAITS \"{step}\"\n");
    plugin_from_c("fickle", &format!("{defines}{}", include_str!("fickle.c")))
}

fn library(version: &str) -> PathBuf {
    waiting(version, "")
}

/// An app with version 1. Keys that follow are the plugin's.
fn app() -> Spec {
    Spec::new().plugin("fickle", &library("1"))
}

/// `host ctl swap fickle=FILE`.
fn swap(host: &Host, file: &Path) -> Output {
    host.ctl(["swap", &format!("fickle={}", file.display())])
}

/// The same, which works.
#[track_caller]
fn swap_well(host: &Host, file: &Path) -> String {
    let output = swap(host, file);
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout.trim_end().to_owned()
}

/// Has a swap to that file wait at that step of the plugin's life while `work` is done; what the swap said.
fn while_it_waits(host: &Host, file: &Path, step: &str, work: impl FnOnce()) -> Output {
    scope(|threads| {
        let swap: ScopedJoinHandle<'_, Output> = threads.spawn(|| swap(host, file));
        wait_until_at(host, step);
        work();
        swap.join().expect("no panic")
    })
}

/// Waits until the plugin has come to that step.
#[track_caller]
fn wait_until_at(host: &Host, step: &str) {
    let file = host.folder().join(format!("at-{step}"));
    eventually(&format!("the plugin comes to {step}"), || file.exists());
}

/// Lets the plugin go on.
fn let_go(host: &Host, step: &str) {
    host.folder().write(format!("go-{step}"), "");
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    kill_process(pid, Signal::KILL).expect("a process of our own");
}

/// Waits until a worker serves that is another one than that.
#[track_caller]
fn wait_for_another_worker(host: &Host, than: u32) -> u32 {
    let mut worker = than;
    eventually("another worker serves", || {
        let status = host.status();
        worker = status["worker"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(than);
        worker != than && status["state"] == "serving"
    });
    worker
}

/// What answers, and the number of the generation that is said to.
#[track_caller]
fn serving(host: &Host) -> (String, u64) {
    let status = host.status();
    let rows = status["generations"].as_array().cloned().unwrap_or_default();
    let mut serving = rows.iter().filter(|row| row["plugin"] == "fickle" && row["state"] == "serving");
    let generation = serving.next().and_then(|row| row["generation"].as_u64());
    let generation = generation.unwrap_or_else(|| panic!("none serves: {status:#}"));
    (host.get("/").expect(200).text().to_owned(), generation)
}
