//! Hosts that are broken on purpose: each is found out, by the right count.

use super::proxy::{Break, Proxy};
use super::{PATHS, Receipt, app};
use crate::harness::Host;
use std::time::Duration;

/// How many answers are broken.
const TIMES: u64 = 3;

/// What is done to answers, and how that is counted.
const WAYS: [(Break, &str, &str); 17] = [
    (Break::Reset, "reset", "before the answer"),
    (Break::ResetInBody, "reset", "bytes of the body"),
    (Break::Close, "closed", "connection closed"),
    (Break::CloseInHead, "closed", "connection closed"),
    (Break::CutBody, "short", "bytes of the body, then the end"),
    (Break::CutStream, "short", "bytes of the body, then the end"),
    (Break::Garbage, "malformed", "invalid HTTP version"),
    (Break::Delay(Duration::from_secs(2)), "late", "no whole answer within 1s"),
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
    let host = Host::with(app(), "threaded").start_quietly();
    for (how, way, said) in WAYS {
        let proxy = Proxy::start(&host, how, TIMES as usize);
        let receipt = Receipt::on(&host, proxy.url(), PATHS.into_iter().chain(["--swaps=6", "--timeout=1s"]));
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
}
