//! A host that stops while a swap is under way, and a swap that comes while it stops.

use super::{app, let_go, library, swap, waiting, while_it_waits};
use crate::harness::{Host, Spec, for_each_server, plugin_from_c};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Far less than any deadline that a test does not set.
const LATE: Duration = Duration::from_secs(8);

#[test]
fn a_swap_that_waits_in_a_plugin_keeps_no_host_from_stopping() {
    for_each_server(|server| {
        for step in ["constructor", "create", "start", "load"] {
            let host = Host::start(app(), server);
            let began = Instant::now();
            let output = while_it_waits(&host, &waiting("2", step), step, || {
                let stopped = host.stop();
                assert_eq!(stopped.code, Some(0), "in {step}: {stopped:?}");
            });
            assert!(began.elapsed() < LATE, "in {step}: took {:?}", began.elapsed());
            assert_ne!(output.code, Some(0), "nobody can say that it was done: {output:?}");
        }
    });
}

#[test]
fn a_swap_whose_old_generation_hangs_keeps_no_host_from_stopping() {
    for_each_server(|server| {
        for step in ["stop", "destroy"] {
            let spec = Spec::new().plugin("fickle", &waiting("1", step)).timeouts("shutdown = '500ms'");
            let host = Host::start(spec.text("[swap]\nkeep = 0"), server);
            let began = Instant::now();
            while_it_waits(&host, &library("2"), step, || {
                let stopped = host.stop();
                assert_eq!(stopped.code, Some(1), "{stopped:?}");
                let named = format!("host: plugin `fickle`: {step}: did not return within 500ms");
                assert!(stopped.stderr.contains(&named), "no `{named}` in {stopped:?}");
            });
            assert!(began.elapsed() < LATE, "in {step}: took {:?}", began.elapsed());
        }
    });
}

#[test]
fn a_swap_that_goes_on_while_the_host_stops_is_finished_or_not_begun() {
    for_each_server(|server| {
        let host = Host::start(app(), server);
        while_it_waits(&host, &waiting("2", "create"), "create", || {
            host.signal(Signal::TERM);
            let_go(&host, "create");
            let stopped = host.wait();
            assert_eq!(stopped.code, Some(0), "{stopped:?}");
            assert!(!stopped.stderr.contains("panicked"), "{stopped:?}");
        });
    });
}

#[test]
fn a_swap_that_comes_while_the_host_stops_is_refused_and_what_runs_is_finished() {
    for_each_server(|server| {
        let lab = plugin_from_c("lab", include_str!("../servers/lab.c"));
        let host = Host::start(app().plugin("lab", &lab).text("mount = '/lab'"), server);
        let mut client = host.connect();
        let gate = host.folder().join("gate").display().to_string();
        client.send_head("GET", "/lab/pending", &[("x-gate", &gate)]);
        host.wait_for_line("INFO pending");
        host.signal(Signal::TERM);
        crate::harness::eventually("it stops", || host.status()["state"] == "stopping");
        let output = swap(&host, &library("2"));
        assert_eq!((output.code, output.stderr.as_str()), (Some(1), "host: the host stops\n"), "{output:?}");
        host.folder().write("gate", "");
        assert_eq!(client.read().text(), "at last\n");
        assert_eq!(host.wait().code, Some(0));
    });
}
