//! Where a host listens, and what it says.

use super::lab;
use crate::harness::{Address, Client, Host, eventually};
use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::net::UnixListener;

pub(super) fn the_banner_names_server_url_routes_and_how_to_stop(server: &'static str) {
    let host = Host::start(lab(), server);
    let Address::Tcp(address) = host.address() else { panic!("a TCP address") };
    assert_ne!(address.port(), 0, "port 0 shows the real port");
    let log = host.log();
    let lines: Vec<&str> = log.lines().collect();
    assert!(
        lines[0].starts_with("host v")
            && lines[0].contains(&format!("serving `test` with server `{server}`")),
        "{log}"
    );
    assert_eq!(lines[1], format!("Listening on http://{address}/"));
    assert!(lines.contains(&"  GET   /large/<bytes:int>   lab 1.0.0"), "{log}");
    assert_eq!(lines.last(), Some(&"Hit Ctrl-C to quit."), "{log}");
}

pub(super) fn an_ipv6_address_stands_in_brackets(server: &'static str) {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return eprintln!("this machine has no IPv6: nothing was tested");
    }
    let host = Host::with(lab(), server).bind("[::1]:0").start();
    assert!(host.urls()[0].starts_with("http://[::1]:"), "{:?}", host.urls());
    assert_eq!(host.get("/").text(), "hello\n");
}

pub(super) fn a_unix_socket_is_served_and_its_file_is_gone_at_the_end(server: &'static str) {
    let host = Host::with(lab(), server).bind("unix:host.sock").start();
    let file = host.folder().join("host.sock");
    let mut client = Client::connect(&Address::Unix(file.clone()));
    assert_eq!(client.get("/").text(), "hello\n");
    assert_eq!(client.request("POST", "/echo", &[], "body").text(), "body");
    eventually("the line of a request", || host.log().contains("unix: - - ["));
    assert_eq!(host.stop().code, Some(0));
    assert!(!file.exists(), "{} is still there", file.display());
}

pub(super) fn a_unix_socket_that_was_left_over_is_replaced_and_any_other_file_is_not(server: &'static str) {
    let starting = Host::with(lab(), server).bind("unix:host.sock");
    let file = starting.folder().join("host.sock");
    drop(UnixListener::bind(&file).expect("a socket file that nobody listens on"));
    let _host = starting.start();
    assert_eq!(Client::connect(&Address::Unix(file.clone())).get("/").text(), "hello\n");

    let second = Host::with(lab(), server).bind(&format!("unix:{}", file.display())).spawn().wait();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains(": address already in use"), "{second:?}");
    assert_eq!(Client::connect(&Address::Unix(file)).get("/").text(), "hello\n");

    let third = Host::with(lab(), server).bind("unix:host.sock").file("host.sock", "precious").spawn();
    assert_eq!(third.wait().code, Some(1));
    assert_eq!(std::fs::read_to_string(third.folder().join("host.sock")).expect("the file"), "precious");
}

pub(super) fn several_listeners_are_served_at_once(server: &'static str) {
    let host =
        Host::with(lab(), server).bind("127.0.0.1:0").bind("unix:host.sock").bind("127.0.0.1:0").start();
    assert_eq!(host.urls().len(), 3, "{:?}", host.urls());
    for _ in 0..3 {
        assert_eq!(host.get("/").text(), "hello\n");
        assert_eq!(
            Client::connect(&Address::Unix(host.folder().join("host.sock"))).get("/").text(),
            "hello\n"
        );
        assert_eq!(Client::connect(&Address::of_url(&host.urls()[2])).get("/").text(), "hello\n");
    }
    assert_eq!(host.stop().code, Some(0));
}

pub(super) fn a_port_in_use_is_an_error_that_says_what_to_do(server: &'static str) {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = other.local_addr().expect("an address");
    let output = Host::with(lab(), server).bind(&address.to_string()).spawn().wait();
    let text = format!(
        "host: --bind {address}: cannot listen on {address}: address already in use\n\
         help: stop the other server, or choose another port with --bind (port 0 takes a free one)\n"
    );
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), text.as_str()), "{output:?}");
}

pub(super) fn quiet_prints_nothing(server: &'static str) {
    let host = Host::with(lab(), server).bind("unix:host.sock").arg("--quiet").spawn();
    let address = Address::Unix(host.folder().join("host.sock"));
    eventually("it listens", || Client::try_connect(&address).is_some());
    assert_eq!(Client::connect(&address).get("/").text(), "hello\n");
    assert_eq!(Client::connect(&address).get("/missing").status, 404);
    let output = host.stop();
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(0), "", ""));
}

pub(super) fn quiet_still_says_what_goes_wrong(server: &'static str) {
    let host = Host::with(lab(), server).start_quietly();
    host.get("/fail").expect(500);
    host.wait_for_line("the handler failed with code -1");
    let output = host.stop();
    assert_eq!((output.code, output.stderr.lines().count()), (Some(0), 1), "{output:?}");
}

pub(super) fn every_request_has_one_line_that_says_what_became_of_it(server: &'static str) {
    let host = Host::start(lab().limits("body_bytes = '1KiB'"), server);
    let mut client = host.connect();
    client.get("/");
    client.get("/missing?a=b");
    client.request("POST", "/echo", &[], "body");
    client.request("HEAD", "/large/5000", &[], "");
    client.get("/write/2");
    client.request("POST", "/echo", &[("content-length", "2000")], "");
    drop(client);
    let output = host.stop();
    let lines: Vec<&str> = output.stderr.lines().filter(|line| line.contains(" HTTP/1.1\" ")).collect();
    let said: Vec<&str> = lines.iter().filter_map(|line| line.split('"').nth(1)).collect();
    let requests =
        ["GET /", "GET /missing?a=b", "POST /echo", "HEAD /large/5000", "GET /write/2", "POST /echo"];
    assert_eq!(said, requests.map(|request| format!("{request} HTTP/1.1")), "{output:?}");
    let ends = ["200 6 ", "404 ", "200 4 ", "200 - ", "200 22 ", "413 "];
    for (line, end) in lines.iter().zip(ends) {
        assert!(
            line.starts_with("127.0.0.1 - - [") && line.contains(&format!("HTTP/1.1\" {end}")),
            "{line}: not `{end}`"
        );
    }
}
