//! An independent client: `wrk` counts the same as the host, and sees no error while it swaps.

use super::proxy::{Break, Proxy};
use super::{app, pages};
use crate::harness::{Host, at_once, eventually, on_servers};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const CONNECTIONS: u64 = 6;
const SWAPS: u64 = 12;
/// Longer than all of it takes: an answer on a busy machine, and a test.
const LONG: &str = "100s";
const PACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/prove/pace.lua");

/// What it found.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    requests: u64,
    /// Its lines about errors.
    errors: Vec<String>,
}

fn start(url: &str) -> Child {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads=1", &format!("--connections={CONNECTIONS}")]);
    wrk.args(["--duration", LONG, "--timeout", LONG, "--script", PACE, url]).stdout(Stdio::piped());
    let wrk = wrk.spawn();
    let wrk = wrk.unwrap_or_else(|cause| panic!("cannot run wrk, which `tests/run` installs: {cause}"));
    eventually("wrk runs, and would end by SIGINT with its report", || catches(wrk.id(), Signal::INT));
    wrk
}

/// Whether a process has a handler for that signal.
fn catches(pid: u32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process of our own");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("its signals");
    let caught = u64::from_str_radix(caught.trim(), 16).expect("hex");
    caught & 1 << (signal.as_raw() - 1) != 0
}

/// Ends it.
fn found(wrk: Child) -> Found {
    kill_process(Pid::from_child(&wrk), Signal::INT).expect("a process of our own");
    let output = wrk.wait_with_output().expect("wrk has ended");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let requests = text.lines().find_map(|line| line.split_once(" requests in ")?.0.trim().parse().ok());
    let is_error = |line: &&str| line.contains("Socket errors") || line.contains("Non-2xx");
    let errors = text.lines().filter(is_error).map(|line| line.trim().to_owned()).collect();
    Found { requests: requests.unwrap_or_else(|| panic!("no count of requests:\n{text}")), errors }
}

/// What each generation has answered, as the host counts: it forgets those that it unloads.
#[derive(Default)]
struct Counted(BTreeMap<u64, u64>);

impl Counted {
    fn look(&mut self, host: &Host) {
        let status = host.ask(&json!({ "command": "status" }));
        for row in status["data"]["generations"].as_array().expect("generations") {
            let number = |name: &str| row[name].as_u64().expect("a number");
            self.0.insert(number("generation"), number("requests"));
        }
    }
}

/// Swaps from one build to the other, again and again, until it is enough.
fn swap(host: &Host, counted: &mut Counted, is_enough: impl Fn(u64) -> bool) {
    let mut files = [pages('B'), pages('A')].into_iter().cycle();
    let mut swaps = 0;
    while !is_enough(swaps) {
        let file = files.next();
        let answer = host.ask(&json!({ "command": "swap", "plugin": "pages", "file": file }));
        assert_eq!(
            (&answer["exit"], &answer["data"]["swaps"][0]["failed"]),
            (&0.into(), &0.into()),
            "{answer:#}"
        );
        swaps += 1;
        // The one that was replaced has answered its last request, and is kept until the next swap.
        counted.look(host);
        std::thread::sleep(Duration::from_millis(40));
    }
}

#[test]
fn wrk_sees_no_error_while_plugins_are_swapped_and_counts_as_the_host_does() {
    on_servers(&at_once(), |server| {
        for path in ["", "pending", "large"] {
            let (host, mut counted) = (Host::with(app(), server).start_quietly(), Counted::default());
            let wrk = start(&format!("{}{path}", host.urls()[0]));
            swap(&host, &mut counted, |swaps| swaps == SWAPS);
            let Found { requests, errors } = found(wrk);
            assert_eq!(errors, [] as [String; 0], "/{path} on {server}");
            assert!(requests > SWAPS, "{requests} requests");
            counted.look(&host);
            assert_eq!(counted.0.len() as u64, SWAPS + 1);
            let counted: u64 = counted.0.values().sum();
            // Those that wrk dropped when its time was over are the host's alone.
            let range = requests..=requests + CONNECTIONS;
            assert!(
                range.contains(&counted),
                "{counted} by the host, {requests} by wrk; /{path} on {server}"
            );
        }
    });
}

#[test]
fn wrk_sees_the_errors_of_a_host_that_is_broken_on_purpose() {
    for (how, said) in [(Break::Reset, "Socket errors"), (Break::Status, "Non-2xx or 3xx responses: 5")] {
        let host = Host::with(app(), "threaded").start_quietly();
        // Only answers that name a later generation are broken.
        assert_eq!(host.ask(&json!({ "command": "name-generations", "on": true }))["exit"], 0);
        let proxy = Proxy::start(&host, how, 5);
        let wrk = start(proxy.url());
        swap(&host, &mut Counted::default(), |swaps| swaps >= SWAPS && proxy.broken() == 5);
        let found = found(wrk);
        assert_eq!(proxy.broken(), 5, "{found:?}");
        assert!(found.errors.iter().any(|line| line.contains(said)), "{found:?}");
    }
}
