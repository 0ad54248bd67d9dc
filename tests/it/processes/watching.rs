//! `--watch`: the supervisor watches, and rolls.

use super::{serving, shop, shop_app, workers};
use crate::harness::{eventually, on_servers};

#[test]
fn what_settles_on_disk_is_rolled_in() {
    on_servers(crate::harness::PROCESSES, |server| {
        let host = shop_app(server).arg("--workers").arg("2").arg("--watch").start();
        for version in ["2", "3"] {
            host.folder().write("libshop.so", std::fs::read(shop(version)).expect("a library"));
            host.wait_for_line(&format!("-> {version} (generation"));
            assert_eq!(serving(&host)["version"], version);
        }
        host.folder().write("libshop.so", "no library");
        host.wait_for_line("not swapped");
        assert_eq!(serving(&host)["version"], "3");
    });
}

#[test]
fn a_spec_that_has_changed_is_taken_and_one_that_is_broken_is_not() {
    let host = shop_app("prefork").arg("--workers").arg("2").arg("--watch").start();
    workers(&host, 2);
    let spec = std::fs::read_to_string(host.folder().join("app.toml")).expect("the spec");
    host.folder().write("app.toml", format!("{spec}\n[timeouts]\nhandler = '5s'\n"));
    host.wait_for_line("changed: timeouts.handler");
    host.folder().write("app.toml", "spec = ");
    host.wait_for_line("the new spec was not taken");
    assert_eq!(host.get("/").status, 200);
}

#[test]
fn a_host_that_cannot_load_at_its_start_waits_until_that_is_mended() {
    on_servers(crate::harness::PROCESSES, |server| {
        let host = shop_app(server).file("libshop.so", "no library").arg("--watch").spawn();
        host.wait_for_line("Waiting for a change of the spec or of a plugin.");
        eventually("the supervisor knows it", || host.status()["state"] == "waiting");
        host.folder().write("libshop.so", std::fs::read(shop("1")).expect("a library"));
        host.wait_for_line("Hit Ctrl-C to quit.");
        assert_eq!(serving(&host)["version"], "1");
        host.folder().write("libshop.so", std::fs::read(shop("2")).expect("a library"));
        host.wait_for_line("-> 2 (generation");
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_host_that_waits_ends_when_it_is_told_to() {
    on_servers(crate::harness::PROCESSES, |server| {
        let host = shop_app(server).file("libshop.so", "no library").arg("--watch").spawn();
        host.wait_for_line("Waiting for a change of the spec or of a plugin.");
        assert_eq!(host.stop().code, Some(0));
    });
}
