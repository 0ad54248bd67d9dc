//! A worker that makes room for another one: clients who keep their connections do not notice.

use super::{crash, crash_library, pid_that_answers};
use crate::harness::{Callers, Client, Folder, Host, Spec, eventually, for_each_server};
use std::time::{Duration, Instant};

/// On `single` a second client would make the first one's connection give way.
fn clients(server: &str) -> usize {
    if server == "single" { 1 } else { 8 }
}

#[test]
fn kept_connections_see_no_restart() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let callers = Callers::of(host.address(), "/pid");
        let mut workers = Vec::new();
        callers.call(clients(server), || {
            for _ in 0..3 {
                callers.wait_for_more(200);
                workers.push(host.worker_pid());
                let output = host.ctl(["restart"]);
                assert_eq!(output.code, Some(0), "{output:?}");
            }
            callers.wait_for_more(200);
            for worker in &workers {
                host.wait_for_line(&format!("worker {worker} has finished"));
            }
        });
        workers.push(host.worker_pid());
        let (mut answered, mut workers): (Vec<String>, Vec<String>) =
            (callers.texts(), workers.iter().map(u32::to_string).collect());
        answered.sort_unstable();
        workers.sort_unstable();
        assert_eq!(answered, workers, "each of them has answered");
    });
}

#[test]
fn a_kept_connection_has_one_more_answer_which_says_that_it_is_the_last() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let (mut kept, mut silent) = (host.connect(), None);
        let first = kept.get("/pid").text().to_owned();
        if server != "single" {
            silent = Some(host.connect());
            // It is accepted: another one that came later was served.
            assert_eq!(host.get("/pid").text(), first);
        }
        assert_eq!(host.ctl(["restart"]).code, Some(0));
        eventually("the new one answers", || pid_that_answers(&host).to_string() != first);
        for client in std::iter::once(&mut kept).chain(&mut silent) {
            assert!(client.is_quiet_for(Duration::from_millis(100)), "it was closed");
            let answer = client.get("/pid");
            assert_eq!((answer.text(), answer.header("connection")), (first.as_str(), Some("close")));
            client.wait_for_end();
        }
        host.wait_for_line(&format!("worker {first} has finished"));
    });
}

#[test]
fn a_connection_that_is_kept_and_not_used_ends_at_the_drain_deadline() {
    for_each_server(|server| {
        let host = Host::start(crash().timeouts("drain = '1s'"), server);
        let mut kept = host.connect();
        let first = kept.get("/pid").text().to_owned();
        let began = Instant::now();
        assert_eq!(host.ctl(["restart"]).code, Some(0));
        let (_, rest) = kept.wait_for_end();
        assert!(began.elapsed() >= Duration::from_secs(1), "after {:?}", began.elapsed());
        assert_eq!(rest, b"");
        host.wait_for_line(&format!("worker {first} has finished"));
    });
}

#[test]
fn a_host_that_stops_waits_for_no_connection_of_a_worker_that_retires() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let mut kept: Client = host.connect();
        kept.get("/pid");
        assert_eq!(host.ctl(["restart"]).code, Some(0));
        let began = Instant::now();
        assert_eq!(host.stop().code, Some(0));
        assert!(began.elapsed() < Duration::from_secs(8), "took {:?}", began.elapsed());
        kept.wait_for_end();
    });
}

#[test]
fn a_worker_that_retires_leaves_changes_to_the_one_that_takes_over() {
    let folder = Folder::new();
    let library = folder.write("libcrash.so", std::fs::read(crash_library()).expect("a library"));
    let spec = Spec::new().plugin("crash", &library);
    let host = Host::with(spec, "threaded").arg("--watch").start();
    let mut kept = host.connect();
    let first = kept.get("/pid").text().to_owned();
    assert_eq!(host.ctl(["restart"]).code, Some(0));
    let other = std::fs::read(crash_library()).expect("a library");
    // The same code, and another file.
    folder.write("libcrash.so", [other, vec![0; 8]].concat());
    host.wait_for_line("crash 1.0.0 -> 1.0.0 (generation 1 -> 2)");
    let answer = kept.get("/pid");
    assert_eq!((answer.text(), answer.header("connection")), (first.as_str(), Some("close")));
    host.wait_for_line(&format!("worker {first} has finished"));
    assert_eq!(host.log().matches("(generation 1 -> 2)").count(), 1, "{}", host.log());
    assert_eq!(host.status()["listeners"].as_array().map(Vec::len), Some(1));
}
