//! Workers and supervisors that die.

use super::load::{CLIENTS, Seen};
use super::{crash, is_gone, pid_that_answers, signal};
use crate::harness::{Address, Client, Host, eventually, for_each_server};
use rustix::io::FdFlags;
use rustix::process::Signal;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

#[test]
fn when_a_worker_is_killed_under_load_no_connection_is_refused() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let mut killed = Vec::new();
        let seen = Seen::by_clients_of(&host, |seen| {
            for _ in 0..3 {
                let pid = pid_that_answers(&host);
                assert!(!killed.contains(&pid), "a new process");
                seen.wait_for_more();
                signal(pid, Signal::KILL);
                killed.push(pid);
            }
            seen.wait_for_more();
        });
        assert_eq!(seen.refused(), 0);
        // Those that a worker had accepted: one of each client at most is under way at each death.
        assert!(seen.cut_off() <= 3 * CLIENTS, "{} connections were cut off", seen.cut_off());
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_connection_that_is_made_while_there_is_no_worker_waits_and_is_answered() {
    let host = Host::start(crash().text("[supervisor]\nbackoff = '3s'"), "threaded");
    for said in ["starting another (1 of 6 within 1m)", "starting another in 3s (2 of 6 within 1m)"] {
        eventually("it serves", || host.status()["state"] == "serving");
        let pid = host.worker_pid();
        signal(pid, Signal::KILL);
        host.wait_for_line(&format!("worker {pid} was killed by SIGKILL; {said}"));
    }
    let mut client = host.connect();
    client.send_head("GET", "/", &[]);
    let status = host.status();
    assert_eq!(
        (&status["state"], &status["restarts"]["count"]),
        (&"pausing".into(), &2.into()),
        "{status:#}"
    );
    assert_eq!(client.read().text(), "hello\n");
}

#[test]
fn a_plugin_that_crashes_takes_down_its_worker_and_not_the_host() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let pid = host.worker_pid();
        assert!(host.connect().try_get("/abort").is_err(), "nobody can answer that");
        host.wait_for_line(&format!(
            "worker {pid} was killed by SIGABRT; starting another (1 of 6 within 1m)"
        ));
        assert_eq!(host.get("/").text(), "hello\n");
        assert_ne!(pid_that_answers(&host), pid);
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_plugin_that_crashes_at_every_start_ends_the_host_in_the_end() {
    let spec = crash().text("[supervisor]\nfailures = 4\nbackoff = '10ms'");
    let output = Host::with(spec, "threaded").file("crash-at-start", "").spawn().wait();
    assert_eq!(output.code, Some(1), "{output:?}");
    let said = [
        "was killed by SIGABRT; starting another (1 of 4 within 1m)",
        "was killed by SIGABRT; starting another in 10ms (2 of 4 within 1m)",
        "was killed by SIGABRT; starting another in 20ms (3 of 4 within 1m)",
        "was killed by SIGABRT; not starting another (4 of 4 within 1m)\nhelp: find the plugin that crashes with a \
         debugger: gdb --args host --no-supervisor ...\nhelp: `failures` and `window` in [supervisor] say how often is \
         too often\n",
    ];
    let mut rest = output.stderr.as_str();
    for part in said {
        let at = rest.find(part).unwrap_or_else(|| panic!("`{part}` is missing: {output:?}"));
        rest = &rest[at + part.len()..];
    }
    assert_eq!(rest, "", "{output:?}");
    assert_eq!(output.stderr.matches("host: worker ").count(), 1, "{output:?}");
}

#[test]
fn a_plugin_that_cannot_be_loaded_ends_the_host_at_its_start_and_not_later() {
    let output = Host::with(crash(), "threaded").file("fail-at-start", "").spawn().wait();
    assert_eq!(output.code, Some(78), "{output:?}");
    assert_eq!(output.stderr.matches("it is told to fail").count(), 1, "{output:?}");
    assert!(!output.stderr.contains("another"), "{output:?}");

    let host = Host::with(crash().text("[supervisor]\nbackoff = '10ms'"), "threaded").start();
    let gate = host.folder().write("fail-at-start", "");
    signal(host.worker_pid(), Signal::KILL);
    host.wait_for_line("ended with exit code 78; starting another in 10ms (2 of 6 within 1m)");
    std::fs::remove_file(gate).expect("our own file");
    assert_eq!(host.get("/").text(), "hello\n");
}

#[test]
fn a_worker_dies_with_its_supervisor() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let worker = host.worker_pid();
        signal(host.pid(), Signal::KILL);
        assert_eq!(host.wait().code, None);
        eventually("the worker is gone", || is_gone(worker));
        let Address::Tcp(address) = host.address() else { panic!("a TCP address") };
        TcpListener::bind(address).unwrap_or_else(|cause| panic!("{address} is not free: {cause}"));
    });
}

#[test]
fn a_worker_that_is_stuck_in_native_code_dies_with_its_supervisor_too() {
    let host = Host::start(crash(), "single");
    let worker = host.worker_pid();
    host.connect().send_head("GET", "/block", &[]);
    host.wait_for_line("INFO blocking");
    signal(host.pid(), Signal::KILL);
    host.wait();
    eventually("the worker is gone", || is_gone(worker));
}

#[test]
fn a_unix_socket_stays_when_its_worker_dies_and_goes_with_the_host() {
    for_each_server(|server| {
        let starting = Host::with(crash(), server);
        let address = format!("unix:{}", starting.folder().join("host.sock").display());
        let host = starting.bind(&address).start();
        let pid = host.worker_pid();
        signal(pid, Signal::KILL);
        assert_ne!(pid_that_answers(&host), pid);
        let restarted = host.ctl(["restart"]);
        assert_eq!(restarted.code, Some(0), "{restarted:?}");
        host.wait_for_line("has finished");
        assert_eq!(host.get("/").text(), "hello\n");
        assert_eq!(host.stop().code, Some(0));
        assert!(!host.folder().join("host.sock").exists());
    });
}

#[test]
fn an_inherited_socket_is_served_by_every_worker() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = Address::Tcp(listener.local_addr().expect("an address"));
    let inherited = listener.try_clone().expect("a descriptor");
    rustix::io::fcntl_setfd(&inherited, FdFlags::empty()).expect("a descriptor of ours");
    let host = Host::with(crash(), "threaded").bind(&format!("fd:{}", inherited.as_raw_fd())).start();
    drop((inherited, listener));
    assert_eq!(Client::connect(&address).get("/").text(), "hello\n");
    let pid = host.worker_pid();
    signal(pid, Signal::KILL);
    assert_ne!(pid_that_answers(&host), pid);
    assert_eq!(host.stop().code, Some(0));
}
