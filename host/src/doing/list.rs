//! The requests in flight, for people and for programs.

use super::table::{harmless, table};
use crate::clock::coarse_ms;
use crate::control::Answer;
use crate::scoreboard::{Client, InFlight};
use crate::units;
use serde_json::{Value, json};
use std::time::Duration;

/// How many requests are listed where nobody says.
pub(crate) const LISTED_MAX: usize = 100;

/// The oldest of them, and how many more there are.
pub(crate) fn list(in_flight: Vec<InFlight>, max: usize) -> Answer {
    let now = coarse_ms();
    let (count, more) = (in_flight.len(), in_flight.len().saturating_sub(max));
    let listed = &in_flight[..count - more];
    let requests: Vec<Value> = listed.iter().map(|one| json_of(one, now)).collect();
    let data = json!({ "requests": requests, "count": count, "more": more });
    Answer::done(text(listed, now, more), data)
}

fn text(listed: &[InFlight], now: u64, more: usize) -> String {
    let count = match listed.len() + more {
        0 => return "no request is in flight".to_owned(),
        1 => "1 request in flight".to_owned(),
        count => format!("{count} requests in flight"),
    };
    let names = ["id", "age", "state", "client", "request", "route", "plugin", "process"];
    let names = [names.map(str::to_owned)];
    let lines: Vec<_> = names.into_iter().chain(listed.iter().map(|one| row(one, now))).collect();
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    format!("{count}\n{}{more}", table(&lines)).trim_end().to_owned()
}

fn row(one: &InFlight, now: u64) -> [String; 8] {
    let none = || "-".to_owned();
    [
        one.id.clone(),
        units::duration(age(one, now)),
        one.state.name().to_owned(),
        client(one.client),
        request(one),
        one.route.as_ref().map_or_else(none, |(method, rule)| format!("{method} {rule}")),
        one.generation.as_ref().map_or_else(none, |generation| {
            format!("{}/{} {}", generation.plugin, generation.number, generation.version)
        }),
        match one.thread {
            Some(thread) => format!("{}, thread {thread}", one.pid),
            None => one.pid.to_string(),
        },
    ]
}

/// `GET /path`.
pub(super) fn request(one: &InFlight) -> String {
    harmless(&format!("{} {}", one.method, one.path))
}

pub(super) fn client(client: Client) -> String {
    match client {
        Client::At(address) => address.to_string(),
        Client::Unix => "unix:".to_owned(),
    }
}

pub(super) fn age(one: &InFlight, now: u64) -> Duration {
    Duration::from_millis(now.saturating_sub(one.began_ms))
}

pub(super) fn json_of(one: &InFlight, now: u64) -> Value {
    let route = one.route.as_ref().map(|(method, rule)| json!({ "method": method, "rule": rule }));
    let generation = one.generation.as_ref();
    json!({
        "id": one.id,
        "client": client(one.client),
        "method": one.method,
        "path": one.path,
        "route": route,
        "plugin": generation.map(|generation| &generation.plugin),
        "version": generation.map(|generation| &generation.version),
        "generation": generation.map(|generation| generation.number),
        "digest": generation.map(|generation| &generation.digest),
        "age_ms": u64::try_from(age(one, now).as_millis()).unwrap_or(u64::MAX),
        "state": one.state.name(),
        "pid": one.pid,
        "thread": one.thread,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoreboard::{GenerationOnBoard, State};

    fn in_flight(id: &str, began_ms: u64) -> InFlight {
        let generation = GenerationOnBoard {
            is_optional: false,
            plugin: "lab".into(),
            number: 3,
            version: "1.0.0".into(),
            digest: "ab".into(),
            build_id: String::new(),
            file: "/liblab.so".into(),
            mapped: 0..0,
        };
        InFlight {
            id: id.to_owned(),
            client: Client::At(([127, 0, 0, 1], 4711).into()),
            method: "GET".into(),
            path: "/wait/1".into(),
            route: Some(("GET".into(), "/wait/<n>".into())),
            generation: Some(generation),
            state: State::InHandler,
            pid: 17,
            thread: Some(18),
            calls: 1,
            began_ms,
        }
    }

    #[test]
    fn people_get_a_table_and_programs_get_all_of_it() {
        let (now, request) = (100_000, in_flight("a-1", 10_500));
        let want = "1 request in flight
  id   age    state       client          request      route          plugin       process
  a-1  89.5s  in handler  127.0.0.1:4711  GET /wait/1  GET /wait/<n>  lab/3 1.0.0  17, thread 18";
        assert_eq!(text(std::slice::from_ref(&request), now, 0), want);
        let want = json!({
            "id": "a-1", "client": "127.0.0.1:4711", "method": "GET", "path": "/wait/1",
            "route": { "method": "GET", "rule": "/wait/<n>" }, "plugin": "lab", "version": "1.0.0",
            "generation": 3, "digest": "ab", "age_ms": 89_500, "state": "in handler", "pid": 17, "thread": 18,
        });
        assert_eq!(json_of(&request, now), want);
    }

    #[test]
    fn what_is_not_known_is_said_to_be_nothing() {
        let unrouted = InFlight {
            client: Client::Unix,
            route: None,
            generation: None,
            state: State::Reading,
            thread: None,
            ..in_flight("a-1", 0)
        };
        let want = ["a-1", "5s", "reading", "unix:", "GET /wait/1", "-", "-", "17"].map(str::to_owned);
        assert_eq!(row(&unrouted, 5000), want);
        let json = json_of(&unrouted, 5000);
        assert!(json["route"].is_null() && json["plugin"].is_null() && json["thread"].is_null(), "{json}");
    }

    #[test]
    fn only_so_many_are_listed_and_the_rest_is_counted() {
        assert_eq!(list(Vec::new(), 2).text, "no request is in flight");
        let many = (0..5).map(|number| in_flight(&format!("a-{number}"), 0)).collect();
        let answer = list(many, 2);
        assert!(answer.text.starts_with("5 requests in flight\n"), "{}", answer.text);
        assert!(answer.text.ends_with("\n  and 3 more"), "{}", answer.text);
        assert_eq!((answer.data["count"].as_u64(), answer.data["more"].as_u64()), (Some(5), Some(3)));
        let ids: Vec<_> =
            answer.data["requests"].as_array().expect("a list").iter().map(|one| &one["id"]).collect();
        assert_eq!(ids, ["a-0", "a-1"]);
    }
}
