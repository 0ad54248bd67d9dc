//! Swaps where what is served changes with the processes.

use super::{answers, crash, serving, shop, shop_app, workers};
use crate::harness::{Callers, Host, Spec, eventually, on_servers};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

const SERVERS: &[&str] = crate::harness::PROCESSES;

#[test]
fn a_swap_is_a_new_set_of_workers_and_its_proof_counts_all_of_them() {
    on_servers(SERVERS, |server| {
        let host = shop_app(server).arg("--workers").arg("2").start();
        let callers = Callers::of(host.address(), "/");
        let output = callers.call(3, || {
            callers.wait_for_more(50);
            let output = host.ctl(["swap", &format!("shop={}", shop("2").display())]);
            callers.wait_for_more(50);
            output
        });
        assert_eq!(output.code, Some(0), "{output:?}");
        let line = output.stdout.lines().next().unwrap_or_default();
        assert!(line.starts_with("shop 1 -> 2 (generation 1 -> 2): "), "{line}");
        assert!(
            line.contains(" requests during the swap, 0 failed") && !line.contains(": 0 requests"),
            "{line}"
        );
        assert_eq!(host.log().matches("(generation 1 -> 2)").count(), 1, "it is said once: {}", host.log());
        assert_eq!(serving(&host)["version"], "2");
        let line = host.ctl(["swap", "shop", "--force"]).stdout;
        assert!(line.contains("; generation 1 unloaded"), "{line}");
    });
}

/// `serving` wants one, whenever it is asked.
#[test]
fn at_every_moment_of_a_roll_one_generation_is_listed_as_serving() {
    on_servers(SERVERS, |server| {
        let host = shop_app(server).arg("--workers").arg("2").start();
        std::thread::scope(|threads| {
            let swaps = threads.spawn(|| (0..4).for_each(|_| drop(host.ctl(["swap", "shop", "--force"]))));
            let mut seen = Vec::new();
            while !swaps.is_finished() {
                seen.push(serving(&host)["generation"].as_u64().expect("a number"));
            }
            assert!(seen.is_sorted(), "{seen:?}");
        });
        assert_eq!(serving(&host)["generation"], 5);
    });
}

#[test]
fn a_swap_that_is_refused_changes_nothing_and_its_exit_code_is_the_clients() {
    on_servers(SERVERS, |server| {
        let host = shop_app(server).arg("--workers").arg("2").start();
        let before = host.status()["workers"].to_string();
        let broken = host.folder().write("broken.so", "no library");
        let output = host.ctl(["swap", &format!("shop={}", broken.display())]);
        assert_eq!(output.code, Some(78), "{output:?}");
        assert!(output.stderr.contains("still served: shop 1"), "{output:?}");
        let output = host.ctl(["swap", "none"]);
        assert_eq!((output.code, output.stderr.contains("there are: shop")), (Some(2), true), "{output:?}");
        let pids = |workers: &str| workers.matches("\"pid\"").count();
        eventually("the one that tried is gone", || {
            pids(&host.status()["workers"].to_string()) == pids(&before)
        });
        assert_eq!(serving(&host)["generation"], 1);
    });
}

#[test]
fn what_has_not_changed_is_not_rolled() {
    let host = shop_app("prefork").arg("--workers").arg("2").start();
    let before = workers(&host, 2);
    let output = host.ctl(["swap", "shop"]);
    assert_eq!(output.stdout, "shop 1 (generation 1): unchanged, not swapped\n");
    assert_eq!(host.ctl(["reload-spec"]).stdout, "nothing differs\n");
    assert_eq!(workers(&host, 2), before);
}

#[test]
fn a_rollback_goes_back_and_what_was_swapped_in_by_name_stays() {
    let host = shop_app("prefork").arg("--workers").arg("2").start();
    let other = shop("2");
    assert_eq!(host.ctl(["swap", &format!("shop={}", other.display())]).code, Some(0));
    let output = host.ctl(["rollback", "shop"]);
    assert!(output.stdout.starts_with("shop 2 -> 1 (generation 2 -> 1): "), "{output:?}");
    assert_eq!(serving(&host)["version"], "1");
    // The file that was swapped in by name goes before that of the spec.
    let output = host.ctl(["swap", "shop"]);
    assert!(output.stdout.starts_with("shop 1 -> 2 (generation 1 -> 3): "), "{output:?}");
}

#[test]
fn a_new_spec_is_served_by_every_worker_at_its_addresses() {
    let spec = |bind: &str, prefix: &str| {
        let shop = Spec::new().plugin("shop", Path::new("libshop.so")).text(&format!("mount = '{prefix}'"));
        shop.text(&format!("[server]\nbind = [{bind}]"))
    };
    let library = std::fs::read(shop("1")).expect("a library");
    let starting = Host::with(spec("'127.0.0.1:0'", "/"), "prefork").file("libshop.so", library);
    let host = starting.arg("--workers").arg("2").bind_by_spec().start();
    let socket = host.folder().join("second.sock");
    let answer = host.reload_spec(&spec(&format!("'127.0.0.1:0', 'unix:{}'", socket.display()), "/new"));
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let data: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(data["listeners"]["added"], json!([format!("unix:{}", socket.display())]), "{data:#}");
    for _ in 0..10 {
        assert_eq!((host.get("/new/").status, host.get("/").status), (200, 404));
    }
    let answer = host.reload_spec(&spec("'127.0.0.1:0'", "/new"));
    let data: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(data["listeners"]["removed"], json!([format!("unix:{}", socket.display())]), "{data:#}");
    assert!(std::os::unix::net::UnixStream::connect(&socket).is_err());
}

#[test]
fn a_worker_that_is_started_again_serves_what_its_set_does_whatever_the_files_are_by_then() {
    let host = shop_app("prefork").arg("--workers").arg("2").start();
    let before = workers(&host, 2);
    host.folder().write("libshop.so", "no library any more");
    host.folder().write("app.toml", "no spec any more");
    super::kill(*before.first().expect("one"), rustix::process::Signal::KILL);
    eventually("another one is there", || workers(&host, 2) != before);
    assert_eq!(answers(&host, "/", 10).len(), 1);
    assert_eq!(serving(&host)["generation"], 1);
}

#[test]
fn a_hundred_swaps_at_once_are_few_and_all_are_answered() {
    let host = shop_app("prefork").arg("--workers").arg("2").start();
    let swap = json!({ "command": "swap", "plugin": "shop", "force": true });
    let numbers: BTreeSet<u64> = std::thread::scope(|threads| {
        let ask = || host.ask(&swap)["data"]["swaps"][0]["to"]["generation"].as_u64().expect("swapped");
        let asking: Vec<_> = (0..100).map(|_| threads.spawn(ask)).collect();
        asking.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(numbers.len() <= 20, "{numbers:?}");
    assert_eq!(serving(&host)["generation"].as_u64(), numbers.last().copied());
}

#[test]
fn sighup_rolls_what_has_changed_on_disk() {
    let host = shop_app("prefork").arg("--workers").arg("2").start();
    workers(&host, 2);
    host.folder().write("libshop.so", std::fs::read(shop("2")).expect("a library"));
    host.signal(rustix::process::Signal::HUP);
    host.wait_for_line("shop 1 -> 2 (generation 1 -> 2)");
    assert_eq!(serving(&host)["version"], "2");
}

#[test]
fn the_status_names_every_worker_with_its_generations() {
    let host = crash("2").start();
    workers(&host, 2);
    let status = host.status();
    for worker in status["workers"].as_array().expect("workers") {
        assert_eq!((&worker["generations"]["crash"], &worker["state"]), (&json!(1), &json!("serving")));
        assert!(worker["up_ms"].is_number());
    }
    assert_eq!(status["set"], json!({ "workers": 2, "rolls": true }));
}
