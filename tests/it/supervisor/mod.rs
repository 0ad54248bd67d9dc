//! The two processes: a worker that may die at any moment, and a supervisor that nobody notices.

mod alone;
mod control;
mod crashes;
mod ctl;
mod hostile;
mod load;
mod retiring;
mod signals;

use crate::harness::{Client, Host, Spec, eventually, plugin_from_c};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};

/// The app of these tests: the routes of `crash.c`.
fn crash() -> Spec {
    Spec::new().plugin("crash", &crash_library())
}

fn crash_library() -> PathBuf {
    plugin_from_c("crash", include_str!("crash.c"))
}

/// Which process answers, from the first connection that gets an answer: one that reached a worker in its last moment gets
/// none.
fn pid_that_answers(host: &Host) -> u32 {
    let mut pid = None;
    eventually("a worker answers", || {
        let answer = Client::connect(&host.address()).try_get("/pid");
        pid = answer.ok().and_then(|answer| answer.text().parse().ok());
        pid.is_some()
    });
    pid.expect("a process id")
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    kill_process(pid, signal).expect("a process of our own");
}

/// A process that has ended may stay in the system's list until its parent looks.
fn is_gone(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with('Z') || rest.is_empty())
}

/// The files in a folder, sorted; none if there is no folder.
fn files_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}
