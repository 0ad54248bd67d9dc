//! Many swaps at once.

use super::{app, let_go, library, serving, swap_well, wait_until_at, waiting};
use crate::harness::{Callers, Host, Output, eventually, for_each_server, servers};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn swaps_of_two_plugins_at_the_same_time_do_not_undo_each_other() {
    for_each_server(|server| {
        let spec = app().text("mount = '/first'").plugin("other", &library("1")).text("mount = '/other'");
        let host = Host::start(spec, server);
        let swap = |plugin: &str, file: &Path| host.ctl(["swap", &format!("{plugin}={}", file.display())]);
        std::thread::scope(|threads| {
            let first = threads.spawn(|| swap("fickle", &waiting("2", "create")));
            wait_until_at(&host, "create");
            assert_eq!(swap("other", &library("3")).code, Some(0));
            assert_eq!(host.get("/other/").text(), "version 3");
            let_go(&host, "create");
            assert_eq!(first.join().expect("no panic").code, Some(0));
        });
        assert_eq!((host.get("/first/").text(), host.get("/other/").text()), ("version 2", "version 3"));
        // What is kept of each is what was before.
        for plugin in ["fickle", "other"] {
            let output: Output = host.ctl(["rollback", plugin]);
            assert_eq!(output.code, Some(0), "{output:?}");
        }
        assert_eq!((host.get("/first/").text(), host.get("/other/").text()), ("version 1", "version 1"));
    });
}

/// How many ask at once.
const SWAPS: usize = 1000;
/// How many connections the control socket takes at once; a client that finds it full tries again.
const FULL: &str = "clients are connected already";

/// Asks the control socket to swap to that file; the answer.
fn ask(socket: &Path, file: &Path) -> Option<Value> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(100))).ok()?;
    let command = json!({ "command": "swap", "plugin": "fickle", "file": file });
    writeln!(stream, "{command}").ok()?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).ok()?;
    serde_json::from_str(&answer).ok()
}

/// So many clients one after the other ask for the same file.
const IN_A_ROW: usize = 10;

/// A thousand clients at once, who ask for these files in turn; how many swaps there were of them.
fn swap_a_thousand_times(host: &Host, files: &[PathBuf]) -> usize {
    let socket = PathBuf::from(host.status()["control"].as_str().expect("a path"));
    let (answered, swapped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        for number in 0..SWAPS {
            let (socket, answered, swapped) = (&socket, &answered, &swapped);
            let one = move || loop {
                let Some(answer) = ask(socket, &files[number / IN_A_ROW % files.len()]) else { continue };
                if answer["text"].as_str().is_some_and(|text| text.contains(FULL)) {
                    std::thread::sleep(Duration::from_millis(50));
                    continue;
                }
                assert_eq!(answer["exit"], 0, "{answer}");
                let unchanged = answer["data"]["swaps"][0]["unchanged"] == true;
                swapped.fetch_add(usize::from(!unchanged), Ordering::Relaxed);
                answered.fetch_add(1, Ordering::Relaxed);
                return;
            };
            let client = std::thread::Builder::new().stack_size(128 << 10);
            client.spawn_scoped(threads, one).expect("a thread");
        }
    });
    assert_eq!(answered.load(Ordering::Relaxed), SWAPS);
    swapped.load(Ordering::Relaxed)
}

/// What the worker has: threads, descriptors, libraries.
fn holdings(host: &Host) -> (usize, usize, usize) {
    let process = format!("/proc/{}", host.worker_pid());
    let count = |of: &str| std::fs::read_dir(format!("{process}/{of}")).expect("a process").count();
    let maps = std::fs::read_to_string(format!("{process}/maps")).expect("maps");
    let libraries = maps.lines().filter(|line| line.contains("libfickle") && line.contains(" 00000000 "));
    (count("task"), count("fd"), libraries.count())
}

#[test]
fn a_thousand_swaps_at_once_are_all_answered_and_nothing_is_left_of_them() {
    // One after the other: each has a thousand clients.
    for server in servers() {
        // On a busy machine so many threads keep a worker from its supervisor for a while.
        let host = Host::start(app().text("[supervisor]\nheartbeat = '60s'"), server);
        // Each kind of thread that there will be is there, and one generation is kept.
        swap_well(&host, &library("2"));
        serving(&host);
        let before = holdings(&host);
        let callers = Callers::of(host.address(), "/");
        let alternating = [library("1"), library("2")];
        callers.call(1, || {
            let swapped = swap_a_thousand_times(&host, &alternating);
            assert!(swapped > 0, "none of them swapped");
            // The same one a thousand times is one swap at most: who comes while it waits has joined it.
            let swapped = swap_a_thousand_times(&host, &[library("3")]);
            assert!(swapped < SWAPS / 2, "{swapped} swaps");
        });
        assert_eq!(serving(&host).0, "version 3");
        drop(callers);
        let mut now = before;
        eventually(&format!("the worker has what it had before: {before:?}"), || {
            now = holdings(&host);
            now.0 <= before.0 && now.1 <= before.1 && now.2 <= before.2
        });
        assert_eq!(host.stop().code, Some(0));
    }
}
