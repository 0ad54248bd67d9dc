//! `forking`: a process for each connection.

use super::{is_gone, kill, serving};
use crate::harness::{Callers, Client, Folder, Host, Spec, Starting, eventually, plugin_from_c, run_in};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn lifeline_with(define: &str) -> PathBuf {
    plugin_from_c("lifeline", &format!("{define}\n{}", include_str!("lifeline.c")))
}

fn lifeline() -> Starting {
    Host::with(Spec::new().plugin("lifeline", &lifeline_with("")), "forking")
}

/// The processes that did this, in the order of the file.
fn who(host: &Host, what: &str) -> Vec<u32> {
    let life = std::fs::read_to_string(host.folder().join("life")).unwrap_or_default();
    let lines = life.lines().filter_map(|line| line.strip_prefix(what)?.trim().parse().ok());
    lines.collect()
}

fn pid_of(client: &mut Client) -> u32 {
    client.get("/pid").text().parse().expect("a process id")
}

#[test]
fn each_connection_has_a_process_of_its_own_for_as_long_as_it_is_kept() {
    let host = lifeline().start();
    let mut clients: Vec<Client> = (0..3).map(|_| host.connect()).collect();
    let pids: BTreeSet<u32> = clients.iter_mut().map(pid_of).collect();
    assert_eq!(pids.len(), 3);
    assert!(!pids.contains(&host.worker_pid()) && !pids.contains(&host.pid()));
    for client in &mut clients {
        assert_eq!(
            [client.get("/count").text(), client.get("/count").text()],
            ["1", "2"],
            "memory is its own"
        );
        assert!(pids.contains(&pid_of(client)));
    }
    drop(clients);
    eventually("the processes end with their connections", || pids.iter().all(|pid| is_gone(*pid)));
    eventually("the worker counts what they answered", || serving(&host)["requests"] == 12);
}

#[test]
fn a_plugin_is_created_in_the_worker_and_started_and_stopped_in_each_child() {
    let host = lifeline().start();
    assert_eq!(host.get("/").text(), "started\n");
    let mut kept = host.connect();
    let child = pid_of(&mut kept);
    assert_eq!(who(&host, "create"), [host.worker_pid()]);
    assert_eq!(who(&host, "start").last(), Some(&child));
    drop(kept);
    eventually("it is stopped", || who(&host, "stop").len() == 2);
    assert_eq!(host.stop().code, Some(0));
    assert_eq!(who(&host, "start").len(), 2, "never in the worker");
}

#[test]
fn a_plugin_with_a_thread_before_the_fork_is_refused_and_named() {
    let folder = Folder::new();
    let spec = Spec::new().plugin("eager", &lifeline_with("#define EAGER"));
    folder.write("app.toml", spec.as_str());
    let output = run_in(folder.path(), ["--app", "app.toml", "--server", "forking", "--bind", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(
        output.stderr.contains("cannot fork, since threads do not survive that: plugin `eager`: thread "),
        "{output:?}"
    );
    assert!(output.stderr.contains("help: start threads in `start`"), "{output:?}");
}

#[test]
fn a_swap_to_a_plugin_with_such_a_thread_is_refused_and_nothing_has_changed() {
    let host = lifeline().start();
    let eager = lifeline_with("#define EAGER");
    let output = host.ctl(["swap", &format!("lifeline={}", eager.display())]);
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(output.stderr.contains("cannot fork, since threads do not survive that"), "{output:?}");
    assert_eq!((host.get("/").status, &serving(&host)["generation"]), (200, &1.into()));
}

#[test]
fn a_crash_costs_its_connection_and_nothing_else() {
    let host = lifeline().start();
    let mut kept = host.connect();
    let (child, worker) = (pid_of(&mut kept), host.worker_pid());
    for _ in 0..3 {
        assert!(host.connect().try_get("/abort").is_err());
    }
    host.wait_for_line("which had one connection, was killed by SIGABRT");
    assert_eq!((pid_of(&mut kept), host.worker_pid()), (child, worker));
    assert_eq!(host.status()["restarts"]["count"], 0);
    kill(child, Signal::KILL);
    kept.wait_for_end();
    assert_eq!(host.get("/").status, 200);
}

#[test]
fn what_a_process_answered_is_counted_though_it_crashes_then_and_what_it_was_at_has_failed() {
    let host = lifeline().start();
    let mut client = host.connect();
    (0..5).for_each(|_| drop(client.get("/").expect(200)));
    eventually("each is counted when it was answered", || serving(&host)["requests"] == 5);
    assert_eq!(serving(&host)["failed"], 0);
    assert!(client.try_get("/abort").is_err());
    eventually("so is the one that crashed", || serving(&host)["requests"] == 6);
    let row = serving(&host);
    assert_eq!((&row["failed"], &row["in_flight"]), (&1.into(), &0.into()), "{row}");
    // Whoever ends without a word has answered, too.
    let mut client = host.connect();
    let child = pid_of(&mut client);
    eventually("it is counted", || serving(&host)["requests"] == 7);
    kill(child, Signal::KILL);
    client.wait_for_end();
    eventually("it is gone", || is_gone(child));
    let row = serving(&host);
    assert_eq!((&row["requests"], &row["failed"]), (&7.into(), &1.into()), "nothing was in flight: {row}");
}

#[test]
fn what_processes_are_at_is_in_flight_and_is_told_when_it_is_finished_on_the_old_generation() {
    let lab = plugin_from_c("lab", include_str!("../servers/lab.c"));
    let host = Host::start(Spec::new().plugin("lab", &lab), "forking");
    let gate = host.folder().join("gate").display().to_string();
    let mut clients: Vec<Client> = (0..3).map(|_| host.connect()).collect();
    for client in &mut clients {
        client.send_head("GET", "/block", &[("x-gate", &gate)]);
    }
    eventually("all are at work", || serving(&host)["in_flight"] == 3);
    let output = std::thread::scope(|threads| {
        let swap = threads.spawn(|| host.ctl(["swap", "lab", "--force"]));
        eventually("the new one answers", || serving(&host)["generation"] == 2);
        let of_old = || {
            let status = host.status();
            let rows = status["generations"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["generation"] == 1).expect("the old one")
        };
        assert_eq!((&of_old()["state"], &of_old()["in_flight"]), (&"draining".into(), &3.into()));
        host.folder().write("gate", "");
        swap.join().expect("an answer")
    });
    assert!(output.stdout.contains(": 3 requests during the swap, 0 failed, 3 finished on 1"), "{output:?}");
    clients.iter_mut().for_each(|client| assert_eq!(client.read().text(), "unblocked\n"));
}

#[test]
fn while_all_children_are_taken_others_wait_and_the_last_one_keeps_no_connection() {
    let host = lifeline().arg("--set").arg("server.options.children=2").start();
    let mut kept = host.connect();
    assert_eq!(kept.get("/").header("connection"), None);
    for _ in 0..5 {
        assert_eq!(host.get("/").header("connection"), Some("close"), "it was the last free place");
    }
    let mut silent = host.connect();
    let mut waits = host.connect();
    waits.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(waits.is_quiet_for(std::time::Duration::from_millis(200)), "both places are taken");
    assert_eq!(silent.get("/").status, 200);
    assert_eq!(waits.read().status, 200);
}

#[test]
fn a_handler_that_never_returns_is_answered_for_and_its_process_ends() {
    let host = Host::with(
        Spec::new().plugin("lifeline", &lifeline_with("")).timeouts("handler = '300ms'"),
        "forking",
    );
    let host = host.start();
    let mut client = host.connect();
    let child = pid_of(&mut client);
    client.send("GET /forever HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(client.read().status, 504);
    eventually("its process ends", || is_gone(child));
    assert_eq!(host.get("/").status, 200);
}

#[test]
fn a_roll_tells_kept_connections_that_their_next_answer_is_the_last() {
    let host = lifeline().start();
    let mut kept = host.connect();
    let child = pid_of(&mut kept);
    let output = std::thread::scope(|threads| {
        let swap = threads.spawn(|| host.ctl(["swap", "lifeline", "--force"]));
        eventually("the new one answers", || serving(&host)["generation"] == 2);
        assert!(!swap.is_finished(), "an old process is there");
        // Its process is told by its worker, which was told before the new one was listed.
        eventually("it is told that an answer is the last", || {
            let answer = kept.get("/pid");
            assert_eq!(answer.text(), child.to_string());
            answer.header("connection") == Some("close")
        });
        kept.wait_for_end();
        swap.join().expect("an answer")
    });
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(is_gone(child));
}

#[test]
fn kept_connections_see_no_restart_and_no_swap() {
    let host = lifeline().start();
    let callers = Callers::of(host.address(), "/");
    callers.call(3, || {
        for command in [&["restart"][..], &["swap", "lifeline", "--force"], &["rollback", "lifeline"]] {
            callers.wait_for_more(30);
            let output = host.ctl(command.iter().copied());
            assert_eq!(output.code, Some(0), "{output:?}");
        }
        callers.wait_for_more(30);
    });
}

#[test]
fn a_handler_stops_the_host_from_its_own_process() {
    let host = lifeline().start();
    assert_eq!(host.get("/stop").text(), "stops\n");
    assert_eq!(host.wait().code, Some(0));
}

#[test]
fn everything_ends_with_the_supervisor_and_children_with_their_worker() {
    let host = lifeline().start();
    let mut kept = host.connect();
    let (child, worker) = (pid_of(&mut kept), host.worker_pid());
    kill(worker, Signal::KILL);
    eventually("its child ends, too", || is_gone(child));
    eventually("another worker is there", || host.worker_pid() != worker);
    let mut kept = host.connect();
    let (child, worker) = (pid_of(&mut kept), host.worker_pid());
    host.signal(Signal::KILL);
    host.wait();
    eventually("they are gone", || is_gone(worker) && is_gone(child));
}

#[test]
fn without_a_supervisor_it_does_not_serve() {
    let output = run_in(
        crate::harness::root(),
        [
            "--app",
            "examples/hello/app.toml",
            "--server",
            "forking",
            "--no-supervisor",
            "--bind",
            "127.0.0.1:0",
        ],
    );
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains("does not serve without a supervisor"), "{output:?}");
}
