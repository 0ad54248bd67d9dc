//! A plugin that crashes at a step of its life, in a swap and at other times.

use super::{app_of, crashing, library, serving, swap, wait_for_report};
use crate::harness::{Host, for_each_server};

#[test]
fn a_crash_in_a_swap_is_blamed_on_whose_step_it_was_and_the_old_generation_serves() {
    for_each_server(|server| {
        for (step, old, new, blamed) in [
            ("constructor", "", "constructor", ("2", 2)),
            ("create", "", "create", ("2", 2)),
            ("start", "", "start", ("2", 2)),
            ("load", "", "load", ("2", 2)),
            ("save", "save", "", ("1", 1)),
            ("stop", "stop", "", ("1", 1)),
        ] {
            let host = Host::start(app_of(&crashing("1", old), ""), server);
            let output = swap(&host, &crashing("2", new));
            assert_eq!(output.stderr, "host: the worker ended before it was done\n", "{step}: {output:?}");
            let report = wait_for_report(&host, 0);
            let said = (report["version"].as_str().unwrap_or_default(), report["generation"].as_u64());
            assert_eq!(said, (blamed.0, Some(blamed.1)), "{step}: {report:#}");
            assert_eq!((&report["signal"], &report["route"]), (&"SIGABRT".into(), &().into()), "{report:#}");
            // `stop` comes when the new generation serves already: so it does afterwards.
            let want = if step == "stop" { ("version 2".to_owned(), 2) } else { ("version 1".to_owned(), 1) };
            assert_eq!(serving(&host), want, "{step}");
        }
    });
}

#[test]
fn a_crash_while_the_host_stops_is_reported_and_its_exit_code_says_so() {
    let host = Host::start(app_of(&crashing("1", "stop"), ""), "threaded");
    let output = host.stop();
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output.stderr.contains("plugin   faulty 1 (generation 1), by the calls that led to it"),
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
