//! A request's id: in its answer, and on each of its lines.

use super::says;
use crate::harness::{Host, Response, eventually, for_each_server};

#[track_caller]
fn id_of(answer: &Response) -> String {
    answer.header("x-request-id").unwrap_or_else(|| panic!("no id: {answer:?}")).to_owned()
}

/// Waits for so many lines that contain `part`, and sees that each has the id.
#[track_caller]
fn each_line_has(host: &Host, part: &str, count: usize, id: &str) {
    let lines =
        || host.log().lines().filter(|line| line.contains(part)).map(str::to_owned).collect::<Vec<_>>();
    eventually(part, || lines().len() >= count);
    let lines = lines();
    assert!(lines.len() == count && lines.iter().all(|line| line.contains(id)), "{id}: {lines:#?}");
}

#[test]
fn a_requests_id_is_in_its_answer_and_on_each_of_its_lines() {
    for_each_server(|server| {
        let host = Host::start(says(), server);
        let mut client = host.connect();
        // By both ways to the log, and the access line.
        for (path, lines) in [
            ("/say/word-one", 3),
            ("/elsewhere/word-two", 3),
            ("/later/word-three", 2),
            ("/stream/word-four", 2),
        ] {
            let answer = client.get(path).expect(200);
            let id = id_of(&answer);
            assert!(answer.text() == id || answer.text() == "chunk", "{answer:?}");
            let word = path.rsplit('/').next().expect("a word");
            each_line_has(&host, word, lines, &id);
        }
    });
}

#[test]
fn what_a_plugin_says_outside_of_a_request_has_no_id() {
    let host = Host::start(says(), "threaded");
    assert!(host.wait_for_line("created").contains("request=\"-\""));
    host.swap("says");
    eventually("the next generation", || host.log().matches("created").count() == 2);
    assert_eq!(host.log().matches("request=\"-\"").count(), 2);
}

#[test]
fn no_id_is_taken_from_a_client_or_a_plugin_and_none_is_given_twice() {
    for_each_server(|server| {
        let host = Host::start(says(), server);
        let mut client = host.connect();
        let mut ids = Vec::new();
        for path in ["/say/x", "/own-id", "/nothing", "/say/%ff"] {
            let answer = client.request("GET", path, &[("x-request-id", "forged")], "");
            let named = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
            assert_eq!(named.count(), 1, "{answer:?}");
            ids.push(id_of(&answer));
        }
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.len() == 4 && !ids.contains(&"forged".to_owned()), "{ids:?}");
    });
}

#[test]
fn requests_that_cannot_be_read_have_no_id_in_common() {
    for_each_server(|server| {
        let host = Host::start(says().text("[log]\naccess = 'json'"), server);
        for _ in 0..3 {
            let mut client = host.connect();
            client.send("NO REQUEST\r\n\r\n");
            client.read().expect(400);
        }
        let output = host.stop();
        let lines = output.stderr.lines().filter_map(|line| serde_json::from_str(line).ok());
        let refused = lines.filter(|line: &serde_json::Value| line["status"] == 400);
        let mut ids: Vec<String> = refused.map(|line| line["request"].to_string()).collect();
        // Those that actix-http refuses by itself have no line.
        let want = if matches!(server, "actix" | "pool") { 0 } else { 3 };
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), want, "{output:?}");
    });
}

#[test]
fn the_spec_names_the_header_of_ids_and_a_new_spec_another_one() {
    for_each_server(|server| {
        let named = |name: &str| says().text(&format!("[log]\nrequest_id = '{name}'"));
        let host = Host::start(named("X-Trace"), server);
        let answer = host.get("/say/x");
        assert_eq!(answer.header("x-trace"), Some(answer.text()));
        assert_eq!(answer.header("x-request-id"), None);
        let taken = host.reload_spec(&named("")).json();
        assert_eq!(taken["settings"], serde_json::json!(["log.request_id"]));
        assert_eq!(host.get("/say/x").header("x-trace"), None);
        host.reload_spec(&named("x-other")).json();
        assert!(host.get("/say/x").header("x-other").is_some());
    });
}
