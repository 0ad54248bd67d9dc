//! What `forking` does where others do it within one process.

use super::{LATE, begin, lab, open};
use crate::harness::{Client, Host, eventually};
use std::collections::BTreeSet;
use std::time::Instant;

/// The processes that the worker has forked, and that have not ended.
fn children(worker: u32) -> BTreeSet<u32> {
    let all = std::fs::read_to_string(format!("/proc/{worker}/task/{worker}/children")).unwrap_or_default();
    all.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Whatever its handler, its stream or its body was at: nothing has to be dropped.
pub(super) fn a_connection_that_ends_ends_its_process_with_all_that_is_in_it(server: &'static str) {
    let host =
        Host::start(lab().timeouts("handler = '1s'\nbody = '1s'\nwrite = '1s'\nkeep_alive = '1s'"), server);
    let worker = host.worker_pid();
    let begin_all = || {
        let mut clients: Vec<Client> = (0..4).map(|_| host.connect()).collect();
        clients[0].send_head("GET", "/pending", &[]);
        clients[1].send_head("GET", "/flood", &[]);
        clients[2].send_head("POST", "/read", &[("content-length", "100")]).send("x");
        clients[3].send_head("GET", "/write/1000000", &[]);
        eventually("each has a process", || children(worker).len() == 4);
        clients
    };
    drop(begin_all());
    eventually("the processes end when the clients go away", || children(worker).is_empty());
    let _silent = begin_all();
    eventually("and when the clients are too slow", || children(worker).is_empty());
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn the_limit_in_flight_is_of_a_process_and_so_of_one_request(server: &'static str) {
    let host = Host::start(lab().limits("in_flight = 1"), server);
    let mut running = [begin(&host, "/pending", "gate"), begin(&host, "/pending", "gate")];
    eventually("both are pending", || host.log().matches("INFO pending").count() == 2);
    assert_eq!(host.get("/").text(), "hello\n");
    open(&host, "gate");
    for client in &mut running {
        assert_eq!(client.read().text(), "at last\n");
    }
}

pub(super) fn a_sync_handler_that_never_returns_is_named_and_its_process_ends(server: &'static str) {
    let host = Host::start(lab().timeouts("shutdown = '500ms'"), server);
    let _client = begin(&host, "/block", "gate");
    host.wait_for_line("INFO blocking");
    let began = Instant::now();
    let output = host.stop();
    assert!(began.elapsed() < LATE, "took {:?}", began.elapsed());
    assert_eq!(output.code, Some(0), "{output:?}");
    let named = "stopped, but left behind what never returned: GET /block (plugin lab 1.0.0) for ";
    assert!(output.stderr.contains(named), "{output:?}");
}

pub(super) fn a_process_whose_handler_does_not_return_ends_and_the_worker_goes_on(server: &'static str) {
    let host = Host::start(lab().timeouts("handler = '200ms'"), server);
    let worker = host.worker_pid();
    let stuck: Vec<Client> = (0..5).map(|_| begin(&host, "/block", "gate")).collect();
    eventually("all are late", || {
        host.log().matches("no thread is left for connections: it ends").count() == 5
    });
    eventually("their processes have ended", || children(worker).is_empty());
    assert_eq!((host.get("/").text(), host.worker_pid()), ("hello\n", worker));
    drop(stuck);
}
