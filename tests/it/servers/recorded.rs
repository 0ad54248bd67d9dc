//! The list of conformance and smuggling cases, `tests/cases/http1.json`, replayed over real sockets.
//!
//! The format is told in `host/src/h1/tests/cases.rs`, where the same list is held against the sans-IO connection.

use crate::harness::{Client, Host, NoAnswer, Spec, plugin_from_c, registered};
use serde_json::Value;
use std::time::Duration;

/// How long a server must have done nothing to be believed that it waits.
const QUIET: Duration = Duration::from_millis(60);

struct Case {
    id: String,
    bytes: Vec<u8>,
    half_close: bool,
    head: bool,
    expect: Vec<u64>,
    closes: bool,
}

fn cases(http: &str) -> Vec<Case> {
    let list: Value =
        serde_json::from_str(include_str!("../../cases/http1.json")).expect("http1.json is JSON");
    list.as_array().expect("http1.json is a list").iter().map(|case| read_case(case, http)).collect()
}

fn read_case(case: &Value, http: &str) -> Case {
    // What this HTTP does instead, else what every one does, else what the connection does by itself.
    let value = |key: &str| {
        let places = [&case[http][key], &case["host"][key], &case[key]];
        places.into_iter().find(|value| !value.is_null()).unwrap_or(&Value::Null)
    };
    let statuses = value("expect").as_array().expect("`expect` is a list");
    Case {
        id: case["id"].as_str().expect("`id` is a text").to_owned(),
        bytes: read_bytes(case["bytes"].as_str().expect("`bytes` is a text"), &case["repeat"]),
        half_close: case["half_close"] == true,
        head: case["head"] == true,
        expect: statuses.iter().map(|status| status.as_u64().expect("a status")).collect(),
        closes: value("closes").as_bool().expect("`closes` is missing"),
    }
}

fn read_bytes(text: &str, repeat: &Value) -> Vec<u8> {
    let repeated = match repeat.as_array().map(Vec::as_slice) {
        Some([part, times]) => {
            part.as_str().expect("a text").repeat(times.as_u64().expect("a number") as usize)
        }
        _ => String::new(),
    };
    let text = text.replace("{repeat}", &repeated);
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("a character is a byte")).collect()
}

pub(super) fn every_recorded_case_gets_its_statuses_and_its_close(server: &'static str) {
    let library = plugin_from_c("anything", include_str!("anything.c"));
    // The limits that the cases were recorded with.
    let spec = Spec::new().plugin("anything", &library).limits("headers = 100\nbody_bytes = '1MiB'");
    let host = Host::start(spec, server);
    let wrong: Vec<String> =
        cases(&registered(server).http).iter().filter_map(|case| replay(&host, case).err()).collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

fn replay(host: &Host, case: &Case) -> Result<(), String> {
    let mut client = host.connect();
    // A server may have closed before it read all.
    let _ = client.try_send(&case.bytes);
    if case.half_close {
        client.half_close();
    }
    let mut statuses = Vec::new();
    for _ in &case.expect {
        match client.try_read_answer_to(if case.head { "HEAD" } else { "GET" }) {
            Ok(answer) => statuses.push(u64::from(answer.status)),
            Err(why) => {
                return Err(format!(
                    "{}: {statuses:?} and then {why:?} instead of {:?}",
                    case.id, case.expect
                ));
            }
        }
    }
    let end = if case.closes { ends(&mut client) } else { waits(&mut client, case) };
    match end {
        Ok(()) if statuses == case.expect => Ok(()),
        Ok(()) => Err(format!("{}: {statuses:?} instead of {:?}", case.id, case.expect)),
        Err(why) => Err(format!("{}: {statuses:?} and then {why}", case.id)),
    }
}

fn ends(client: &mut Client) -> Result<(), String> {
    match client.try_read() {
        Err(NoAnswer::Ended) if client.received().is_empty() => Ok(()),
        other => Err(format!("{other:?} instead of the end")),
    }
}

/// The connection is open. Where the last request was answered the next one is, too; else nothing may happen.
fn waits(client: &mut Client, case: &Case) -> Result<(), String> {
    if case.expect.is_empty() || case.half_close {
        return client
            .is_quiet_for(QUIET)
            .then_some(())
            .ok_or_else(|| "not the silence of a server that waits".to_owned());
    }
    let _ = client.try_send(b"GET /after HTTP/1.1\r\nhost: a\r\n\r\n");
    match client.try_read() {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?} to a further request")),
    }
}
