//! Servers, addresses and flags.

use super::{Files, Plugin, assert_checked, assert_told, only};
use std::net::TcpListener;

fn files(lines: &str) -> Files {
    Files::of(&[&Plugin::with_a_route("x")], only("x").text(lines))
}

#[test]
fn a_server_that_is_unknown() {
    let files = files("");
    let run = |server| files.run(&["--app", "app.toml", "--server", server]);
    assert_told("an unknown server", &run("treaded"));
    assert_told("an unknown server of Bottle's", &run("gae"));
}

#[test]
fn a_server_of_the_spec_that_is_unknown() {
    assert_checked("an unknown server in the spec", &files("[server]\nname = \"atcix\""));
}

#[test]
fn an_option_that_the_server_does_not_have() {
    assert_checked(
        "an unknown option of a server",
        &files("[server]\nname = \"actix\"\n[server.options]\nbacklogg = 5"),
    );
    assert_checked(
        "an option of a server without options",
        &files("[server]\nname = \"single\"\noptions = { x = 5 }"),
    );
}

#[test]
fn a_port_that_is_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let mut output = files("").run(&["--app", "app.toml", "--quiet", "--bind", &address]);
    output.stderr = output.stderr.replace(&address, "127.0.0.1:PORT");
    assert_told("a port in use", &output);
}

#[test]
fn a_port_of_the_spec_that_is_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port();
    // Five digits, so that the columns stay where they are.
    let lines = format!("[server]\nbind = [\"127.0.0.1:{port:05}\"]");
    let mut output = files(&lines).run(&["--app", "app.toml", "--quiet"]);
    output.stderr = output.stderr.replace(&format!("{port:05}"), "PORT5").replace(&port.to_string(), "PORT");
    assert_told("a port of the spec in use", &output);
}

#[test]
fn an_address_that_is_none() {
    let run = |bind| files("").run(&["--app", "app.toml", "--quiet", "--bind", bind]);
    assert_told("an address with a port that is none", &run("127.0.0.1:http"));
    assert_told("an address of another machine", &run("192.0.2.1:0"));
}

#[test]
fn no_app() {
    assert_told("no app", &files("").run(&[]));
    assert_told("no app to check", &files("").run(&["check"]));
}

#[test]
fn a_spec_that_is_missing() {
    assert_told("no such spec", &files("").run(&["--app", "ap.toml"]));
}

#[test]
fn a_flag_that_is_unknown() {
    assert_told("an unknown flag", &files("").run(&["--app", "app.toml", "--sever", "single"]));
}

#[test]
fn an_override_that_is_none() {
    let run = |set| files("").run(&["check", "--app", "app.toml", "--set", set]);
    assert_told("an override without a value", &run("limits.connections"));
    assert_told("an override of an unknown key", &run("limits.conections=10"));
}
