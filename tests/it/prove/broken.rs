//! Hosts that are broken on purpose: each is found out, by the right count.

use super::proxy::{Break, Proxy};
use super::{PATHS, Receipt, app, generation};
use crate::harness::{Host, Spec, eventually, plugin_from_c};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;

/// How many answers are broken.
const TIMES: u64 = 3;
/// How many ways are tried on one host.
const WAYS_A_HOST: usize = 5;

/// What is done to answers, and how that is counted.
const WAYS: [(Break, &str, &str); 17] = [
    (Break::Reset, "reset", "before the answer"),
    (Break::ResetInBody, "reset", "bytes of the body"),
    (Break::Close, "closed", "connection closed"),
    (Break::CloseInHead, "closed", "connection closed"),
    (Break::CutBody, "short", "bytes of the body, then the end"),
    (Break::CutStream, "short", "bytes of the body, then the end"),
    (Break::Garbage, "malformed", "invalid HTTP version"),
    (Break::Delay(Duration::from_secs(8)), "late", "no whole answer within 4s"),
    (Break::Status, "status", "500 instead of 200"),
    (Break::MixHalf, "mixed", "` instead of `"),
    (Break::MixByte, "mixed", "` instead of `"),
    (Break::OtherBody, "mixed", "from byte 0 on"),
    (Break::LostByte, "mixed", "it is `` instead of `"),
    (Break::Earlier, "stranger", "before the request began"),
    (Break::Named("pages/999"), "stranger", "not current at any moment"),
    (Break::Named("nobody"), "stranger", "no such plugin"),
    (Break::Unnamed, "unnamed", "no header `x-host-generation`"),
];

#[test]
fn each_way_to_break_an_answer_is_found_and_counted() {
    // A proof waits more than it works: several at once, each on a host of its own.
    std::thread::scope(|threads| {
        for ways in WAYS.chunks(WAYS_A_HOST) {
            threads.spawn(move || {
                let host = Host::with(app(), "threaded").start_quietly();
                ways.iter().for_each(|(how, way, said)| check(&host, *how, way, said));
            });
        }
    });
}

#[track_caller]
fn check(host: &Host, how: Break, way: &str, said: &str) {
    let proxy = Proxy::start(host, how, TIMES as usize);
    let receipt = Receipt::on(host, proxy.url(), PATHS.into_iter().chain(["--swaps=6", "--timeout=4s"]));
    let output = &receipt.output;
    assert_eq!(proxy.broken() as u64, TIMES, "{how:?}: {output:?}");
    assert_eq!(receipt.failed(), [(way.to_owned(), TIMES)], "{how:?}: {output:?}");
    let requests = receipt.number("/requests/total");
    assert_eq!(receipt.reasons(), [format!("{TIMES} of {requests} requests failed")], "{how:?}");
    let failures = receipt.data["failures"].as_array().expect("failures");
    assert_eq!(failures.len() as u64, TIMES);
    for failure in failures {
        assert_eq!(failure["failed"], way);
        assert!(failure["said"].as_str().is_some_and(|text| text.contains(said)), "{how:?}: {failure:#}");
    }
}

#[test]
fn a_proxy_that_breaks_nothing_breaks_no_proof() {
    let host = Host::with(app(), "actix").start_quietly();
    let proxy = Proxy::start(&host, Break::Status, 0);
    let receipt = Receipt::on(&host, proxy.url(), PATHS.into_iter().chain(["--swaps=6"])).proved();
    assert_eq!((proxy.broken(), receipt.number("/swaps")), (0, 6));
}

/// A proof of `moody.c`: its receipt, and how often that said that it was in a bad mood.
fn proof_of_moods(name: &str, define: &str) -> (Receipt, u64) {
    let plugin = plugin_from_c(name, &format!("{define}\n{}", include_str!("moody.c")));
    let host = Host::with(Spec::new().plugin("moody", &plugin), "threaded").start_quietly();
    let receipt = Receipt::on(&host, &host.urls()[0], ["--swaps=5", "--timeout=2s", "--pause=50ms"]);
    let moods = host.log().matches("INFO in a bad mood").count() as u64;
    assert!(moods > 0, "{:?}", receipt.output);
    (receipt, moods)
}

#[test]
fn a_plugin_that_fails_now_and_then_is_found_out_and_each_failure_is_counted() {
    let (receipt, moods) = proof_of_moods("failing", "");
    assert_eq!(receipt.failed(), [("status".to_owned(), moods)], "{:?}", receipt.output);
    assert_eq!(receipt.data["failures"][0]["said"], "500 instead of 200");
}

#[test]
fn a_plugin_that_is_late_now_and_then_is_found_out_and_each_time_is_counted() {
    let (receipt, moods) = proof_of_moods("late", "#define LATE");
    assert_eq!(receipt.failed(), [("late".to_owned(), moods)], "{:?}", receipt.output);
    assert_eq!(receipt.data["failures"][0]["said"], "no whole answer within 2s");
}

#[test]
fn a_worker_that_dies_in_the_middle_is_found_out() {
    let host = Host::with(app(), "threaded").start_quietly();
    let worker = host.worker_pid();
    let receipt = std::thread::scope(|threads| {
        let proof = threads
            .spawn(|| Receipt::on(&host, &host.urls()[0], ["--swaps=100000", "--path=/", "--timeout=2s"]));
        // Not before the load has begun: swaps go on then.
        eventually("it swaps", || generation(&host) > 5);
        kill_process(Pid::from_raw(worker.cast_signed()).expect("a process"), Signal::KILL)
            .expect("a process of ours");
        proof.join().expect("a receipt")
    });
    let reasons = receipt.reasons().join("\n");
    assert!(reasons.contains("requests failed") || reasons.contains("failed: "), "{reasons}");
    assert!(receipt.failed().iter().all(|(way, _)| way != "mixed"), "{:?}", receipt.output);
}
