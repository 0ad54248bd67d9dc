//! `prefork`: so many workers, on one socket.

use super::{crash, kill, workers};
use crate::harness::{Callers, Spec, eventually, run};
use rustix::process::Signal;

#[test]
fn every_worker_answers_and_bottles_name_for_it_is_known() {
    let spec = Spec::new().plugin("crash", &super::crash_library());
    let host = crate::harness::Host::with(spec, "gunicorn").arg("--workers").arg("3").start();
    let pids: Vec<String> = workers(&host, 3).iter().map(u32::to_string).collect();
    host.wait_for_line("server `prefork`, which `gunicorn` became here");
    let callers = Callers::of(host.address(), "/pid");
    callers.call(6, || {
        eventually("all have answered", || callers.texts().len() == 3);
    });
    let mut answered = callers.texts();
    answered.sort_unstable_by_key(|pid| pid.parse::<u32>().unwrap_or_default());
    assert_eq!(answered, pids);
}

#[test]
fn while_the_only_thread_of_a_worker_is_busy_another_worker_gets_the_connection() {
    let host = crash("2").start();
    workers(&host, 2);
    let mut blocked = host.connect();
    blocked.send("GET /block HTTP/1.1\r\nhost: a\r\n\r\n");
    host.wait_for_line("blocking");
    for _ in 0..20 {
        assert_eq!(host.get("/").status, 200);
    }
    std::fs::write(host.folder().join("gate"), "").expect("a file");
    assert_eq!(blocked.read().text(), "unblocked\n");
}

#[test]
fn with_one_thread_a_connection_has_one_answer_and_with_more_one_thread_stays_free() {
    let host = crash("1").start();
    let answer = host.get("/");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));

    let host = crash("1").arg("--threads").arg("2").start();
    let mut kept = host.connect();
    for _ in 0..3 {
        assert_eq!(kept.get("/").header("connection"), None);
    }
    for _ in 0..3 {
        assert_eq!(host.get("/").header("connection"), Some("close"), "it is the last free one");
    }
    assert_eq!(kept.get("/").status, 200);
}

#[test]
fn one_that_is_killed_is_started_again_and_the_others_serve_on() {
    let host = crash("3").start();
    let before = workers(&host, 3);
    let victim = *before.first().expect("one");
    kill(victim, Signal::KILL);
    host.wait_for_line(&format!(
        "worker {victim} was killed by SIGKILL; starting another (1 of 6 within 1m)"
    ));
    let after = workers(&host, 3);
    assert_eq!(after.intersection(&before).count(), 2);
}

#[test]
fn a_worker_that_gets_sigterm_finishes_and_another_one_takes_its_place() {
    let host = crash("2").start();
    let before = workers(&host, 2);
    let callers = Callers::of(host.address(), "/");
    callers.call(2, || {
        callers.wait_for_more(50);
        kill(*before.first().expect("one"), Signal::TERM);
        eventually("another one is there", || {
            let now = workers(&host, 2);
            now != before
        });
        callers.wait_for_more(50);
    });
}

#[test]
fn a_restart_replaces_all_workers_and_no_connection_is_refused() {
    let host = crash("3").start();
    let before = workers(&host, 3);
    let callers = Callers::of(host.address(), "/pid");
    callers.call(4, || {
        callers.wait_for_more(50);
        let output = host.ctl(["restart"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "3 new workers serve\n"), "{output:?}");
        callers.wait_for_more(50);
    });
    let after = workers(&host, 3);
    assert_eq!(after.intersection(&before).count(), 0);
}

#[test]
fn a_plugin_that_fails_at_the_start_ends_the_host_with_its_code() {
    let starting = crash("3");
    std::fs::write(starting.folder().join("fail-at-start"), "").expect("a file");
    let output = starting.spawn().wait();
    assert_eq!(output.code, Some(78), "{output:?}");
    assert_eq!(output.stderr.matches("it is told to fail").count(), 1, "{output:?}");
}

#[test]
fn all_workers_end_with_their_supervisor() {
    let host = crash("3").start();
    let pids = workers(&host, 3);
    host.signal(Signal::KILL);
    host.wait();
    eventually("they are gone", || pids.iter().all(|pid| crate::processes::is_gone(*pid)));
}

#[test]
fn a_stop_ends_all_of_them_within_their_deadline() {
    let host = crash("3").start();
    workers(&host, 3);
    let output = host.stop();
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn options_that_make_no_sense_are_refused_before_anything_runs() {
    let output = run([
        "--app",
        "examples/hello/app.toml",
        "--server",
        "prefork",
        "--set",
        "server.options.max_request=5",
    ]);
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains("did you mean `max_requests`?"), "{output:?}");
    let output =
        run(["--app", "examples/hello/app.toml", "--server", "prefork", "--set", "server.options.max_age=5"]);
    assert!(output.stderr.contains("a duration such as"), "{output:?}");
}

#[test]
fn development_is_for_one_process() {
    let spec = Spec::new().plugin("crash", &super::crash_library());
    let output = crate::harness::Host::developing(spec, "prefork").spawn().wait();
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains("`host dev` does not go with server `prefork`"), "{output:?}");
}
