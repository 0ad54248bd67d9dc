//! Plugins that hang at a step of their life: the step has its deadline, and the next swap works.

use super::{
    app, let_go, library, serving, swap, swap_well, wait_for_another_worker, wait_until_at, waiting,
    while_it_waits,
};
use crate::harness::{Callers, Host, Output, Spec, for_each_server};
use std::time::{Duration, Instant};

/// The deadline of each step of a load.
const LOAD: &str = "load = '2s'";
/// Far more than that, and far less than any default.
const LATE: Duration = Duration::from_secs(15);

/// A swap to that library, under the eyes of a client that calls all the time; it must not take long.
fn swap_under_load(host: &Host, file: &std::path::Path) -> Output {
    let callers = Callers::of(host.address(), "/");
    callers.call(1, || {
        callers.wait_for_more(20);
        let began = Instant::now();
        let output = swap(host, file);
        assert!(began.elapsed() < LATE, "took {:?}", began.elapsed());
        callers.wait_for_more(20);
        output
    })
}

#[test]
fn a_new_generation_that_hangs_is_given_up_in_time_and_the_next_swap_works() {
    for_each_server(|server| {
        for step in ["create", "start", "load"] {
            let host = Host::start(app().timeouts(LOAD), server);
            let output = swap_under_load(&host, &waiting("2", step));
            assert_eq!(output.code, Some(78), "{output:?}");
            wait_until_at(&host, step);
            let said = format!("plugin `fickle`: {step}");
            assert!(output.stderr.contains(&said), "no `{said}` in {output:?}");
            assert!(output.stderr.contains(": did not return within 2s"), "{output:?}");
            assert!(output.stderr.contains("help: still served: fickle 1 (generation 1)"), "{output:?}");
            assert_eq!(serving(&host), ("version 1".to_owned(), 1));
            swap_well(&host, &library("3"));
            assert_eq!(serving(&host).0, "version 3");
        }
    });
}

#[test]
fn an_old_generation_that_hangs_in_save_is_given_up_in_time() {
    for_each_server(|server| {
        let spec = Spec::new().plugin("fickle", &waiting("1", "save")).timeouts(LOAD);
        let host = Host::start(spec, server);
        let output = swap_under_load(&host, &library("2"));
        assert_eq!(output.code, Some(78), "{output:?}");
        assert!(
            output.stderr.contains("plugin `fickle`: save, of generation 1: did not return within"),
            "{output:?}"
        );
        assert_eq!(serving(&host), ("version 1".to_owned(), 1));
        // Its state is not asked for, so it cannot hang there.
        let argument = format!("fickle={}", library("3").display());
        let output = host.ctl(["swap", &argument, "--without-state"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(serving(&host).0, "version 3");
    });
}

#[test]
fn an_old_generation_that_hangs_in_stop_or_destroy_stays_mapped_and_is_said() {
    for_each_server(|server| {
        for (step, keep) in [("stop", 1), ("destroy", 0)] {
            let spec = Spec::new().plugin("fickle", &waiting("1", step)).timeouts(LOAD);
            let host = Host::start(spec.text(&format!("[swap]\nkeep = {keep}")), server);
            let output = swap_under_load(&host, &library("2"));
            assert_eq!(output.code, Some(0), "{output:?}");
            let said =
                format!("generation 1 stays mapped: plugin `fickle`: {step}: did not return within 2s");
            assert!(output.stdout.contains(&said), "no `{said}` in {output:?}");
            assert_eq!(serving(&host), ("version 2".to_owned(), 2));
            let worker = host.worker_pid();
            swap_well(&host, &library("3"));
            assert_eq!(serving(&host).0, "version 3");
            let_go(&host, step);
            host.wait_for_line("fickle 1 (generation 1) unloaded");
            assert_eq!(host.worker_pid(), worker);
        }
    });
}

#[test]
fn a_new_generation_that_hangs_behind_a_closed_gate_opens_it_again() {
    for_each_server(|server| {
        for step in ["load", "start"] {
            let host = Host::start(app().text("handover = 'gate'").timeouts(LOAD), server);
            let output = swap_under_load(&host, &waiting("2", step));
            assert_eq!(output.code, Some(78), "{output:?}");
            assert!(output.stderr.contains(": did not return within 2s"), "{output:?}");
            assert_eq!(serving(&host), ("version 1".to_owned(), 1));
            swap_well(&host, &library("3"));
            assert_eq!(serving(&host).0, "version 3");
            let_go(&host, step);
            assert_eq!(host.stop().code, Some(0));
        }
    });
}

#[test]
fn a_kept_generation_that_hangs_when_it_is_started_again_is_given_up_in_time() {
    for_each_server(|server| {
        let spec = Spec::new().plugin("fickle", &waiting("1", "start-again")).timeouts(LOAD);
        let host = Host::start(spec, server);
        swap_well(&host, &library("2"));
        let began = Instant::now();
        let output = host.ctl(["rollback", "fickle"]);
        assert!(began.elapsed() < LATE, "took {:?}", began.elapsed());
        assert_eq!(output.code, Some(78), "{output:?}");
        assert!(output.stderr.contains("plugin `fickle`: start: did not return within 2s"), "{output:?}");
        assert_eq!(serving(&host), ("version 2".to_owned(), 2));
        let output = host.ctl(["rollback", "fickle"]);
        assert_eq!(output.code, Some(1), "it is not started a second time: {output:?}");
        let worker = host.worker_pid();
        swap_well(&host, &library("3"));
        swap_well(&host, &library("4"));
        assert_eq!(serving(&host), ("version 4".to_owned(), 4));
        let_go(&host, "start-again");
        host.wait_for_line("fickle 1 (generation 1) unloaded");
        assert_eq!(host.worker_pid(), worker);
    });
}

#[test]
fn new_connections_are_served_while_a_constructor_takes_its_time() {
    for_each_server(|server| {
        let host = Host::start(app(), server);
        let output = while_it_waits(&host, &waiting("2", "constructor"), "constructor", || {
            for _ in 0..20 {
                assert_eq!(host.connect().patience(LATE).get("/").expect(200).text(), "version 1");
            }
            let_go(&host, "constructor");
        });
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(serving(&host), ("version 2".to_owned(), 2));
    });
}

#[test]
fn after_a_constructor_that_hangs_another_worker_takes_over_and_no_client_notices() {
    for_each_server(|server| {
        let host = Host::start(app().timeouts(LOAD), server);
        let callers = Callers::of(host.address(), "/");
        callers.call(1, || {
            callers.wait_for_more(20);
            let (first, began) = (host.worker_pid(), Instant::now());
            let output = swap(&host, &waiting("2", "constructor"));
            assert!(began.elapsed() < LATE, "took {:?}", began.elapsed());
            assert_eq!(output.code, Some(78), "{output:?}");
            assert!(output.stderr.contains("did not return within 2s"), "{output:?}");
            let asked = host.wait_for_line(&format!("worker {first} asks to be replaced: "));
            assert!(asked.contains("libfickle.so has not returned"), "{asked}");
            wait_for_another_worker(&host, first);
            callers.wait_for_more(20);
            let said = swap_well(&host, &library("3"));
            assert!(said.starts_with("fickle 1 -> 3 (generation 1 -> 2): "), "{said}");
            callers.wait_for_more(20);
            // It has a thread that holds the loader's lock, and ends all the same.
            host.wait_for_line(&format!("worker {first} has finished"));
        });
        assert_eq!(callers.texts(), ["version 1", "version 3"]);
        assert_eq!(serving(&host), ("version 3".to_owned(), 2));
        assert_eq!(host.stop().code, Some(0));
    });
}
