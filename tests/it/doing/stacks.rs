//! `host ctl stack`: what a handler is at, call by call.

use super::{begin, ctl, lab, lab_library, lab_without_heartbeat, open, signal, wait_for_none, wait_for_one};
use crate::harness::{
    Folder, Host, Spec, at_once, eventually, example_plugin, for_each_server, on_servers, run,
};
use rustix::process::Signal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The calls of the one handler that runs.
#[track_caller]
pub(super) fn frames(host: &Host) -> Vec<Value> {
    let stacks = ctl(host, &["stack"]);
    assert_eq!(stacks["stacks"].as_array().map(Vec::len), Some(1), "{stacks:#}");
    stacks["stacks"][0]["frames"].as_array().unwrap_or_else(|| panic!("no frames: {stacks:#}")).clone()
}

/// The first of them that is the plugin's.
pub(super) fn of_plugin<'f>(frames: &'f [Value], plugin: &str) -> &'f Value {
    let found = frames.iter().find(|frame| frame["plugin"] == plugin);
    found.unwrap_or_else(|| panic!("no frame of `{plugin}`: {frames:#?}"))
}

/// Without the names of its functions.
fn stripped(library: &Path, folder: &Folder) -> PathBuf {
    let copy = folder.join(library.file_name().expect("a name"));
    std::fs::copy(library, &copy).expect("a copy");
    let status = Command::new("strip").arg(&copy).status().expect("the tool of every compiler");
    assert!(status.success());
    copy
}

/// Where the linker put a function, by `nm`.
fn place(library: &Path, function: &str) -> std::ops::Range<u64> {
    let output =
        Command::new("nm").arg("--print-size").arg(library).output().expect("the tool of every compiler");
    let listed = String::from_utf8(output.stdout).expect("text");
    let line = listed.lines().find(|line| line.ends_with(&format!(" t {function}"))).expect("the function");
    let hex: Vec<u64> =
        line.split(' ').take(2).map(|field| u64::from_str_radix(field, 16).expect("hex")).collect();
    hex[0]..hex[0] + hex[1]
}

#[test]
fn the_function_of_a_plugin_in_c_is_named_on_every_server() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        let mut client = begin(&host, "/block");
        let request = wait_for_one(&host, "in handler");
        let frames = frames(&host);
        let frame = of_plugin(&frames, "lab");
        assert_eq!((&frame["function"], &frame["generation"]), (&"block".into(), &1.into()), "{frame}");
        assert!(
            frames.iter().any(|frame| frame["library"] == "host" && frame["plugin"].is_null()),
            "{frames:#?}"
        );

        let text = host.ctl(["stack"]).stdout;
        let id = request["id"].as_str().expect("text");
        for part in [
            id,
            "GET /block, lab/1 1.0.0, process ",
            "  in handler, ",
            "  lab/1  block\n",
            "called by the host (",
        ] {
            assert!(text.contains(part), "`{part}` is missing:\n{text}");
        }
        open(&host);
        assert_eq!(client.read().text(), "unblocked\n", "it went on");
    });
}

#[test]
fn functions_of_rust_have_their_names_and_lines() {
    let host = Host::start(Spec::new().plugin("shop", &example_plugin("stuck")), "threaded");
    for path in ["/stuck", "/stuck-later"] {
        let mut client = begin(&host, path);
        wait_for_one(&host, "in handler");
        let frames = frames(&host);
        let named = |frame: &&Value| frame["function"] == "stuck::wait_for_gate";
        let frame = frames.iter().find(named).unwrap_or_else(|| panic!("{frames:#?}"));
        assert_eq!((&frame["plugin"], &frame["generation"]), (&"shop".into(), &1.into()));
        assert!(frame["file"].as_str().is_some_and(|file| file.ends_with("plugins/stuck.rs")), "{frame}");
        assert!(frame["line"].as_u64().is_some_and(|line| (8..20).contains(&line)), "{frame}");
        open(&host);
        assert_eq!(client.read().text(), "at last\n");
        std::fs::remove_file(host.folder().join("gate")).expect("the gate");
        wait_for_none(&host);
    }
}

#[test]
fn a_stripped_library_gives_its_build_id_and_the_offset_in_the_file() {
    let (folder, library) = (Folder::new(), lab_library());
    let bare = stripped(&library, &folder);
    let host = Host::start(Spec::new().plugin("lab", &bare), "threaded");
    let mut client = begin(&host, "/block");
    wait_for_one(&host, "in handler");
    let frames = frames(&host);
    let frame = of_plugin(&frames, "lab");
    let inspected = run(["inspect", &bare.display().to_string(), "--format", "json"]).stdout;
    let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
    let build_id = inspected["build_id"].as_str().unwrap_or_else(|| panic!("no build id: {inspected:#}"));
    assert_eq!((&frame["function"], &frame["build_id"]), (&Value::Null, &build_id.into()), "{frame}");
    let offset = frame["offset"].as_str().and_then(|offset| offset.strip_prefix("0x")).expect("an offset");
    let offset = u64::from_str_radix(offset, 16).expect("hex");
    assert!(
        place(&library, "block").contains(&offset),
        "{offset:#x} is not in {:x?}",
        place(&library, "block")
    );
    let text = host.ctl(["stack"]).stdout;
    assert!(text.contains(&format!("  lab/1  liblab.so+{offset:#x} (build id {build_id})\n")), "{text}");
    open(&host);
    client.read();
}

#[test]
fn a_request_is_asked_for_by_its_id_also_when_no_thread_runs_its_handler() {
    let host = Host::start(lab(), "threaded");
    assert_eq!(host.ctl(["stack"]).stdout, "no request is in flight\n");
    let mut client = begin(&host, "/pending");
    let request = wait_for_one(&host, "waiting");
    let nowhere = "1 request is in flight, and in no handler\n";
    eventually("its handler waits to be woken", || host.ctl(["stack"]).stdout == nowhere);
    let id = request["id"].as_str().expect("text");
    let text = host.ctl(["stack", id]).stdout;
    assert!(text.starts_with(&format!("{id}  GET /pending, lab/1 1.0.0")), "{text}");
    assert!(text.ends_with("old: no thread runs its handler\n"), "{text}");
    let unknown = host.ctl(["stack", "nobody"]);
    assert_eq!(unknown.code, Some(1));
    assert_eq!(
        unknown.stderr,
        "host: no request `nobody` is in flight\nhelp: `host ctl requests` lists those that are\n"
    );
    open(&host);
    client.read();
}

#[test]
fn a_worker_that_was_stopped_has_stacks_and_stays_stopped() {
    on_servers(&at_once(), |server| {
        let host = Host::start(lab_without_heartbeat(), server);
        let (worker, mut client) = (host.worker_pid(), begin(&host, "/block"));
        wait_for_one(&host, "in handler");
        signal(worker, Signal::STOP);
        let state = || {
            let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).expect("a process");
            stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).expect("a state")
        };
        eventually("the worker is stopped", || state() == 'T');
        assert_eq!(of_plugin(&frames(&host), "lab")["function"], "block");
        assert_eq!(state(), 'T');
        signal(worker, Signal::CONT);
        open(&host);
        assert_eq!(client.read().text(), "unblocked\n");
    });
}

#[test]
fn a_handler_of_an_old_generation_is_told_from_one_of_the_new() {
    let host = Host::start(lab().timeouts("drain = '100ms'"), "threaded");
    let mut old = begin(&host, "/block");
    wait_for_one(&host, "in handler");
    host.swap("lab");
    let mut new = begin(&host, "/block");
    eventually("both are in their handlers", || {
        let requests = super::requests(&host);
        requests.len() == 2 && requests.iter().all(|one| one["state"] == "in handler")
    });
    let stacks = ctl(&host, &["stack"]);
    let of = |index: usize| {
        let frames = stacks["stacks"][index]["frames"].as_array().expect("frames");
        of_plugin(frames, "lab")["generation"].as_u64()
    };
    assert_eq!((of(0), of(1)), (Some(1), Some(2)), "{stacks:#}");
    open(&host);
    assert_eq!((old.read().text(), new.read().text()), ("unblocked\n", "unblocked\n"));
}

#[test]
fn a_host_without_a_supervisor_shows_its_own() {
    on_servers(&at_once(), |server| {
        let host = Host::with(lab(), server).arg("--no-supervisor").start();
        let mut client = begin(&host, "/block");
        wait_for_one(&host, "in handler");
        assert_eq!(of_plugin(&frames(&host), "lab")["function"], "block");
        open(&host);
        assert_eq!(client.read().text(), "unblocked\n");
    });
}

#[test]
fn sigusr1_writes_the_stacks_of_handlers_that_have_been_running_for_a_second() {
    for no_supervisor in [false, true] {
        let host = Host::with(lab(), "threaded");
        let host = if no_supervisor { host.arg("--no-supervisor").start() } else { host.start() };
        let mut client = begin(&host, "/block");
        eventually("it has been running for a second", || {
            wait_for_one(&host, "in handler")["age_ms"].as_u64() > Some(1100)
        });
        host.signal(Signal::USR1);
        host.wait_for_line("stacks of handlers:");
        host.wait_for_line("  lab/1  block");
        open(&host);
        assert_eq!(client.read().text(), "unblocked\n");
    }
}
