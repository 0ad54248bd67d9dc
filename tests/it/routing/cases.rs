//! Cases of routing: an app as the configuration of `plugins/echo`, a request, and its answer. `plugins/echo/README.md`
//! tells the form of the app.
//!
//! A host serves all of them at once: each app has a host name of its own, and cases with the same app share it.

use crate::harness::{Host, Response, Spec, workspace_plugin};
use serde_json::{Map, Value, json};
use std::fmt;

/// A case, with the app that it is about.
pub(super) struct Case {
    json: Value,
    config: Value,
}

/// The cases of a file that go over a socket.
pub(super) fn cases(text: &str) -> Vec<Case> {
    let list: Vec<Value> = serde_json::from_str(text).expect("a list of cases");
    list.into_iter().filter(|case| case["level"] == "http").map(Case::new).collect()
}

impl Case {
    fn new(json: Value) -> Self {
        let keys = ["routes", "filters", "error_handlers", "mounts", "merges"];
        let present = keys.iter().filter(|key| !json[key].is_null());
        let config: Map<String, Value> = present.map(|key| ((*key).to_owned(), json[key].clone())).collect();
        Self { config: config.into(), json }
    }

    fn request(&self, key: &str) -> &str {
        self.json["request"][key].as_str().unwrap_or_default()
    }
}

/// Serves all cases, and asks each its question.
#[track_caller]
pub(super) fn replay(cases: &[Case], server: &str) {
    let apps = Apps::of(cases);
    let host = Host::start(apps.spec(), server);
    let wrong: Vec<String> =
        cases.iter().filter_map(|case| check(case, &ask(&host, case, &apps.host_of(case))).err()).collect();
    // A case that failed says all there is to say; the spec and the log of all of them would bury it.
    drop(host);
    assert!(
        wrong.is_empty(),
        "{} of {} cases on `{server}`:\n\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// The different apps of a list of cases.
struct Apps<'a>(Vec<&'a Value>);

impl<'a> Apps<'a> {
    fn of(cases: &'a [Case]) -> Self {
        let mut apps: Vec<&Value> = Vec::new();
        for case in cases {
            if !apps.contains(&&case.config) {
                apps.push(&case.config);
            }
        }
        Self(apps)
    }

    /// One plugin whose factory makes all of them: a copy of the library for each would take a while.
    fn spec(&self) -> Spec {
        let spec = Spec::new().plugin("echo", &workspace_plugin("echo"));
        self.0.iter().enumerate().fold(spec, |spec, (number, config)| {
            let entries = config.as_object().into_iter().flatten();
            let args: Vec<String> = entries.map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            let target = text(&format!("echo:rules({})", args.join(", ")));
            spec.text(&format!("[[mount]]\nat = \"/\"\nhosts = [\"app-{number}.test\"]\ntarget = {target}"))
        })
    }

    fn host_of(&self, case: &Case) -> String {
        let number = self.0.iter().position(|app| **app == case.config).expect("the app of a case");
        format!("app-{number}.test")
    }
}

/// JSON as TOML, on one line.
fn toml(json: &Value) -> String {
    match json {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{} = {}", text(key), toml(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::String(string) => text(string),
        other => other.to_string(),
    }
}

/// A text is the same in both, but for one character.
fn text(text: &str) -> String {
    json!(text).to_string().replace('\u{7f}', "\\u007F")
}

fn ask(host: &Host, case: &Case, name: &str) -> Response {
    host.request(case.request("method"), case.request("path"), &[("host", name)], case.request("body"))
}

fn check(case: &Case, answer: &Response) -> Result<(), String> {
    let expect = &case.json["expect"];
    let wrong: Vec<String> = facts(expect, answer, case.request("method") == "HEAD")
        .into_iter()
        .filter(|fact| fact.expected != fact.got)
        .map(|fact| fact.to_string())
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let (id, request) = (&case.json["id"], &case.json["request"]);
    Err(format!("{id}\n  app      {}\n  request  {request}\n  {}\n", case.config, wrong.join("\n  ")))
}

/// Something about an answer.
struct Fact {
    what: String,
    expected: Value,
    got: Value,
}

impl Fact {
    fn new(what: impl Into<String>, expected: &Value, got: Value) -> Self {
        Self { what: what.into(), expected: expected.clone(), got }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} expected {}, got {}", self.what, self.expected, self.got)
    }
}

/// Everything that the case says of the answer, beside what the answer is.
fn facts(expect: &Value, answer: &Response, is_head: bool) -> Vec<Fact> {
    let header = |name: &str| answer.header(name).map_or(Value::Null, Value::from);
    let mut facts = vec![Fact::new("status", &expect["status"], answer.status.into())];
    for (name, value) in expect["headers"].as_object().into_iter().flatten() {
        facts.push(Fact::new(name, value, header(name)));
    }
    if expect["body_empty"] == true || is_head {
        facts.push(Fact::new("body", &json!(""), String::from_utf8_lossy(&answer.body).into()));
    }
    if expect["tag"].is_null() {
        return facts;
    }
    // What is not ASCII is escaped in headers, and as it is in the body.
    if expect["tag"].as_str().is_some_and(str::is_ascii) {
        facts.push(Fact::new("x-tag", &expect["tag"], header("x-tag")));
    }
    let params = answer.header("x-params").and_then(|params| serde_json::from_str(params).ok());
    let expected = if expect["params"].is_null() { &json!({}) } else { &expect["params"] };
    facts.push(Fact::new("x-params", expected, params.unwrap_or_default()));
    if !is_head {
        facts.extend(body_facts(expect, answer));
    }
    facts
}

fn body_facts(expect: &Value, answer: &Response) -> Vec<Fact> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let named = ["tag", "params", "param_types"].into_iter().filter(|key| !expect[key].is_null());
    named.map(|key| Fact::new(key, &expect[key], body[key].clone())).collect()
}
