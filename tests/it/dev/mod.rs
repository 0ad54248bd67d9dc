//! `host dev`: a crate is built and swapped in when its source changes, and pages in browsers load again by themselves.

use crate::harness::{
    Address, Client, Host, Spec, Starting, at_once, eventually, for_each_server, happens_within, on_servers,
    root,
};
use std::time::Duration;

/// A compiler may take so long: several at once, on a machine that has other work.
const BUILD_MAX: Duration = Duration::from_secs(100);
const LIFE_MAX: Duration = Duration::from_secs(400);

const MANIFEST: &str = "[package]\nname = \"shop\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\
                        [lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";

/// The source of the shop, where `from` is to be `to`.
fn source(from: &str, to: &str) -> String {
    let text = include_str!("shop.txt");
    assert!(text.contains(from), "there is no `{from}` in it");
    text.replace("ABI\"", &format!("{}\"", root().join("plugin-api/src/abi.rs").display())).replace(from, to)
}

fn version(version: u32) -> String {
    source("version 1", &format!("version {version}"))
}

const SPEC: &str = "spec = 1\n[app]\nname = 'test'\n[[plugin]]\ncrate = 'shop'\n";

/// What the compiler does not take.
fn broken() -> String {
    source("TEXT.len()", "TEXT.lenn()")
}

fn starting(source: &str, server: &str) -> Starting {
    Host::developing(Spec::exactly(SPEC), server)
        .patience(BUILD_MAX)
        .life(LIFE_MAX)
        .file("shop/Cargo.toml", MANIFEST)
        .file("shop/src/lib.rs", source)
}

fn edit(host: &Host, source: &str) {
    host.folder().write("shop/src/lib.rs", source);
}

/// A browser that listens.
fn listening(host: &Host) -> Client {
    let mut browser = host.connect().patience(BUILD_MAX);
    browser.send_head("GET", "/__host/events", &[]).wait_for_bytes("event: hello");
    browser
}

#[test]
fn what_is_edited_is_built_and_served_and_browsers_are_told() {
    on_servers(&at_once(), |server| {
        let host = starting(&version(1), server).start();
        assert!(
            host.get("/").expect(200).text().contains("<h1>version 1</h1><script src=\"/__host/client.js\" ")
        );
        let mut browser = listening(&host);
        edit(&host, &version(2));
        browser.wait_for_bytes("event: swap");
        assert!(host.get("/").expect(200).text().contains("version 2"));
        assert!(host.log().contains("building shop: src/lib.rs changed"), "{}", host.log());
    });
}

#[test]
fn what_does_not_compile_is_shown_while_the_old_one_serves_on() {
    on_servers(&at_once(), |server| {
        let host = starting(&version(1), server).start();
        let mut browser = listening(&host);
        edit(&host, &broken());
        browser.wait_for_bytes("event: failure");
        assert!(host.get("/").expect(200).text().contains("version 1"));
        let page = host.get("/__host/failure?revision=1").expect(200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.text().contains("no method named `lenn`") && page.text().contains("src/lib.rs:"));
        assert!(!page.text().contains("<script"), "it stands in a frame");
        assert!(host.log().contains("error[E0599]: no method named `lenn`"), "{}", host.log());
        edit(&host, &version(1));
        browser.wait_for_bytes("event: recovered");
        assert!(host.get("/__host/failure").expect(200).text().contains("Everything builds"));
    });
}

/// One connection at a time: no stream may stay open.
#[test]
fn a_server_that_has_one_connection_at_a_time_tells_what_there_is() {
    let host = starting(&version(1), "single").start();
    let told = || host.get("/__host/events").expect(200).text().to_owned();
    let before = told();
    assert!(
        before.starts_with("retry: 500\nevent: hello\n") && before.contains("\"failing\":false"),
        "{before}"
    );
    edit(&host, &broken());
    assert!(happens_within(BUILD_MAX, || told().contains("event: failure")), "{}", host.log());
    edit(&host, &version(2));
    let is_told = || !told().contains("failing\":true") && told() != before;
    assert!(happens_within(BUILD_MAX, is_told), "{}", host.log());
    eventually("it is served", || host.get("/").expect(200).text().contains("version 2"));
}

#[test]
fn without_anything_to_serve_every_page_says_what_fails() {
    for_each_server(|server| {
        let host = starting(&broken(), server).spawn();
        let line = host.wait_for_line("It is shown on ");
        let url = line.strip_prefix("It is shown on ").expect("it begins so");
        let page = Client::connect(&Address::of_url(url)).get("/any/page").expect(503);
        assert!(page.text().contains("no method named `lenn`"));
        assert!(page.text().contains("/__host/client.js"), "it loads again");
        edit(&host, &version(1));
        host.wait_for_line("Hit Ctrl-C to quit.");
        assert_eq!(host.stop().code, Some(0));
    });
}

#[test]
fn a_spec_that_cannot_be_read_is_shown_too() {
    let host = starting(&version(1), "threaded").start();
    let mut browser = listening(&host);
    host.folder().write("app.toml", "spec = 1\n[ap]\n");
    browser.wait_for_bytes("event: failure");
    assert!(host.get("/__host/failure").expect(200).text().contains("unknown key `ap` in the spec"));
    host.folder().write("app.toml", SPEC);
    browser.wait_for_bytes("event: recovered");
}

#[test]
fn only_pages_get_the_script() {
    for_each_server(|server| {
        let host = starting(&version(1), server).start();
        let mut client = host.connect();
        assert_eq!(client.get("/text").expect(200).text(), "</body> version 1");
        let page = client.get("/").expect(200);
        let length = page.header("content-length").map(str::parse);
        assert_eq!(length, Some(Ok(page.text().len())));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let piece = client.request("GET", "/", &[("sec-fetch-dest", "empty")], "").expect(200);
        assert!(!piece.text().contains("<script"), "a script of the page asked for it");
        let missing = client.request("GET", "/none", &[("accept", "text/html")], "").expect(404);
        assert!(missing.text().contains("/__host/client.js"), "an error page loads again, too");
        assert!(client.get("/__host/client.js").expect(200).text().contains("EventSource"));
    });
}

#[test]
fn an_open_page_does_not_hold_up_the_end() {
    on_servers(&at_once(), |server| {
        let host = starting(&version(1), server).start();
        let mut browser = listening(&host);
        assert_eq!(host.stop().code, Some(0));
        browser.wait_for_end();
    });
}
