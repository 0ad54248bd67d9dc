//! The control socket: where it is, whose it is, and what becomes of it.

use super::{crash, files_in, signal};
use crate::harness::{Folder, Host};
use rustix::process::Signal;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[test]
fn nobody_else_can_come_near_it() {
    let host = Host::start(crash(), "threaded");
    let folder = host.folder().join("host");
    let mode = |path: &std::path::Path| path.symlink_metadata().expect("it is there").mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("test.sock"))), (0o700, 0o600));
}

#[test]
fn one_that_was_left_over_is_replaced() {
    let runtime = Folder::new();
    let killed = Host::with(crash(), "threaded").runtime(&runtime).start();
    signal(killed.pid(), Signal::KILL);
    killed.wait();
    assert_eq!(files_in(&runtime.join("host")), ["test.sock"]);
    let host = Host::with(crash(), "threaded").runtime(&runtime).start();
    assert_eq!(host.status()["supervisor"]["pid"], host.pid());
    assert_eq!(files_in(&runtime.join("host")), ["test.sock"]);
    assert_eq!(host.stop().code, Some(0));
    assert!(files_in(&runtime.join("host")).is_empty());
}

#[test]
fn one_that_is_named_must_be_free() {
    let runtime = Folder::new();
    let path = runtime.join("named.sock").display().to_string();
    let start = || Host::with(crash(), "threaded").arg("--control").arg(&path);
    let host = start().start();
    assert!(files_in(&host.folder().join("host")).is_empty(), "it has no other one");
    let output = host.ctl(["--control", &path, "status"]);
    assert_eq!(output.code, Some(0), "{output:?}");

    let second = start().spawn().wait();
    let said = format!(
        "host: --control: cannot make the control socket {path}: another host has it\n\
         help: give this host another one, or stop the other: host ctl stop --control PATH\n"
    );
    assert_eq!((second.code, second.stderr), (Some(1), said));
    assert_eq!(host.get("/").text(), "hello\n");
    assert_eq!(host.stop().code, Some(0));
    assert_eq!(start().start().stop().code, Some(0), "it is free again");
}

#[test]
fn a_folder_that_others_can_enter_is_not_used_and_the_host_serves_all_the_same() {
    let starting = Host::with(crash(), "threaded").file("host/other", "");
    let folder = starting.folder().join("host");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("our own folder");
    let host = starting.start();
    let line = host.wait_for_line("`host ctl` cannot reach this host: cannot use the folder ");
    assert!(line.contains("others have rights on it (its mode should be 0700)"), "{line}");
    assert_eq!(files_in(&folder), ["other"]);
    let output = host.ctl(["status"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("others have rights on it"), "{output:?}");
    assert_eq!(host.get("/").text(), "hello\n");
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn many_hosts_of_one_name_that_start_at_once_have_a_socket_each() {
    const HOSTS: usize = 8;
    let runtime = Folder::new();
    let start = || Host::with(crash(), "single").runtime(&runtime).start();
    let hosts: Vec<Host> = std::thread::scope(|threads| {
        let starting: Vec<_> = (0..HOSTS).map(|_| threads.spawn(start)).collect();
        starting.into_iter().map(|thread| thread.join().expect("a host")).collect()
    });
    let sockets = files_in(&runtime.join("host"));
    assert_eq!(sockets.len(), HOSTS, "{sockets:?}");
    let mut pids = Vec::new();
    for socket in &sockets {
        let path = runtime.join("host").join(socket).display().to_string();
        let output = hosts[0].ctl(["--control", &path, "--format", "json", "status"]);
        let status: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        pids.push(status["supervisor"]["pid"].as_u64());
    }
    let mut want: Vec<_> = hosts.iter().map(|host| Some(u64::from(host.pid()))).collect();
    pids.sort_unstable();
    want.sort_unstable();
    assert_eq!(pids, want);
    for host in hosts {
        assert_eq!(host.stop().code, Some(0));
    }
    assert!(files_in(&runtime.join("host")).is_empty());
}
