//! `[timeouts] stuck_after`: the log has the stack of a handler that does not return.

use super::{begin, lab, open, requests, wait_for_one};
use crate::harness::{Host, Spec, at_once, eventually, example_plugin, on_servers};

pub(super) const REPORT: &str = " does not return, after ";

/// How often the request of that id was reported.
pub(super) fn reports(host: &Host, id: &str) -> usize {
    host.log().matches(&format!("the handler of {id}{REPORT}")).count()
}

/// The ids of the requests that are in a handler, the oldest first, once there are so many.
#[track_caller]
pub(super) fn running(host: &Host, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    eventually(&format!("{count} handlers run"), || {
        let all = requests(host);
        let running = all.iter().filter(|one| one["state"] == "in handler");
        ids = running.filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
        ids.len() == count
    });
    ids
}

#[track_caller]
pub(super) fn wait_for_report(host: &Host, id: &str) {
    eventually(&format!("{id} is reported"), || reports(host, id) > 0);
}

#[test]
fn each_request_that_is_stuck_is_reported_once_with_its_stack() {
    on_servers(&at_once(), |server| {
        let host = Host::start(lab().timeouts("stuck_after = '300ms'"), server);
        let path = if server == "actix" { "/block-elsewhere" } else { "/block" };
        let mut clients = Vec::new();
        for count in 1..=3 {
            clients.push(begin(&host, path));
            let ids = running(&host, count);
            wait_for_report(&host, &ids[count - 1]);
            // The first one was stuck for longer than the limit again and again.
            assert!(ids.iter().all(|id| reports(&host, id) == 1), "{ids:?}");
        }
        let line = host.wait_for_line(REPORT);
        assert!(line.contains("WARN the handler of "), "{line}");
        host.wait_for_line("  lab/1  block");
        open(&host);
        clients.iter_mut().for_each(|client| assert_eq!(client.read().text(), "unblocked\n"));
    });
}

#[test]
fn what_waits_without_a_thread_is_not_reported_and_what_blocks_in_a_poll_is() {
    let host = Host::start(lab().timeouts("stuck_after = '200ms'"), "threaded");
    let mut waiting = begin(&host, "/pending");
    let request = wait_for_one(&host, "waiting");
    let mut blocked = begin(&host, "/block");
    wait_for_report(&host, &running(&host, 1)[0]);
    assert_eq!(reports(&host, request["id"].as_str().expect("text")), 0);
    open(&host);
    assert_eq!((waiting.read().text(), blocked.read().text()), ("at last\n", "unblocked\n"));

    let stuck = Spec::new().plugin("shop", &example_plugin("stuck")).timeouts("stuck_after = '200ms'");
    let host = Host::start(stuck, "threaded");
    let mut client = begin(&host, "/stuck-later");
    wait_for_report(&host, &running(&host, 1)[0]);
    host.wait_for_line("stuck::wait_for_gate");
    open(&host);
    assert_eq!(client.read().text(), "at last\n");
}

#[test]
fn it_is_off_with_zero_and_a_new_spec_turns_it_on() {
    for no_supervisor in [false, true] {
        let host = Host::with(lab().timeouts("stuck_after = '0s'"), "threaded");
        let host = if no_supervisor { host.arg("--no-supervisor").start() } else { host.start() };
        let mut client = begin(&host, "/block");
        eventually("it runs", || wait_for_one(&host, "in handler")["age_ms"].as_u64() > Some(1500));
        assert!(!host.log().contains(REPORT));
        let reloaded = host.reload_spec(&lab().timeouts("stuck_after = '200ms'"));
        assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
        wait_for_report(&host, &running(&host, 1)[0]);
        host.wait_for_line("  lab/1  block");
        open(&host);
        client.read();
    }
}

#[test]
fn a_handler_of_a_worker_that_retires_is_watched_too() {
    let host = Host::start(lab().timeouts("stuck_after = '1s'"), "threaded");
    let mut old = begin(&host, "/block");
    let first = running(&host, 1);
    assert_eq!(host.ctl(["restart"]).code, Some(0));
    let mut new = begin(&host, "/block");
    let both = running(&host, 2);
    assert_eq!(both[0], first[0]);
    both.iter().for_each(|id| wait_for_report(&host, id));
    open(&host);
    assert_eq!((old.read().text(), new.read().text()), ("unblocked\n", "unblocked\n"));
}
