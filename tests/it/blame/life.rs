//! A plugin that crashes at a step of its life, in a swap and at other times.

use super::{app_of, crashing, in_place, library, serving, swap, wait_for_report};
use crate::harness::{Host, eventually, on_servers};

#[test]
fn a_crash_in_a_swap_is_blamed_on_whose_step_it_was_and_the_old_generation_serves() {
    on_servers(&in_place(), |server| {
        for (step, old, new, blamed) in [
            ("constructor", "", "constructor", ("2", 2)),
            ("create", "", "create", ("2", 2)),
            ("start", "", "start", ("2", 2)),
            ("load", "", "load", ("2", 2)),
            ("save", "save", "", ("1", 1)),
        ] {
            let host = Host::start(app_of(&crashing("1", old), ""), server);
            let output = swap(&host, &crashing("2", new));
            assert_eq!(output.stderr, "host: the worker ended before it was done\n", "{step}: {output:?}");
            let report = wait_for_report(&host, 0);
            let said = (report["version"].as_str().unwrap_or_default(), report["generation"].as_u64());
            assert_eq!(said, (blamed.0, Some(blamed.1)), "{step}: {report:#}");
            assert_eq!((&report["signal"], &report["route"]), (&"SIGABRT".into(), &().into()), "{report:#}");
            assert_eq!(serving(&host), ("version 1".to_owned(), 1), "{step}");
        }
    });
}

#[test]
fn what_was_published_when_the_old_generation_crashes_in_its_stop_is_served_by_the_next_worker() {
    on_servers(&in_place(), |server| {
        let host = Host::with(app_of(&crashing("1", "stop"), ""), server).file("wait", "").start();
        std::thread::scope(|threads| {
            let swap = threads.spawn(|| swap(&host, &library("2")));
            eventually("the old generation is about to stop", || host.folder().join("stopping").exists());
            assert_eq!(serving(&host), ("version 2".to_owned(), 2));
            std::fs::remove_file(host.folder().join("wait")).expect("our own file");
            let output = swap.join().expect("no panic");
            assert_eq!(output.stderr, "host: the worker ended before it was done\n", "{output:?}");
        });
        let report = wait_for_report(&host, 0);
        assert_eq!((&report["generation"], &report["evidence"]), (&1.into(), &"life".into()), "{report:#}");
        assert_eq!(serving(&host), ("version 2".to_owned(), 2));
    });
}

#[test]
fn a_crash_while_the_host_stops_is_reported_and_its_exit_code_says_so() {
    let host = Host::start(app_of(&crashing("1", "stop"), ""), "threaded");
    let output = host.stop();
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output
            .stderr
            .contains("plugin   faulty 1 (generation 1), by the step of its life that was under way"),
        "{output:?}"
    );
    assert!(output.stderr.contains("was killed by SIGABRT while it stopped"), "{output:?}");
}

#[test]
fn a_library_that_crashes_in_every_swap_is_not_tried_again() {
    let host = Host::start(app_of(&library("1"), ""), "threaded");
    for count in 0..3 {
        swap(&host, &crashing("2", "create"));
        wait_for_report(&host, count);
    }
    let output = swap(&host, &crashing("2", "create"));
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(
        output.stderr.contains("is in quarantine: it crashed its worker 3 times within 1m"),
        "{output:?}"
    );
    assert!(output.stderr.ends_with("help: still served: faulty 1 (generation 1)\n"), "{output:?}");
    assert_eq!(super::count(&host), 3);
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
}
