//! Health where the app is served, if the spec says so.

use super::late;
use crate::harness::{Callers, Client, Host, at_once, for_each_server, on_servers};

#[test]
fn both_paths_are_the_apps_unless_the_spec_says_so() {
    for_each_server(|server| {
        let host = Host::with(late(), server).file("gate", "").start();
        host.get("/healthz").expect(404);
        host.get("/readyz").expect(404);
    });
}

#[test]
fn both_paths_are_answered_by_the_host_and_have_no_access_line() {
    for_each_server(|server| {
        let spec = late().text("[health]\nserve = true\nready = '/ready-now'");
        let host = Host::with(spec, server).file("gate", "").start();
        let mut client: Client = host.connect();
        assert_eq!(client.get("/healthz").expect(200).text(), "live\n");
        let ready = client.get("/ready-now?x").expect(200);
        assert_eq!((ready.text(), ready.header("cache-control")), ("ready\n", Some("no-store")));
        let json = client.request("GET", "/ready-now", &[("accept", "application/json")], "").expect(200);
        assert_eq!(json.text(), "{\"status\":\"ready\",\"why\":null}\n");
        assert_eq!(client.request("HEAD", "/healthz", &[], "").expect(200).text(), "");
        client.request("POST", "/healthz", &[], "").expect(404);
        client.get("/readyz").expect(404);
        drop(client);
        let output = host.stop();
        let lines: Vec<&str> = output.stderr.lines().filter(|line| line.contains("HTTP/1.1\"")).collect();
        assert!(lines.len() == 1 && lines[0].contains("GET /readyz "), "{output:?}");
    });
}

#[test]
fn an_app_stays_ready_while_another_worker_takes_over() {
    on_servers(&at_once(), |server| {
        let spec = late().text("[health]\nserve = true");
        let host = Host::with(spec, server).file("gate", "").start();
        let callers = Callers::of(host.address(), "/readyz");
        callers.call(4, || {
            callers.wait_for_more(10);
            assert_eq!(host.ctl(["restart"]).code, Some(0));
            callers.wait_for_more(10);
        });
        assert_eq!(callers.texts(), ["ready\n"]);
    });
}
