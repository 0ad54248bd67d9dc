//! Addresses come and go; those that stay are never closed.

use super::{lab, start};
use crate::harness::{
    Address, Callers, Client, Host, Spec, at_once, eventually, for_each_server, on_servers,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;

fn bind(addresses: &[&str]) -> Spec {
    lab(&format!("bind = {addresses:?}"))
}

/// The socket of that name in the folder of the host.
fn socket(host: &Host, name: &str) -> Address {
    Address::Unix(host.folder().join(name))
}

/// A TCP address as it is, and the file of a Unix socket without its folder.
fn below(url: &Value) -> String {
    let text = url.as_str().expect("a URL");
    let path = text.strip_prefix("unix:").map(Path::new);
    path.and_then(Path::file_name).map_or(text.to_owned(), |name| name.to_string_lossy().into_owned())
}

/// What was added, and what was removed.
#[track_caller]
fn take(host: &Host, addresses: &[&str]) -> (Vec<String>, Vec<String>) {
    let data = host.reload_spec(&bind(addresses)).json();
    assert_eq!((&data["swaps"], &data["listeners"]["failed"]), (&json!([]), &json!([])), "{data:#}");
    let names = |which: &str| {
        data["listeners"][which].as_array().expect("a list").iter().map(below).collect::<Vec<_>>()
    };
    (names("added"), names("removed"))
}

fn refuses(address: &Address) -> bool {
    Client::try_connect(address).is_none()
}

#[test]
fn addresses_come_and_go_and_clients_of_those_that_stay_do_not_notice() {
    for_each_server(|server| {
        let host = start(bind(&["127.0.0.1:0", "unix:a.sock"]), server);
        let callers = Callers::of(host.address(), "/");
        // On `single` the connections of this test would make a kept one give way.
        let clients = if server == "single" { 0 } else { 4 };
        callers.call(clients, || {
            for _ in 0..5 {
                let (added, removed) = take(&host, &["127.0.0.1:0", "unix:b.sock"]);
                assert_eq!((added, removed), (vec!["b.sock".to_owned()], vec!["a.sock".to_owned()]));
                assert!(refuses(&socket(&host, "a.sock")) && !host.folder().join("a.sock").exists());
                assert_eq!(Client::connect(&socket(&host, "b.sock")).get("/").text(), "hello\n");
                callers.wait_for_more(5 * clients);
                take(&host, &["unix:a.sock", "127.0.0.1:0"]);
                assert_eq!(Client::connect(&socket(&host, "a.sock")).get("/").text(), "hello\n");
            }
        });
        assert_eq!(host.stop().code, Some(0));
        assert!(!host.folder().join("a.sock").exists());
    });
}

#[test]
fn connections_of_an_address_that_is_removed_go_on() {
    on_servers(&at_once(), |server| {
        let host = start(bind(&["127.0.0.1:0", "unix:a.sock"]), server);
        let mut kept = Client::connect(&socket(&host, "a.sock"));
        assert_eq!(kept.get("/").text(), "hello\n");
        let mut under_way = Client::connect(&socket(&host, "a.sock"));
        let gate = host.folder().join("gate").display().to_string();
        under_way.send_head("GET", "/pending", &[("x-gate", &gate)]);
        host.wait_for_line("INFO pending");
        take(&host, &["127.0.0.1:0"]);
        host.folder().write("gate", "");
        assert_eq!(under_way.read().text(), "at last\n");
        for client in [&mut kept, &mut under_way] {
            let answer = client.get("/");
            assert_eq!((answer.text(), answer.header("connection")), ("hello\n", None));
        }
    });
}

#[test]
fn of_free_ports_the_first_stays_and_each_new_one_is_another() {
    for_each_server(|server| {
        let host = start(bind(&["127.0.0.1:0"]), server);
        let first = host.urls()[0].clone();
        let (added, removed) = take(&host, &["127.0.0.1:0", "127.0.0.1:0"]);
        assert_eq!((added.len(), removed.len()), (1, 0));
        let second = added[0].clone();
        assert_ne!(second, first);
        assert_eq!(Client::connect(&Address::of_url(&second)).get("/").text(), "hello\n");
        assert_eq!(host.status()["listeners"], json!([first, second]));
        assert_eq!(take(&host, &["127.0.0.1:0"]), (vec![], vec![second.clone()]));
        assert!(refuses(&Address::of_url(&second)));
        assert_eq!(host.get("/").text(), "hello\n");
    });
}

#[test]
fn a_taken_address_is_an_error_and_nothing_has_changed() {
    for_each_server(|server| {
        let host = start(bind(&["127.0.0.1:0"]), server);
        let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = other.local_addr().expect("an address").to_string();
        // The plugin would be another one, too, and the first address would go.
        let spec = bind(&["unix:a.sock", &taken]).text("config = { a = 1 }");
        let output = host.reload_spec(&spec);
        assert_eq!(output.code, Some(1), "{output:?}");
        let error: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let text = error["error"].as_str().expect("a text");
        assert!(text.starts_with("the new spec was not taken: app.toml:5:"), "{text}");
        assert!(text.contains(&format!("cannot listen on {taken}: address already in use")), "{text}");
        assert!(!host.folder().join("a.sock").exists(), "it was bound for nothing, and closed again");
        assert_eq!(host.status()["listeners"], json!([host.urls()[0]]));
        assert_eq!(host.status()["generations"][0]["generation"], 1);
        assert_eq!(host.get("/").text(), "hello\n");
    });
}

#[test]
fn an_address_is_closed_again_when_the_rest_of_the_spec_fails() {
    let host = start(bind(&["127.0.0.1:0"]), "threaded");
    let spec = bind(&["127.0.0.1:0", "unix:a.sock"]).plugin("missing", Path::new("missing.so"));
    let output = host.reload_spec(&spec);
    assert_eq!(output.code, Some(78), "{output:?}");
    eventually("the socket is gone", || !host.folder().join("a.sock").exists());
    assert_eq!(host.status()["listeners"], json!([host.urls()[0]]));
}

#[test]
fn flags_win_over_the_new_spec_too() {
    let host = Host::with(bind(&["unix:a.sock"]), "threaded").bind("127.0.0.1:0").start();
    assert_eq!(take(&host, &["unix:b.sock"]), (vec![], vec![]));
    assert_eq!(host.get("/").text(), "hello\n");
}

#[test]
fn the_next_worker_listens_where_the_last_one_did() {
    for_each_server(|server| {
        let host = start(bind(&["127.0.0.1:0", "unix:a.sock"]), server);
        take(&host, &["127.0.0.1:0", "unix:b.sock", "127.0.0.1:0"]);
        let urls = host.status()["listeners"].clone();
        let served = |why: &str| {
            assert_eq!(host.status()["listeners"], urls, "{why}");
            for url in urls.as_array().expect("a list") {
                let address = match Address::of_url(url.as_str().expect("a URL")) {
                    Address::Unix(file) => Address::Unix(host.folder().join(file)),
                    tcp => tcp,
                };
                assert_eq!(Client::connect(&address).get("/").text(), "hello\n", "{why}");
            }
            assert!(refuses(&socket(&host, "a.sock")), "{why}");
        };
        served("after the change");
        assert_eq!(host.ctl(["restart"]).code, Some(0));
        served("after a restart");
        let worker = Pid::from_raw(host.worker_pid().cast_signed()).expect("a process id");
        kill_process(worker, Signal::KILL).expect("a process of our own");
        host.wait_for_line("was killed by SIGKILL");
        eventually("another worker serves", || host.status()["state"] == "serving");
        served("after a crash");
    });
}

#[test]
fn a_restart_takes_addresses_that_nobody_has_reloaded() {
    let host = start(bind(&["127.0.0.1:0", "unix:a.sock"]), "threaded");
    host.folder().write("app.toml", bind(&["unix:b.sock", "127.0.0.1:0"]).as_str());
    assert_eq!(host.ctl(["restart"]).code, Some(0));
    assert_eq!(Client::connect(&socket(&host, "b.sock")).get("/").text(), "hello\n");
    let names: Vec<String> =
        host.status()["listeners"].as_array().expect("a list").iter().map(below).collect();
    assert_eq!(names, [host.urls()[0].as_str(), "b.sock"]);
    eventually("the old one is closed", || refuses(&socket(&host, "a.sock")));
    assert_eq!(host.get("/").text(), "hello\n");
}

#[test]
fn a_restart_for_a_taken_address_changes_nothing() {
    let host = start(bind(&["127.0.0.1:0"]), "threaded");
    let worker = host.worker_pid();
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = other.local_addr().expect("an address").to_string();
    host.folder().write("app.toml", bind(&["unix:a.sock", &taken]).as_str());
    let output = host.ctl(["restart"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    host.wait_for_line("address already in use");
    eventually("what it had bound is closed", || !host.folder().join("a.sock").exists());
    assert_eq!((host.worker_pid(), host.get("/").text()), (worker, "hello\n"));
}

#[test]
fn a_host_without_a_supervisor_changes_its_addresses_too() {
    for_each_server(|server| {
        let spec = bind(&["127.0.0.1:0", "unix:a.sock"]);
        let host = Host::with(spec, server).bind_by_spec().arg("--no-supervisor").start();
        assert_eq!(take(&host, &["unix:b.sock", "127.0.0.1:0"]).0, ["b.sock"]);
        assert_eq!(Client::connect(&socket(&host, "b.sock")).get("/").text(), "hello\n");
        assert!(!host.folder().join("a.sock").exists());
        assert_eq!(host.get("/").text(), "hello\n");
        assert_eq!(host.stop().code, Some(0));
        assert!(!host.folder().join("b.sock").exists());
    });
}
