//! Each way to crash: the signal, the plugin, the generation, the route and the place in the library are reported.

use super::{crash, crash_at_will, in_place, signal, wait_for_report};
use crate::harness::{Host, for_each_server, on_servers};
use rustix::process::Signal;
use serde_json::Value;

/// The route, the signal, what is said of it, and what the blame rests on.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("/null", "SIGSEGV", "crashed: SIGSEGV (nothing is mapped at 0x8)", "address"),
    ("/read-only", "SIGSEGV", "crashed: SIGSEGV (no right to do that at 0x", "address"),
    ("/bus", "SIGBUS", "crashed: SIGBUS (nothing is behind 0x", "address"),
    ("/trap", TRAP, "crashed: SIG", "address"),
    ("/abort", "SIGABRT", "crashed: SIGABRT (it aborted)", "stack"),
    ("/raise", "SIGSEGV", "crashed: SIGSEGV (it sent that to itself)", "stack"),
    ("/overflow", "SIGSEGV", "crashed: SIGSEGV (stack overflow)", "address"),
    ("/libc", "SIGSEGV", "crashed: SIGSEGV (nothing is mapped at 0x8)", "stack"),
];

/// What `__builtin_trap` ends in.
const TRAP: &str = if cfg!(target_arch = "x86_64") { "SIGILL" } else { "SIGTRAP" };

#[track_caller]
fn blames(report: &Value, signal: &str, what: &str, evidence: &str) {
    let said = report["what"].as_str().unwrap_or_default();
    assert!(said.starts_with(what), "{report:#}");
    let (plugin, version, number) = (&report["plugin"], &report["version"], &report["generation"]);
    assert_eq!((plugin, version, number), (&"faulty".into(), &"1".into(), &1.into()), "{report:#}");
    assert_eq!((&report["signal"], &report["evidence"]), (&signal.into(), &evidence.into()), "{report:#}");
    assert_eq!(report["digest"].as_str().map(str::len), Some(64), "{report:#}");
    assert!(report["file"].as_str().is_some_and(|file| file.ends_with("libfaulty.so")), "{report:#}");
}

#[test]
fn every_crash_is_blamed_on_the_plugin_its_route_and_its_code() {
    on_servers(&in_place(), |server| {
        let host = Host::with(crash_at_will(), server).start();
        for (path, signal, what, evidence) in CASES {
            let worker = host.worker_pid();
            let report = crash(&host, path);
            blames(&report, signal, what, evidence);
            assert_eq!((&report["pid"], &report["lost"]), (&worker.into(), &1.into()), "{report:#}");
            assert_eq!(report["route"], format!("GET {path}"), "{report:#}");
            assert_eq!(report["request"]["path"], *path, "{report:#}");
            assert!(report["offset"].as_str().is_some_and(|offset| offset.starts_with("0x")), "{report:#}");
            // It died of the very signal, as its parent sees it.
            host.wait_for_line(&format!("worker {worker} was killed by {signal}; starting another"));
        }
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_division_by_zero_is_one() {
    let host = Host::start(crash_at_will(), "threaded");
    blames(&crash(&host, "/divide"), "SIGFPE", "crashed: SIGFPE (a division by zero)", "address");
}

#[test]
fn a_crash_in_a_thread_of_a_plugins_own_is_blamed_on_that_plugin() {
    for_each_server(|server| {
        let host = Host::start(crash_at_will(), server);
        for (path, signal, what, evidence) in [
            ("/thread", "SIGSEGV", "crashed: SIGSEGV (nothing is mapped at 0x8)", "address"),
            ("/thread-abort", "SIGABRT", "crashed: SIGABRT (it aborted)", "stack"),
            ("/thread-overflow", "SIGSEGV", "crashed: SIGSEGV (stack overflow)", "address"),
        ] {
            let report = crash(&host, path);
            blames(&report, signal, what, evidence);
            assert_eq!((&report["route"], &report["lost"]), (&Value::Null, &1.into()), "{report:#}");
            assert_eq!(report["in_flight"][0]["path"], path, "who waits for the thread is lost: {report:#}");
        }
    });
}

#[test]
fn the_report_in_the_log_and_in_the_status_is_one_that_people_can_read() {
    let host = Host::start(crash_at_will(), "threaded");
    let report = crash(&host, "/null");
    let (pid, id, offset) = (&report["pid"], &report["request"]["id"], &report["offset"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (id, offset) = (text(id), text(offset));
    let digest = text(&report["digest"]);
    let build_id = text(&report["build_id"]);
    let build_id = if build_id.is_empty() { "none" } else { &build_id };
    let lines = [
        format!("worker {pid} crashed: SIGSEGV (nothing is mapped at 0x8)"),
        "plugin   faulty 1 (generation 1), by the address of the instruction".to_owned(),
        format!(
            "code     libfaulty.so+{offset}, build id {build_id}, digest {}, {}",
            &digest[..12],
            text(&report["file"])
        ),
        format!("request  {id} GET /null"),
        "route    GET /null".to_owned(),
        "lost     1 request in flight".to_owned(),
    ];
    let status = host.ctl(["status"]).stdout;
    for line in &lines {
        host.wait_for_line(line);
        assert!(status.contains(line), "`{line}` is missing: {status}");
    }
    host.wait_for_line(&format!("{id} GET /null, from 127.0.0.1:"));
}

#[test]
fn a_worker_that_somebody_kills_blames_no_plugin() {
    let host = Host::start(crash_at_will(), "threaded");
    for (how, said) in [
        (Signal::KILL, "was killed by SIGKILL".to_owned()),
        (Signal::SEGV, format!("crashed: SIGSEGV (sent by process {})", std::process::id())),
        (Signal::ABORT, format!("crashed: SIGABRT (sent by process {})", std::process::id())),
    ] {
        let (worker, before) = (host.worker_pid(), super::count(&host));
        signal(worker, how);
        let report = wait_for_report(&host, before);
        assert_eq!((&report["what"], &report["plugin"]), (&said.clone().into(), &Value::Null), "{report:#}");
        host.wait_for_line(&format!("worker {worker} {said}; nothing blames a plugin"));
    }
    let worker = host.worker_pid();
    signal(worker, Signal::TERM);
    host.wait_for_line(&format!("worker {worker} asked to be started again"));
    assert_eq!(super::count(&host), 3, "that is no crash");
}

#[test]
fn a_host_without_a_supervisor_dies_of_the_very_signal_too() {
    let host = Host::with(crash_at_will(), "threaded").arg("--no-supervisor").start();
    assert!(host.connect().try_get("/null").is_err());
    assert_eq!(host.wait().code, None);
}

#[test]
fn a_crash_on_a_connections_own_process_is_reported_with_it_and_its_worker_serves_on() {
    let host = Host::start(crash_at_will(), "forking");
    let worker = host.worker_pid();
    for (path, signal, what, evidence) in CASES {
        let report = crash(&host, path);
        blames(&report, signal, what, evidence);
        assert_eq!(
            (&report["route"], &report["lost"]),
            (&format!("GET {path}").into(), &1.into()),
            "{report:#}"
        );
        let (process, pid) = (report["process"].as_str().unwrap_or_default(), &report["pid"]);
        assert_eq!(process, format!("process {pid} of worker {worker}"));
        assert_eq!(host.worker_pid(), worker);
    }
}
