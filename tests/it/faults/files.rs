//! Files that vanish, and no room for their copies.

use super::{app, library, serving, swap, swap_well};
use crate::harness::{Folder, Host, Output, for_each_server};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// Limits the size of the files that a process writes: what a full disk is to whoever writes.
fn limit_files(pid: u32, bytes: Option<u64>) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(pid), Resource::Fsize, limit).expect("a process of our own");
}

#[track_caller]
fn is_refused(host: &Host, output: &Output, said: &str) {
    assert_ne!(output.code, Some(0), "{output:?}");
    for part in ["fickle: cannot swap: ", said, "help: still served: fickle 1 (generation 1)"] {
        assert!(output.stderr.contains(part), "no `{part}` in {output:?}");
    }
    assert_eq!(serving(host), ("version 1".to_owned(), 1));
}

#[test]
fn no_room_for_the_sealed_copy_is_said_and_the_old_generation_serves() {
    for_each_server(|server| {
        let host = Host::start(app(), server);
        let worker = host.worker_pid();
        limit_files(worker, Some(4096));
        let output = swap(&host, &library("2"));
        is_refused(&host, &output, "cannot make a sealed copy of ");
        limit_files(worker, None);
        swap_well(&host, &library("2"));
        assert_eq!((serving(&host), host.worker_pid()), (("version 2".to_owned(), 2), worker));
    });
}

#[test]
fn a_file_that_has_vanished_is_said_and_the_old_generation_serves() {
    for_each_server(|server| {
        let folder = Folder::new();
        let file = folder.write("libfickle.so", std::fs::read(library("2")).expect("a library"));
        let host = Host::start(app(), server);
        std::fs::remove_file(&file).expect("our own file");
        let output = swap(&host, &file);
        is_refused(&host, &output, &format!("{}: cannot read the library: no such file", file.display()));
        swap_well(&host, &library("2"));
    });
}
