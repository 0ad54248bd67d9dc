//! `host ctl requests`, and SIGUSR1.

use super::{begin, ctl, lab, lab_without_heartbeat, open, requests, signal, wait_for_none, wait_for_one};
use crate::harness::{Client, Host, at_once, eventually, for_each_server, on_servers};
use rustix::process::Signal;
use std::time::Duration;

#[test]
fn a_handler_that_runs_is_listed_with_all_that_is_known_of_it() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        let mut client = begin(&host, "/block?secret=1");
        let request = wait_for_one(&host, "in handler");
        let (worker, thread) = (host.worker_pid(), &request["thread"]);
        assert_eq!((&request["method"], &request["path"]), (&"GET".into(), &"/block".into()));
        assert_eq!(request["route"], serde_json::json!({ "method": "GET", "rule": "/block" }));
        assert_eq!((&request["plugin"], &request["version"]), (&"lab".into(), &"1.0.0".into()));
        assert_eq!((&request["generation"], &request["pid"]), (&1.into(), &worker.into()));
        assert!(
            request["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")),
            "{request}"
        );
        assert!(request["age_ms"].is_u64(), "{request}");
        assert!(std::path::Path::new(&format!("/proc/{worker}/task/{thread}")).exists(), "{request}");

        let text = host.ctl(["requests"]).stdout;
        let (id, process) = (request["id"].as_str().expect("text"), format!("{worker}, thread {thread}"));
        for part in ["1 request in flight\n", id, "in handler", "GET /block", "lab/1 1.0.0", &process] {
            assert!(text.contains(part), "`{part}` is missing:\n{text}");
        }
        open(&host);
        assert_eq!(client.read().text(), "unblocked\n");
        wait_for_none(&host);
        assert_eq!(host.ctl(["requests"]).stdout, "no request is in flight\n");
    });
}

#[test]
fn a_handler_that_waits_is_on_no_thread_and_its_id_is_that_of_the_log() {
    for_each_server(|server| {
        let host = Host::start(lab().timeouts("handler = '3s'"), server);
        let mut client = begin(&host, "/pending");
        let request = wait_for_one(&host, "waiting");
        assert!(request["thread"].is_null(), "{request}");
        assert_eq!(request["plugin"], "lab");
        let id = request["id"].as_str().expect("text");
        assert!(client.read().expect(504).text().contains(id), "{request}");
        assert!(host.wait_for_line("the handler did not answer in time").contains(id), "{request}");
    });
}

#[test]
fn a_handler_on_a_thread_of_the_pool_is_listed_once() {
    on_servers(&["actix"], |server| {
        let host = Host::start(lab(), server);
        let mut client = begin(&host, "/block-elsewhere");
        let request = wait_for_one(&host, "in handler");
        let comm = format!("/proc/{}/task/{}/comm", request["pid"], request["thread"]);
        let comm = std::fs::read_to_string(comm).expect("a thread");
        assert!(!comm.starts_with("actix"), "{comm}");
        open(&host);
        assert_eq!(client.read().text(), "unblocked\n");
        wait_for_none(&host);
    });
}

#[test]
fn a_body_that_comes_slowly_is_being_read_whoever_reads_it() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        for path in ["/length", "/read"] {
            let mut client = host.connect();
            client.send(format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabc"));
            let request = wait_for_one(&host, "reading");
            assert_eq!((&request["path"], &request["plugin"]), (&path.into(), &"lab".into()));
            client.send("de");
            assert!(client.read().text().starts_with("5 "));
            wait_for_none(&host);
        }
    });
}

#[test]
fn an_answer_that_is_taken_slowly_is_being_written() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        for path in ["/large/30000000", "/flood"] {
            let mut client = Client::connect_narrow(&host.address());
            client.send_head("GET", path, &[]);
            let request = wait_for_one(&host, "writing");
            assert_eq!((&request["path"], &request["plugin"]), (&path.into(), &"lab".into()));
            drop(client);
            wait_for_none(&host);
        }
    });
}

#[test]
fn a_stream_that_is_quiet_waits() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        let mut client = begin(&host, "/write/1");
        client.wait_for_bytes("begin");
        wait_for_one(&host, "waiting");
        host.folder().write("gate.0", "");
        assert_eq!(client.read().text(), "begin\nchunk 0\n");
        wait_for_none(&host);
    });
}

#[test]
fn what_has_no_route_has_no_plugin_and_an_idle_connection_is_no_request() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        let mut client = host.connect();
        assert_eq!(client.get("/nowhere").status, 404);
        wait_for_none(&host);
    });
}

#[test]
fn the_supervisor_lists_what_a_worker_does_that_was_stopped() {
    on_servers(&at_once(), |server| {
        let host = Host::start(lab_without_heartbeat(), server);
        let (worker, mut client) = (host.worker_pid(), begin(&host, "/block"));
        let before = wait_for_one(&host, "in handler");
        signal(worker, Signal::STOP);
        let age = |request: &serde_json::Value| request["age_ms"].as_u64().expect("a number");
        eventually("its age grows", || age(&wait_for_one(&host, "in handler")) > age(&before));
        assert_eq!(wait_for_one(&host, "in handler")["id"], before["id"]);
        signal(worker, Signal::CONT);
        open(&host);
        assert_eq!(client.read().text(), "unblocked\n");
    });
}

#[test]
fn all_workers_are_listed_the_oldest_request_first_and_only_so_many() {
    let host = Host::start(lab(), "threaded");
    let first = host.worker_pid();
    let mut clients = vec![begin(&host, "/block")];
    wait_for_one(&host, "in handler");
    assert_eq!(host.ctl(["restart"]).code, Some(0));
    for count in 2..=4 {
        // The coarse clock has to move on between two of them.
        let shown = requests(&host)[count - 2]["age_ms"].as_u64().expect("a number");
        eventually("some time passes", || requests(&host)[count - 2]["age_ms"].as_u64() > Some(shown + 20));
        clients.push(begin(&host, "/pending"));
        eventually("it is in flight", || requests(&host).len() == count);
    }
    let all = requests(&host);
    let ages: Vec<u64> = all.iter().filter_map(|one| one["age_ms"].as_u64()).collect();
    assert!(ages.is_sorted_by(|older, younger| older >= younger), "{ages:?}");
    assert_eq!((&all[0]["pid"], &all[1]["pid"]), (&first.into(), &host.worker_pid().into()));
    let some = ctl(&host, &["requests", "--limit", "1"]);
    assert_eq!((&some["count"], &some["more"]), (&4.into(), &3.into()));
    assert_eq!(some["requests"].as_array().map(Vec::len), Some(1));
    let text = host.ctl(["requests", "--limit", "1"]).stdout;
    assert!(text.starts_with("4 requests in flight\n") && text.ends_with("\n  and 3 more\n"), "{text}");
    open(&host);
    clients.iter_mut().for_each(|client| drop(client.read()));
}

#[test]
fn sigusr1_has_it_say_so_in_the_log_and_does_nothing_to_a_worker() {
    for_each_server(|server| {
        let host = Host::start(lab(), server);
        host.signal(Signal::USR1);
        host.wait_for_line("no request is in flight");
        let (worker, mut client) = (host.worker_pid(), begin(&host, "/pending"));
        wait_for_one(&host, "waiting");
        signal(worker, Signal::USR1);
        host.signal(Signal::USR1);
        host.wait_for_line("1 request in flight");
        host.wait_for_line("GET /pending");
        open(&host);
        assert_eq!(client.read().text(), "at last\n");
        assert_eq!(host.worker_pid(), worker);
    });
}

#[test]
fn a_host_without_a_supervisor_answers_for_itself() {
    on_servers(&at_once(), |server| {
        let host = Host::with(lab(), server).arg("--no-supervisor").start();
        let mut client = begin(&host, "/block").patience(Duration::from_secs(20));
        let request = wait_for_one(&host, "in handler");
        assert_eq!((&request["pid"], &request["plugin"]), (&host.pid().into(), &"lab".into()));
        host.signal(Signal::USR1);
        host.wait_for_line("1 request in flight");
        open(&host);
        assert_eq!(client.read().text(), "unblocked\n");
    });
}
