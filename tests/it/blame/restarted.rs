//! What was put in quarantine stays there when the host is started again, and so does what is served instead.

use super::{app_of, crash, library, put, serving};
use crate::harness::{Folder, Host, Output, Spec, run_in};
use std::path::PathBuf;

/// A host whose plugin was replaced by one that crashes, and is gone; its state is in the folder.
fn after_a_crash(folder: &Folder) -> Spec {
    let spec = app_of(&put(folder, &library("1")), "crashes = 1");
    let host = start(folder, &spec);
    put(folder, &library("2"));
    assert_eq!(host.ctl(["swap", "faulty"]).code, Some(0));
    crash(&host, "/null");
    assert_eq!(host.stop().code, Some(0));
    spec
}

fn start(folder: &Folder, spec: &Spec) -> Host {
    Host::with(spec.clone(), "threaded").env("XDG_STATE_HOME", &state_home(folder)).start()
}

fn state_home(folder: &Folder) -> String {
    folder.join("state").display().to_string()
}

fn state(folder: &Folder) -> PathBuf {
    folder.join("state/host/test")
}

/// `host` with these arguments, where none runs.
fn offline(folder: &Folder, spec: &Spec, args: &[&str]) -> Output {
    let state = format!("state = {:?}", state(folder).display().to_string());
    let text = spec.as_str().replace("[supervisor]\n", &format!("[supervisor]\n{state}\n"));
    folder.write("app.toml", text);
    run_in(folder.path(), args)
}

#[test]
fn a_host_that_is_started_again_serves_what_was_served_instead() {
    let folder = Folder::new();
    let spec = after_a_crash(&folder);
    let host = start(&folder, &spec);
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    let said = host.wait_for_line("served instead: faulty 1 (generation 1)");
    assert!(
        said.contains("is in quarantine: it crashed its worker once within 1m with SIGSEGV in GET /null"),
        "{said}"
    );
    assert_eq!(host.ctl(["swap", "faulty"]).code, Some(78));
    // And so does the next worker.
    crash_by_signal(&host);
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    put(&folder, &library("3"));
    assert_eq!(host.ctl(["swap", "faulty"]).code, Some(0));
    assert_eq!(serving(&host), ("version 3".to_owned(), 3), "2 is the one that crashed");
}

fn crash_by_signal(host: &Host) {
    let before = super::count(host);
    super::signal(host.worker_pid(), rustix::process::Signal::KILL);
    super::wait_for_report(host, before);
}

#[test]
fn another_build_in_the_place_of_the_file_is_served_at_once() {
    let folder = Folder::new();
    let spec = after_a_crash(&folder);
    put(&folder, &library("3"));
    let host = start(&folder, &spec);
    assert_eq!(serving(&host).0, "version 3");
}

#[test]
fn without_what_was_served_instead_the_host_does_not_start_and_tells_the_cure() {
    let folder = Folder::new();
    let spec = after_a_crash(&folder);
    std::fs::remove_dir_all(state(&folder).join("instead")).expect("our own folder");
    let output = offline(&folder, &spec, &["--app", "app.toml", "--bind", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(output.stderr.contains("is in quarantine: it crashed its worker once within 1m"), "{output:?}");
    assert!(output.stderr.contains("with --app FILE also while no host runs"), "{output:?}");

    let listed = offline(&folder, &spec, &["ctl", "--app", "app.toml", "quarantine"]);
    assert!(listed.stdout.starts_with("faulty 2 ("), "{listed:?}");
    let output = offline(&folder, &spec, &["ctl", "--app", "app.toml", "quarantine", "lift", "faulty"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output.stdout.ends_with("is not in quarantine any more: a host that is started now loads it\n"),
        "{output:?}"
    );
    assert_eq!(serving(&start(&folder, &spec)).0, "version 2");
}

#[test]
fn a_list_that_cannot_be_read_is_said_and_keeps_nobody_from_starting() {
    let folder = Folder::new();
    let spec = after_a_crash(&folder);
    std::fs::write(state(&folder).join("quarantine.json"), "{\"version\": 1, \"quar").expect("our own file");
    let host = start(&folder, &spec);
    host.wait_for_line("quarantine.json: cannot read what is in quarantine: ");
    assert_eq!(serving(&host).0, "version 2");
}

#[test]
fn a_folder_that_cannot_be_written_is_said_and_the_quarantine_counts_as_long_as_the_host_lives() {
    let folder = Folder::new();
    folder.write("state", "no folder");
    let host = start(&folder, &app_of(&put(&folder, &library("1")), "crashes = 1"));
    put(&folder, &library("2"));
    assert_eq!(host.ctl(["swap", "faulty"]).code, Some(0));
    crash(&host, "/null");
    host.wait_for_line("what is in quarantine will be forgotten when the host ends: cannot make the folder ");
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    assert_eq!(host.ctl(["swap", "faulty"]).code, Some(78));
}

#[test]
fn a_host_without_a_crash_leaves_no_folder() {
    let folder = Folder::new();
    let spec = app_of(&put(&folder, &library("1")), "");
    let host = start(&folder, &spec);
    assert_eq!(host.get("/").text(), "version 1");
    assert_eq!(host.stop().code, Some(0));
    assert!(!folder.join("state").exists());
}
