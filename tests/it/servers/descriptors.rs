//! A worker that has no descriptor left: what is open is served on, who comes waits, and it costs next to nothing.

use super::lab;
use crate::harness::{Client, Host};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::time::Duration;

/// Far longer than a server pauses before it tries again.
const QUIET: Duration = Duration::from_millis(600);

/// What a process may compute in that time that does nothing but to try again now and then.
const CPU_MAX: Duration = Duration::from_millis(300);

/// The numbers below are those of what a worker opens first and keeps, so that the limit forbids it every new one: also when what
/// was open for a moment is closed again.
const KEPT: u64 = 8;

pub(super) fn without_descriptors_what_is_open_is_served_and_who_comes_waits(server: &'static str) {
    let host = Host::start(lab(), server);
    let mut kept = host.connect();
    assert_eq!(kept.get("/").text(), "hello\n");
    let waiting = while_exhausted(&host, |host| {
        let waiting: Vec<Client> = (0..3).map(|_| asking(host)).collect();
        for _ in 0..3 {
            assert_eq!(kept.get("/").text(), "hello\n");
        }
        waiting
    });
    assert_eq!(kept.get("/").text(), "hello\n");
    recovers(&host, waiting);
}

pub(super) fn without_descriptors_who_comes_waits(server: &'static str) {
    let host = Host::start(lab(), server);
    let waiting = while_exhausted(&host, |host| vec![asking(host)]);
    recovers(&host, waiting);
}

/// A client that has sent its request.
fn asking(host: &Host) -> Client {
    let mut client = host.connect();
    client.send_head("GET", "/", &[]);
    client
}

/// Has the worker run out of descriptors; it says so once, and does not try all the time.
///
/// Who comes first may still be served: an accept that has begun has its descriptor already, and finds that connection. One such is
/// there at most, and none any more when the worker has said that there is no descriptor.
fn while_exhausted(host: &Host, begin: impl FnOnce(&Host) -> Vec<Client>) -> Vec<Client> {
    let worker = host.worker_pid();
    let pid = Pid::from_raw(worker.cast_signed()).expect("a process id");
    // It has the limits of this process, of which the hard one stays.
    let none_left = Rlimit { current: Some(KEPT), ..getrlimit(Resource::Nofile) };
    assert!(
        lowest_free(worker) >= KEPT,
        "a descriptor below {KEPT} is free, so that one more could be opened"
    );
    let before = prlimit(Some(pid), Resource::Nofile, none_left).expect("a process of our own");
    let first = [asking(host), asking(host)];
    host.wait_for_line("cannot accept connections on ");
    let mut waiting = begin(host);
    let computed = cpu(worker);
    assert!(waiting[0].is_quiet_for(QUIET), "it was served without a descriptor");
    let computed = cpu(worker).saturating_sub(computed);
    assert!(computed < CPU_MAX, "it computed for {computed:?} while it waited for {QUIET:?}");
    prlimit(Some(pid), Resource::Nofile, before).expect("a process of our own");
    waiting.extend(first);
    waiting
}

fn recovers(host: &Host, waiting: Vec<Client>) {
    for mut client in waiting {
        assert_eq!(client.read().text(), "hello\n");
    }
    assert_eq!(host.log().matches("cannot accept").count(), 1, "{}", host.log());
    assert_eq!(host.stop().code, Some(0));
}

/// The number that the next descriptor of a process would have.
fn lowest_free(pid: u32) -> u64 {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("a running worker");
    let open: Vec<u64> =
        open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    (0..).find(|number| !open.contains(number)).expect("one is free")
}

/// What a process has computed so far.
fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running worker");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 1000 / rustix::param::clock_ticks_per_second())
}
