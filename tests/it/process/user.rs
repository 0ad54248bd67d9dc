//! The user of a worker. As root these tests see that it is given up; as any other user, that the host says what it needs.

use super::{is_root, line_in, line_of, rights};
use crate::harness::{Host, eventually, for_each_server};

/// In every system there is.
const NOBODY: &str = "65534";

/// What the system says of each thread of a process. One that ends meanwhile is none of them.
fn threads_of(pid: u32, name: &str) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process").flatten();
    let lines: Vec<String> = threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok())
        .map(|status| line_in(&status, "status", name))
        .collect();
    assert!(!lines.is_empty(), "process {pid} has no thread");
    lines
}

#[track_caller]
fn is_nobody(host: &Host, pid: u32) {
    let ids = format!("{NOBODY} {NOBODY} {NOBODY} {NOBODY}");
    for name in ["Uid:", "Gid:"] {
        assert!(
            threads_of(pid, name).iter().all(|thread| *thread == ids),
            "{name} {:?}",
            threads_of(pid, name)
        );
    }
    assert!(threads_of(pid, "Groups:").iter().all(|groups| groups.is_empty() || groups == NOBODY));
    assert!(threads_of(pid, "CapEff:").iter().all(|rights| rights.trim_start_matches('0').is_empty()));
    assert_eq!(host.get("/").expect(200).text(), format!("{NOBODY} {NOBODY}"));
    assert_eq!(host.get("/regain").expect(200).text(), "0", "root is out of reach");
}

#[test]
fn a_worker_becomes_the_user_and_cannot_go_back_and_its_supervisor_stays() {
    for_each_server(|server| {
        let starting = rights(&format!("user = '{NOBODY}'\ngroup = '{NOBODY}'"), server);
        if !is_root() {
            let output = starting.spawn().wait();
            assert_eq!(output.code, Some(78), "{output:?}");
            assert!(output.stderr.contains("cannot become `65534`: that needs root"), "{output:?}");
            return;
        }
        let host = starting.start();
        let worker = host.worker_pid();
        is_nobody(&host, worker);
        assert_eq!(line_of(&format!("/proc/{}/status", host.pid()), "Uid:"), "0 0 0 0");
        // It ends with its supervisor, though its user is another one now, and its plugins can be swapped.
        host.swap("rights");
        assert_eq!(host.ctl(["restart"]).code, Some(0));
        is_nobody(&host, host.worker_pid());
        let worker = host.worker_pid();
        host.signal(rustix::process::Signal::KILL);
        eventually("the worker ends with its supervisor", || {
            !std::path::Path::new(&format!("/proc/{worker}/exe")).exists()
        });
    });
}

#[test]
fn a_host_without_a_supervisor_becomes_the_user_after_it_has_bound_its_addresses() {
    if !is_root() {
        return eprintln!("only root can become another user: what others are told is tested above");
    }
    let process = format!("user = '{NOBODY}'\ngroup = '{NOBODY}'\nno_new_privs = true");
    let host = rights(&process, "threaded").arg("--no-supervisor").start();
    is_nobody(&host, host.pid());
    assert_eq!(host.ctl(["ready"]).code, Some(0), "root may command it");
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn no_thread_that_may_run_code_of_a_plugin_gains_rights() {
    for alone in ["UNUSED", "HOST_NO_SUPERVISOR"] {
        let host = rights("no_new_privs = true", "threaded").env(alone, "1").start();
        let pid = if alone == "UNUSED" { host.worker_pid() } else { host.pid() };
        let threads = threads_of(pid, "NoNewPrivs:");
        assert!(threads.len() > 1 && threads.iter().all(|thread| thread == "1"), "{alone}: {threads:?}");
    }
}

#[test]
fn a_name_that_nobody_has_is_an_error_with_its_place() {
    for (line, said) in [
        ("user = 'no-such-user'", "app.toml:7:8: no user `no-such-user`: there is none of that name"),
        ("group = 'no-such-group'", "app.toml:7:9: no group `no-such-group`: there is none of that name"),
        ("user = '4242424'", "app.toml:7:8: user `4242424` has no entry, and so no group"),
    ] {
        let output = rights(line, "threaded").spawn().wait();
        assert_eq!(output.code, Some(78), "{output:?}");
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
}

#[test]
fn whoever_is_the_user_already_need_not_become_it() {
    let own = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    let host = rights(&format!("user = '{own}'\ngroup = '{group}'"), "threaded").start();
    assert_eq!(host.get("/").expect(200).text(), format!("{own} {group}"));
}

#[test]
fn no_program_of_a_worker_gains_rights_if_the_spec_says_so() {
    for_each_server(|server| {
        let host = rights("no_new_privs = true", server).start();
        host.get("/").expect(200);
        let worker = host.worker_pid();
        assert_eq!(line_of(&format!("/proc/{worker}/status"), "NoNewPrivs:"), "1");
        assert_eq!(line_of(&format!("/proc/{}/status", host.pid()), "NoNewPrivs:"), "0");
    });
}
