//! A host as the first process of a container: it gets the orphans of all others, and signals that it has no handler for are
//! ignored.

use super::is_root;
use crate::harness::{Address, Client, Folder, eventually, host_binary, plugin_from_c};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A host that is process 1 of a world of its own, with its supervisor's id out here.
struct First {
    unshare: Child,
    folder: Folder,
    supervisor: u32,
}

impl First {
    fn start() -> Self {
        let folder = Folder::new();
        let library = plugin_from_c("rights", include_str!("rights.c"));
        let spec = format!("spec = 1\n[app]\nname = \"test\"\n[[plugin]]\npath = {library:?}\n");
        folder.write("app.toml", spec);
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(host_binary());
        command.args(["--app", "app.toml", "--server", "threaded", "--bind", "unix:host.sock"]);
        command.current_dir(folder.path()).env("XDG_RUNTIME_DIR", folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let unshare = command.spawn().expect("unshare, of util-linux");
        let mut supervisor = None;
        eventually("the host is there", || {
            supervisor = children_of(unshare.id()).first().copied();
            supervisor.is_some_and(|supervisor| !children_of(supervisor).is_empty())
        });
        Self { unshare, folder, supervisor: supervisor.expect("a process") }
    }

    fn get(&self, path: &str) -> String {
        let address = Address::Unix(self.folder.join("host.sock"));
        Client::connect(&address).get(path).expect(200).text().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.supervisor.cast_signed()).expect("a process id"), signal)
            .expect("a process of our own");
    }
}

impl Drop for First {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// Of all of its threads, and those that have ended and nobody has waited for.
fn children_of(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn the_first_process_takes_orphans_off_the_list() {
    let first = First::start();
    first.get("/orphan");
    first.get("/orphan");
    // The worker has not waited for the children that it started: these are its own, until it ends.
    eventually("only the worker is left of its children", || {
        children_of(first.supervisor).len() == 1 && Path::new(&format!("/proc/{}", first.supervisor)).exists()
    });
    // A thread that ends meanwhile hands its children to another one, which may have been looked at already.
    let worker = children_of(first.supervisor)[0];
    eventually("the worker has its two", || children_of(worker).len() == 2);
}

#[test]
fn a_host_in_a_world_of_its_own_is_commanded_from_outside() {
    let first = First::start();
    first.get("/");
    let ctl = |command: &str| {
        let mut ctl = Command::new(host_binary());
        ctl.args(["ctl", "--control", "host/test.sock", command]).current_dir(first.folder.path());
        ctl.output().expect("the program")
    };
    // The worker may answer before its supervisor has heard that it does.
    eventually("it is ready", || ctl("ready").status.success());
    assert_eq!(ctl("ready").stdout, b"ready\n");
    // Who has no process id here is not waited for by it.
    let output = ctl("stop");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!first.folder.join("host.sock").exists());
}

#[test]
fn the_first_process_ends_by_a_signal_and_at_once_by_a_second_one() {
    let mut first = First::start();
    first.signal(Signal::TERM);
    let ended = |first: &mut First| first.unshare.try_wait().expect("a child").is_some();
    eventually("it ends", || ended(&mut first));
    let mut first = First::start();
    // One that stands still before it is a worker would have the host wait for its start.
    first.get("/");
    // A worker that does not run cannot end: the host waits for it.
    let worker = children_of(first.supervisor)[0];
    kill_process(Pid::from_raw(worker.cast_signed()).expect("a process id"), Signal::STOP).expect("our own");
    first.signal(Signal::TERM);
    eventually("it lets nobody in", || !first.folder.join("host.sock").exists());
    assert!(!ended(&mut first), "it waits for its worker");
    first.signal(Signal::TERM);
    eventually("it ends at once", || ended(&mut first));
}
