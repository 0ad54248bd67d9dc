//! `host ctl`.

use super::load::Seen;
use super::{crash, pid_that_answers, signal};
use crate::harness::{Address, Folder, Host, Output, Spec, eventually, for_each_server, run};
use rustix::process::Signal;
use std::net::TcpListener;

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|cause| panic!("{cause}: {output:?}"))
}

#[test]
fn status_says_what_runs_to_people_and_to_programs() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let text = host.ctl(["status"]);
        assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{text:?}");
        let socket = host.folder().join("host/test.sock");
        let (supervisor, worker) = (host.pid(), pid_that_answers(&host));
        let parts = [
            "test: serving, up ".to_owned(),
            format!("\n  listener    {}\n", host.urls()[0]),
            format!("\n  control     {}\n", socket.display()),
            format!("\n  supervisor  pid {supervisor}\n"),
            format!("\n  worker      pid {worker}, up "),
            "\n  restarts    none\n".to_owned(),
            server.to_owned(),
        ];
        for part in parts {
            assert!(text.stdout.contains(&part), "`{part}` is missing: {text:?}");
        }

        let status = host.status();
        assert_eq!((&status["app"], &status["state"]), (&"test".into(), &"serving".into()), "{status:#}");
        assert_eq!((&status["exit"], &status["server"]), (&0.into(), &server.into()), "{status:#}");
        assert_eq!(status["listeners"][0], host.urls()[0]);
        assert_eq!(status["control"], socket.display().to_string());
        assert_eq!(status["supervisor"]["pid"], supervisor);
        assert_eq!(status["worker"]["pid"], worker);
        assert_eq!(status["restarts"]["count"], 0);
        for number in [&status["up_ms"], &status["worker"]["up_ms"]] {
            assert!(number.is_u64(), "{status:#}");
        }
    });
}

#[test]
fn stop_waits_until_the_host_has_ended_and_its_port_is_free() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let Address::Tcp(address) = host.address() else { panic!("a TCP address") };
        let output = host.ctl(["stop"]);
        TcpListener::bind(address).unwrap_or_else(|cause| panic!("{address} is not free: {cause}"));
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "`test` has stopped\n"), "{output:?}");
        assert_eq!(host.wait().code, Some(0));
        assert!(super::files_in(&host.folder().join("host")).is_empty());
    });
}

#[test]
fn stop_lets_requests_finish_and_says_when_one_did_not() {
    let host = Host::start(crash(), "threaded");
    let mut client = host.connect();
    client.send_head("GET", "/block", &[]);
    host.wait_for_line("INFO blocking");
    let late = host.ctl(["--timeout", "200ms", "stop"]);
    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(
        late.stderr.contains("test.sock: no answer within 200ms\nhelp: it may still be at work"),
        "{late:?}"
    );
    host.folder().write("gate", "");
    assert_eq!(client.read().text(), "unblocked\n");
    assert_eq!(host.wait().code, Some(0));

    let host = Host::start(crash().timeouts("shutdown = '100ms'"), "threaded");
    host.connect().send_head("GET", "/block", &[]);
    host.wait_for_line("INFO blocking");
    let output = host.ctl(["stop"]);
    let said = "host: `test` has stopped with exit code 1: its log says why\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), said), "{output:?}");
    assert_eq!(host.wait().code, Some(1));
}

#[test]
fn restart_puts_another_worker_in_place_while_all_are_served() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let first = host.worker_pid();
        let mut under_way = (server != "single").then(|| host.connect());
        if let Some(under_way) = &mut under_way {
            under_way.send_head("GET", "/block", &[]);
            host.wait_for_line("INFO blocking");
        }
        let output = host.ctl(["restart", "--format", "json"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        let second = host.worker_pid();
        assert_eq!((&json(&output)["worker"], second != first), (&second.into(), true), "{output:?}");
        // The old one accepts no more.
        eventually("the new one answers", || pid_that_answers(&host) == second);
        if let Some(under_way) = &mut under_way {
            host.folder().write("gate", "");
            assert_eq!(under_way.read().text(), "unblocked\n", "what the old one began, it finishes");
        }
        host.wait_for_line(&format!("worker {first} has finished"));
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_restart_under_load_costs_no_connection() {
    for_each_server(|server| {
        let host = Host::start(crash(), server);
        let seen = Seen::by_clients_of(&host, |seen| {
            for _ in 0..5 {
                seen.wait_for_more();
                assert_eq!(host.ctl(["restart"]).code, Some(0));
            }
            seen.wait_for_more();
        });
        assert_eq!((seen.refused(), seen.cut_off()), (0, 0));
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_restart_that_fails_changes_nothing() {
    let host = Host::start(crash(), "threaded");
    let worker = host.worker_pid();
    host.folder().write("fail-at-start", "");
    let output = host.ctl(["restart"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output:?}");
    assert!(output.stderr.contains("which was to take over, ended with exit code 78; "), "{output:?}");
    assert!(host.log().contains("it is told to fail"), "the cause is in the log");
    assert_eq!(pid_that_answers(&host), worker);
    assert_eq!(host.status()["state"], "serving");
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn without_a_host_it_says_so() {
    let output = run(["ctl", "status"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.starts_with("host: no host is running: no control socket in "), "{output:?}");
    let output = run(["ctl", "--format", "json", "status"]);
    let said = json(&output);
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), ""), "{output:?}");
    assert_eq!((&said["exit"], said["help"].is_array()), (&1.into(), true), "{output:?}");
    let output = run(["ctl", "--control", "/nowhere/x.sock", "status"]);
    let want = "host: /nowhere/x.sock: no control socket: no host is running there\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), want), "{output:?}");
}

#[test]
fn of_several_hosts_one_must_be_named() {
    let runtime = Folder::new();
    let (spec, start) = (crash(), |spec| Host::with(spec, "threaded").runtime(&runtime).start());
    let first = start(spec.clone());
    let second = start(spec.clone());
    let own = format!("test.{}.sock", second.pid());
    let line =
        second.wait_for_line("another host of app `test` is running: the control socket of this one is ");
    assert!(line.ends_with(&own), "{line}");
    let other = start(Spec::exactly(spec.as_str().replace("\"test\"", "\"other\"")));

    let output = first.ctl(["status"]);
    assert_eq!(output.code, Some(2), "{output:?}");
    let folder = runtime.join("host").display().to_string();
    let known = ["other.sock".to_owned(), own.clone(), "test.sock".to_owned()];
    let known = known.map(|name| format!("help: --control {folder}/{name}\n")).concat();
    assert_eq!(output.stderr, format!("host: 3 hosts are running: which one is meant?\n{known}"));

    let pid = |output: &Output| json(output)["supervisor"]["pid"].as_u64();
    let named = first.ctl(["--control", &format!("{folder}/{own}"), "--format", "json", "status"]);
    assert_eq!(pid(&named), Some(second.pid().into()), "{named:?}");
    // The specs have the same name in folders of their own.
    let of_app = other.ctl(["--app", "app.toml", "--format", "json", "status"]);
    assert_eq!(pid(&of_app), Some(other.pid().into()), "{of_app:?}");
    // Nor is what they left on disk looked at, as it is where none runs.
    for command in ["status", "quarantine"] {
        let of_app = first.ctl(["--app", "app.toml", command]);
        assert!(of_app.stderr.starts_with("host: 2 hosts of app `test` are running"), "{of_app:?}");
    }
    assert_eq!(first.stop().code, Some(0));
    let of_app = second.ctl(["status", "--app", "app.toml", "--format", "json"]);
    assert_eq!(pid(&of_app), Some(second.pid().into()), "{of_app:?}");
}

#[test]
fn a_host_that_does_not_answer_is_not_waited_for_for_ever() {
    let host = Host::start(crash(), "threaded");
    signal(host.pid(), Signal::STOP);
    let output = host.ctl(["status", "--timeout", "200ms"]);
    signal(host.pid(), Signal::CONT);
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output:?}");
    assert!(output.stderr.contains("no answer within 200ms"), "{output:?}");
    assert_eq!(host.ctl(["status"]).code, Some(0));

    signal(host.worker_pid(), Signal::STOP);
    let output = host.ctl(["status"]);
    assert!(output.stdout.contains("the worker does not say how it is"), "{output:?}");
}

#[test]
fn what_is_no_command_is_a_mistake_in_the_usage() {
    for args in [
        &["ctl"][..],
        &["ctl", "fly"],
        &["ctl", "swap"],
        &["ctl", "swap", "=x"],
        &["ctl", "--timeout", "0s", "stop"],
    ] {
        assert_eq!(run(args).code, Some(2), "{args:?}");
    }
}
