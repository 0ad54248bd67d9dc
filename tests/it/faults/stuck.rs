//! Handlers that never return: with too many of them another worker takes over, and the old one ends all the same.

use super::{app, let_go, serving, wait_for_another_worker};
use crate::harness::{Callers, Client, Host, Spec, eventually};

const DEADLINES: &str = "handler = '1500ms'\ndrain = '500ms'\nshutdown = '3s'";

fn starting(limits: &str) -> Spec {
    app().timeouts(DEADLINES).limits(limits)
}

/// Requests that never end, on connections of their own.
fn block(host: &Host, path: &str, count: usize) -> Vec<Client> {
    let begin = |_| {
        let mut client = host.connect();
        client.send_head("GET", path, &[]);
        client
    };
    (0..count).map(begin).collect()
}

/// The worker asks once, another one takes over, and it ends although it has threads that do not.
#[track_caller]
fn is_replaced(host: &Host, worker: u32, why: &str) {
    let line = host.wait_for_line(&format!("worker {worker} asks to be replaced: "));
    assert!(line.ends_with(why), "not `{why}`: {line}");
    wait_for_another_worker(host, worker);
    host.wait_for_line(&format!(
        "worker {worker}, which was to finish what it began, ended with exit code 1"
    ));
    let left = host.wait_for_line("host: stopped, but left behind what never returned: GET /block");
    assert!(left.contains("(plugin fickle 1) for "), "{left}");
    assert_eq!(host.log().matches("asks to be replaced").count(), 1, "{}", host.log());
    assert_eq!(serving(host), ("version 1".to_owned(), 1));
    assert_eq!(host.status()["restarts"]["count"], 1, "no death is counted");
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn one_more_than_the_limit_and_another_worker_takes_over_which_no_client_notices() {
    for (server, path) in [("threaded", "/block"), ("actix", "/block-elsewhere"), ("pool", "/block")] {
        let host = Host::start(starting("stuck = 2"), server);
        let (worker, callers) = (host.worker_pid(), Callers::of(host.address(), "/"));
        callers.call(4, || {
            callers.wait_for_more(20);
            let _two = block(&host, path, 2);
            eventually("two are stuck", || host.log().matches("has not returned for").count() == 2);
            callers.wait_for_more(20);
            assert_eq!(host.worker_pid(), worker, "the limit is not passed yet");
            let _third = block(&host, path, 1);
            host.wait_for_line(&format!("worker {worker} asks to be replaced: "));
            wait_for_another_worker(&host, worker);
            callers.wait_for_more(20);
        });
        let why = format!(
            "3 handlers are past their deadlines and have not returned, 3 of GET {path} (plugin fickle 1); `stuck` in \
             [limits] is 2"
        );
        is_replaced(&host, worker, &why);
    }
}

#[test]
fn a_server_that_has_no_thread_left_is_replaced_whatever_the_limit_is() {
    let one = "a handler is past its deadline and has not returned: GET /block (plugin fickle 1); ";
    let two = |path: &str| {
        format!(
            "2 handlers are past their deadlines and have not returned, 2 of GET {path} (plugin fickle 1); "
        )
    };
    let cases = [
        ("single", "/block", 1, format!("{one}no thread is left for connections")),
        ("threaded", "/block", 2, two("/block") + "no thread is left for connections"),
        ("pool", "/block", 2, two("/block") + "no handler thread is left"),
        ("actix", "/block", 1, format!("{one}no event loop is left")),
        (
            "actix",
            "/block-elsewhere",
            2,
            two("/block-elsewhere") + "no thread is left for handlers that block",
        ),
    ];
    for (server, path, count, why) in cases {
        let host = Host::with(starting(""), server).arg("--threads=2").arg("--workers=1").start();
        let worker = host.worker_pid();
        let _stuck = block(&host, path, count);
        is_replaced(&host, worker, &why);
    }
}

#[test]
fn handlers_that_are_late_and_return_are_no_reason() {
    let host = Host::start(starting("stuck = 2"), "threaded");
    let worker = host.worker_pid();
    for round in 1..=3 {
        let late = block(&host, "/block", 2);
        eventually("they are late", || host.log().matches("has not returned for").count() == 2 * round);
        let_go(&host, "block");
        eventually("they return", || host.log().matches("INFO unblocked").count() == 2 * round);
        for mut client in late {
            assert_eq!(client.read().status, 504);
            client.wait_for_end();
        }
        std::fs::remove_file(host.folder().join("go-block")).expect("our own file");
    }
    assert!(!host.log().contains("asks to be replaced"), "{}", host.log());
    assert_eq!((host.worker_pid(), host.stop().code), (worker, Some(0)));
}
