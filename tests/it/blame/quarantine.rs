//! What crashes too often is not to run any more, and what served before takes its place.

use super::{app, app_of, crash, crashing, library, put, serving, swap};
use crate::harness::{Folder, Host, eventually, for_each_server};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A host that serves version 2, after version 1.
pub(super) fn host_with_two(server: &str) -> Host {
    let host = Host::start(app(), server);
    assert_eq!(swap(&host, &library("2")).code, Some(0));
    host
}

/// The one that is in quarantine.
#[track_caller]
pub(super) fn banned(host: &Host) -> Value {
    let answer = host.ctl(["quarantine", "--format", "json"]).json();
    let list = answer["quarantine"].as_array().cloned().unwrap_or_default();
    assert_eq!(list.len(), 1, "{answer:#}");
    list[0].clone()
}

#[test]
fn a_generation_that_crashes_too_often_is_replaced_by_the_one_before() {
    for_each_server(|server| {
        let host = host_with_two(server);
        for number in 0..3 {
            assert_eq!(serving(&host), ("version 2".to_owned(), 2), "after {number} crashes");
            crash(&host, "/null");
        }
        assert_eq!(serving(&host), ("version 1".to_owned(), 1));
        let why = "crashed its worker 3 times within 1m, the last time with SIGSEGV in GET /null";
        let said = host.wait_for_line("is in quarantine: it crashed");
        assert!(said.contains(&format!("it {why}; faulty 1 (generation 1) is served instead")), "{said}");
        let status = host.ctl(["status"]).stdout;
        assert!(status.contains("quarantine  faulty 2 ("), "{status}");
        let ban = banned(&host);
        assert_eq!(
            (&ban["plugin"], &ban["version"], &ban["number"], &ban["why"]),
            (&"faulty".into(), &"2".into(), &2.into(), &why.into())
        );
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn what_is_in_quarantine_is_refused_until_that_is_lifted_and_numbers_go_on() {
    let host = host_with_two("threaded");
    (0..3).for_each(|_| drop(crash(&host, "/abort")));
    assert_eq!(host.ctl(["rollback", "faulty"]).code, Some(1), "there is nothing to go back to");
    let output = swap(&host, &library("2"));
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(
        output.stderr.contains("help: `host ctl quarantine lift faulty` lets this one run again"),
        "{output:?}"
    );
    // Other bytes need nobody's leave.
    assert_eq!(swap(&host, &library("3")).code, Some(0));
    assert_eq!(serving(&host), ("version 3".to_owned(), 3));
    let output = host.ctl(["quarantine", "lift", "nobody"]);
    assert_eq!(output.stderr, "host: `nobody` is not in quarantine\nhelp: there are: faulty\n");
    let digest = banned(&host)["digest"].as_str().expect("a digest").to_owned();
    let output = host.ctl(["quarantine", "lift", &digest[..12]]);
    let said = format!(
        "faulty 2 ({}) is not in quarantine any more: `host ctl swap faulty` loads what its file has\n",
        &digest[..12]
    );
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), said.as_str()), "{output:?}");
    assert_eq!(host.ctl(["quarantine"]).stdout, "nothing is in quarantine\n");
    assert_eq!(swap(&host, &library("2")).code, Some(0));
    assert_eq!(serving(&host), ("version 2".to_owned(), 4));
    // It begins anew.
    crash(&host, "/null");
    assert_eq!(serving(&host), ("version 2".to_owned(), 4));
    assert_eq!(host.ctl(["quarantine", "lift", "all"]).stdout, "nothing is in quarantine\n");
}

#[test]
fn a_change_on_disk_to_what_is_in_quarantine_is_refused() {
    let folder = Folder::new();
    let host = Host::start(app_of(&put(&folder, &library("1")), "crashes = 1"), "threaded");
    put(&folder, &library("2"));
    assert_eq!(host.ctl(["swap", "faulty"]).code, Some(0));
    crash(&host, "/null");
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    host.signal(rustix::process::Signal::HUP);
    host.wait_for_line("the new spec was not taken: ");
    let output = host.ctl(["swap", "faulty"]);
    assert_eq!(output.code, Some(78), "{output:?}");
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    put(&folder, &library("3"));
    assert_eq!(host.ctl(["swap", "faulty"]).code, Some(0));
    assert_eq!(serving(&host), ("version 3".to_owned(), 3));
}

#[test]
fn under_watch_what_is_in_quarantine_is_refused_and_the_next_build_is_taken() {
    let folder = Folder::new();
    let spec = app_of(&put(&folder, &library("1")), "crashes = 1");
    let host = Host::with(spec, "threaded").arg("--watch").start();
    put(&folder, &library("2"));
    eventually("it is swapped", || host.get("/").text() == "version 2");
    crash(&host, "/null");
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    // The next worker sees that the file is another one than it serves.
    host.wait_for_line("faulty: cannot swap: ");
    put(&folder, &library("3"));
    eventually("it is swapped", || host.get("/").text() == "version 3");
    assert_eq!(serving(&host), ("version 3".to_owned(), 3));
}

#[test]
fn two_plugins_of_one_library_go_back_together_or_not_at_all() {
    let (one, two) = (library("1"), library("2"));
    let text = "[[plugin]]\nname = 'other'\nmount = '/other'\n";
    let spec = app().text(&format!("{text}path = {:?}", one.display().to_string()));
    let host = Host::start(spec, "threaded");
    let swap_other = || host.ctl(["swap", &format!("other={}", two.display())]);
    assert_eq!((swap(&host, &two).code, swap_other().code), (Some(0), Some(0)));
    (0..3).for_each(|_| drop(crash(&host, "/other/null")));
    assert_eq!(host.get("/").text(), "version 1");
    assert_eq!(host.get("/other").text(), "version 1");
    let answer = host.ctl(["quarantine", "--format", "json"]).json();
    assert_eq!(answer["quarantine"].as_array().map(Vec::len), Some(2), "{answer:#}");
    assert_eq!(swap_other().code, Some(78));
    assert_eq!(host.ctl(["quarantine", "lift", "other"]).code, Some(0));
    assert_eq!(swap(&host, &two).code, Some(0), "it is the bytes that were banned");
}

#[test]
fn without_an_earlier_generation_it_is_started_again_and_that_is_said() {
    let host = Host::start(app(), "threaded");
    (0..4).for_each(|_| drop(crash(&host, "/null")));
    host.wait_for_line("there is no earlier generation to serve instead, and it is started again");
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    assert_eq!(host.ctl(["quarantine"]).stdout, "nothing is in quarantine\n");
}

#[test]
fn a_plugin_that_crashes_at_every_start_of_a_worker_does_not_end_the_host_when_there_was_another() {
    let host = Host::with(app_of(&library("1"), ""), "threaded").file("no-crash", "").start();
    assert_eq!(swap(&host, &crashing("2", "create")).code, Some(0));
    std::fs::remove_file(host.folder().join("no-crash")).expect("our own file");
    crash(&host, "/null");
    assert_eq!(serving(&host), ("version 1".to_owned(), 1));
    assert_eq!(super::count(&host), 3, "one by a route, and two at the start of a worker");
    assert_eq!(banned(&host)["version"], "2");
}

/// The least of a few: others may be using the machine.
#[test]
fn from_a_crash_to_the_first_answer_of_the_generation_before_it_takes_less_than_a_second() {
    let measure = || {
        let host = Host::start(app_of(&library("1"), "crashes = 1"), "threaded");
        assert_eq!(swap(&host, &library("2")).code, Some(0));
        let mut client = host.connect();
        let began = Instant::now();
        assert!(client.try_get("/null").is_err());
        // Nobody is refused meanwhile: this one waits for its answer.
        assert_eq!(host.get("/").text(), "version 1");
        began.elapsed()
    };
    let limit = Duration::from_secs(1);
    assert!((0..5).any(|_| measure() < limit), "it took longer than {limit:?}, five times");
}
