//! Standard error that nobody reads.

use super::says_library;
use crate::harness::{Address, Client, Folder, eventually, host_binary};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, Stdio};

/// A host whose log nobody reads until its end.
fn unread(folder: &Folder, server: &str) -> Child {
    let library = says_library();
    folder.write("app.toml", format!("spec = 1\n[app]\nname = \"test\"\n[[plugin]]\npath = {library:?}\n"));
    let mut command = Command::new(host_binary());
    command.args([
        "--app",
        "app.toml",
        "--log-format",
        "json",
        "--bind",
        "unix:host.sock",
        "--server",
        server,
    ]);
    command.current_dir(folder.path()).env("XDG_RUNTIME_DIR", folder.path());
    command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program")
}

/// Stops it, and gives all that it wrote.
fn read_at_last(host: &mut Child) -> Vec<Value> {
    let mut pipe = host.stderr.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    });
    kill_process(Pid::from_child(host), Signal::TERM).expect("a process of our own");
    assert_eq!(host.wait().expect("a process of our own").code(), Some(0));
    let text = reader.join().expect("a reader").expect("text");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|cause| panic!("{cause}: `{line}`")))
        .collect()
}

#[test]
fn no_line_of_a_process_comes_into_the_middle_of_anothers() {
    const EACH: usize = 150;
    let folder = Folder::new();
    let mut host = unread(&folder, "prefork");
    let address = Address::Unix(folder.join("host.sock"));
    eventually("it listens", || Client::try_connect(&address).is_some());
    // More than a pipe holds: each worker waits with a part of it.
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..EACH {
                    Client::connect(&address).get("/say/x").expect(200);
                }
            });
        }
    });
    let lines = read_at_last(&mut host);
    let of_requests = lines.iter().filter(|line| line["request"].as_str().is_some_and(|id| id != "-"));
    assert_eq!(of_requests.count(), 4 * EACH * 3);
}

#[test]
fn no_request_waits_for_whoever_reads_the_log_and_what_is_dropped_is_counted() {
    for server in ["threaded", "actix"] {
        let folder = Folder::new();
        let mut host = unread(&folder, server);
        let address = Address::Unix(folder.join("host.sock"));
        eventually("it listens", || Client::try_connect(&address).is_some());
        let mut client = Client::connect(&address);
        // Each has three lines of this length: far more than a pipe and the queue hold.
        let path = format!("/say/{}", "x".repeat(7000));
        for _ in 0..400 {
            client.get(&path).expect(200);
        }
        drop(client);
        let lines = read_at_last(&mut host);
        let dropped: u64 = lines.iter().filter_map(|line| line["dropped"].as_u64()).sum();
        let of_requests = lines.iter().filter(|line| line["request"].as_str().is_some_and(|id| id != "-"));
        assert_eq!(of_requests.count() as u64 + dropped, 1200, "{server}: {dropped} were dropped");
        assert!(dropped > 0, "{server}");
    }
}
