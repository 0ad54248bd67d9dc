//! Processes that are killed while a swap is under way, and what is served afterwards.

use super::{
    app, kill, let_go, library, serving, swap_well, wait_for_another_worker, waiting, while_it_waits,
};
use crate::harness::{Address, Folder, Host, Spec, eventually, for_each_server};
use std::net::TcpListener;

#[test]
fn a_worker_that_is_killed_during_a_swap_is_followed_by_one_that_serves_the_old_generation() {
    for_each_server(|server| {
        for step in ["constructor", "create", "start", "save", "load"] {
            let (old, new) = if step == "save" { ("save", "") } else { ("", step) };
            let spec = Spec::new().plugin("fickle", &waiting("1", old));
            let host = Host::start(spec, server);
            let worker = host.worker_pid();
            let output = while_it_waits(&host, &waiting("2", new), step, || kill(worker));
            assert_eq!(output.code, Some(1), "{output:?}");
            assert_eq!(output.stderr, "host: the worker ended before it was done\n", "{output:?}");
            wait_for_another_worker(&host, worker);
            assert_eq!(serving(&host), ("version 1".to_owned(), 1));
            let_go(&host, step);
            let said = swap_well(&host, &library("3"));
            assert!(said.starts_with("fickle 1 -> 3 (generation 1 -> 2): "), "{said}");
        }
    });
}

#[test]
fn a_supervisor_that_is_killed_during_a_swap_takes_its_worker_along_and_can_be_started_again() {
    for_each_server(|server| {
        let host = Host::start(app(), server);
        let output = while_it_waits(&host, &waiting("2", "create"), "create", || kill(host.pid()));
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.contains("the host ended before it answered"), "{output:?}");
        let Address::Tcp(address) = host.address() else { panic!("a TCP address") };
        eventually("the worker is gone, too", || TcpListener::bind(address).is_ok());
        let again = Host::with(app(), server).bind(&address.to_string()).start();
        assert_eq!(serving(&again), ("version 1".to_owned(), 1));
    });
}

#[test]
fn the_next_worker_serves_the_same_bytes_whatever_has_become_of_their_files() {
    for_each_server(|server| {
        let folder = Folder::new();
        let copy = |version: &str| {
            let bytes = std::fs::read(library(version)).expect("a library");
            folder.write(format!("lib{version}.so"), bytes)
        };
        let host = Host::start(app(), server);
        let die = || {
            let worker = host.worker_pid();
            kill(worker);
            wait_for_another_worker(&host, worker);
        };
        for version in ["2", "3"] {
            let file = copy(version);
            swap_well(&host, &file);
            std::fs::remove_file(file).expect("our own file");
        }
        die();
        assert_eq!(serving(&host), ("version 3".to_owned(), 3));
        // What was kept for a rollback is still there, too.
        let output = host.ctl(["rollback", "fickle"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(serving(&host), ("version 2".to_owned(), 2));
        die();
        assert_eq!(serving(&host), ("version 2".to_owned(), 2));
        let output = host.ctl(["rollback", "fickle"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(serving(&host), ("version 3".to_owned(), 3));
        let said = swap_well(&host, &library("4"));
        assert!(said.starts_with("fickle 3 -> 4 (generation 3 -> 4): "), "{said}");
    });
}
