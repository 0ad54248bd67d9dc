//! Processes that die at the worst moments.

use super::{crash, kill, serving, shop, shop_app, workers};
use crate::harness::{Client, eventually};
use rustix::process::Signal;
use std::time::Duration;

#[test]
fn each_worker_in_turn_may_be_killed_under_load_and_only_its_own_requests_are_lost() {
    let host = crash("3").arg("--set").arg("supervisor.failures=100").start();
    let address = host.address();
    let (mut answered, mut lost) = (0, 0);
    for _ in 0..6 {
        let pids = workers(&host, 3);
        std::thread::scope(|threads| {
            let callers: Vec<_> = (0..3)
                .map(|_| {
                    threads.spawn(|| {
                        let ask = |_| Client::connect(&address).try_get("/").is_ok();
                        (0..40).map(ask).filter(|answered| *answered).count()
                    })
                })
                .collect();
            kill(*pids.first().expect("one"), Signal::KILL);
            for caller in callers {
                let count = caller.join().expect("nobody is refused");
                (answered, lost) = (answered + count, lost + 40 - count);
            }
        });
    }
    // Each worker has one thread: it takes one connection with it, and what it was about to accept is accepted by another.
    assert!(lost <= 6 && answered >= 6 * 120 - 6, "{lost} lost, {answered} answered");
}

#[test]
fn a_crash_costs_its_worker_only() {
    let host = crash("2").start();
    let before = workers(&host, 2);
    assert!(host.connect().try_get("/abort").is_err());
    host.wait_for_line("was killed by SIGABRT; starting another (1 of 6 within 1m)");
    assert_eq!(workers(&host, 2).intersection(&before).count(), 1);
    assert_eq!(host.get("/").status, 200);
}

#[test]
fn crashes_of_all_workers_count_together_and_too_many_end_the_host() {
    let host = crash("2").arg("--set").arg("supervisor.failures=3").start();
    for _ in 0..3 {
        let aborted = Client::try_connect(&host.address()).map(|mut client| client.try_get("/abort"));
        if aborted.is_none_or(|answer| answer.is_ok()) {
            break;
        }
    }
    let output = host.wait();
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("not starting another (3 of 3 within 1m)"), "{output:?}");
}

#[test]
fn the_first_worker_of_a_roll_may_crash_and_nothing_has_changed() {
    let host = crash("2").start();
    let before = workers(&host, 2);
    std::fs::write(host.folder().join("crash-at-start"), "").expect("a file");
    let output = host.ctl(["swap", "crash", "--force"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("which was to carry the change out, was killed by SIGABRT"), "{output:?}");
    assert_eq!(workers(&host, 2), before);
    assert_eq!(host.get("/").status, 200);
}

#[test]
fn a_stop_in_the_middle_of_a_roll_ends_both_sets() {
    let host = shop_app("prefork").arg("--workers").arg("2").start();
    workers(&host, 2);
    std::thread::scope(|threads| {
        let swap = threads.spawn(|| host.ctl(["swap", &format!("shop={}", shop("2").display())]));
        eventually("a roll is under way", || {
            host.wait_for_end(Duration::ZERO).is_some() || host.log().contains("finishes what it began")
        });
        let output = host.stop();
        assert_eq!(output.code, Some(0), "{output:?}");
        swap.join().expect("an answer, whatever it is");
    });
}

#[test]
fn a_roll_that_is_asked_for_while_the_host_stops_is_refused() {
    let host = crash("1").start();
    let mut blocked = host.connect();
    blocked.send("GET /block HTTP/1.1\r\nhost: a\r\n\r\n");
    host.wait_for_line("blocking");
    host.signal(Signal::TERM);
    eventually("it stops", || host.status()["state"] == "stopping");
    let output = host.ctl(["swap", "crash", "--force"]);
    assert_eq!((output.code, output.stderr.trim_end()), (Some(1), "host: the host stops"), "{output:?}");
    std::fs::write(host.folder().join("gate"), "").expect("a file");
    assert_eq!(blocked.read().text(), "unblocked\n");
    assert_eq!(host.wait().code, Some(0));
}

#[test]
fn a_generation_that_was_rolled_in_is_what_a_worker_that_dies_comes_back_with() {
    let host = shop_app("prefork").arg("--workers").arg("2").start();
    assert_eq!(host.ctl(["swap", &format!("shop={}", shop("2").display())]).code, Some(0));
    let before = workers(&host, 2);
    before.iter().for_each(|pid| kill(*pid, Signal::KILL));
    eventually("others are there", || workers(&host, 2).intersection(&before).count() == 0);
    assert_eq!(serving(&host)["version"], "2");
}
