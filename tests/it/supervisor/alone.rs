//! `--no-supervisor`, and processes that only look like workers.

use super::{crash, files_in, pid_that_answers, signal};
use crate::harness::{Client, Host, eventually, for_each_server, run};
use rustix::process::Signal;

#[test]
fn a_host_without_a_supervisor_is_one_process_that_can_be_controlled() {
    for_each_server(|server| {
        let host = Host::with(crash(), server).arg("--no-supervisor").start();
        assert_eq!(pid_that_answers(&host), host.pid());
        let status = host.status();
        assert_eq!(
            (&status["worker"]["pid"], &status["supervisor"]),
            (&host.pid().into(), &serde_json::Value::Null)
        );
        let output = host.ctl(["restart"]);
        assert_eq!(output.code, Some(1), "{output:?}");
        let said = "host: cannot start another worker: this host has no supervisor\nhelp: start it without --no-supervisor\n";
        assert_eq!(output.stderr, said);
        let output = host.ctl(["stop"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "`test` stops\n"), "{output:?}");
        assert_eq!(host.wait().code, Some(0));
        assert!(files_in(&host.folder().join("host")).is_empty());
    });
}

#[test]
fn nobody_starts_it_again() {
    let host = Host::with(crash(), "threaded").arg("--no-supervisor").start();
    assert!(host.connect().try_get("/abort").is_err());
    assert_eq!(host.wait().code, None);
}

#[test]
fn signals_do_to_it_what_they_do_to_a_host_with_one() {
    let host = Host::with(crash(), "threaded").env("HOST_NO_SUPERVISOR", "1").start();
    for harmless in [Signal::HUP, Signal::PIPE, Signal::XFSZ] {
        signal(host.pid(), harmless);
    }
    assert_eq!(pid_that_answers(&host), host.pid());
    assert_eq!(host.status()["state"], "serving");
    host.connect().send_head("GET", "/block", &[]);
    host.wait_for_line("INFO blocking");
    host.signal(Signal::TERM);
    eventually("it lets nobody in", || Client::try_connect(&host.address()).is_none());
    assert!(host.wait_for_end(std::time::Duration::from_millis(100)).is_none());
    assert_eq!(host.status()["state"], "stopping");
    assert_eq!(host.stop().code, None, "a second signal ends it at once");
}

#[test]
fn a_variable_alone_makes_no_worker() {
    // What a plugin starts inherits it, and not the channel.
    let host = Host::with(crash(), "threaded").env("HOST_WORKER", "1").start();
    assert_ne!(pid_that_answers(&host), host.pid());
    assert_eq!(host.stop().code, Some(0));
    assert_eq!(run(["servers"]).code, Some(0));
}
