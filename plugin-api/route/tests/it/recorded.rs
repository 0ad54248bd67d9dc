//! What Bottle answers, recorded from it.

use plugin_api_route::{
    AddError, BuildError, FilterSpec, Outcome, Params, Router, Value, ValueKind, re_flatten,
};
use serde_json::{Value as Json, json};

const ROUTING: &str = include_str!("../cases/routing.json");
const BEHAVIOUR: &str = include_str!("../cases/behaviour.json");

fn cases(group: &str) -> Vec<Json> {
    let all: Json = serde_json::from_str(BEHAVIOUR).unwrap();
    all[group]["cases"].as_array().unwrap().clone()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn requests_get_the_recorded_answers() {
    let cases: Vec<Json> = serde_json::from_str(ROUTING).unwrap();
    assert_eq!(cases.len(), 148);
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(case: &Json) -> Result<(), String> {
    let expect = &case["expect"];
    let got = request(case);
    let same = ["status", "tag", "params"].iter().all(|key| expect[*key] == got[*key]);
    let allow = expect["headers"]["Allow"] == got["allow"];
    if same && allow { Ok(()) } else { Err(format!("{}: expected {expect}, got {got}", text(&case["id"]))) }
}

fn request(case: &Json) -> Json {
    let request = &case["request"];
    let raw = text(&request["path"]).split('?').next().unwrap_or_default();
    // A path that is not UTF-8 never gets to the router.
    let Some(path) = percent_decoded(raw) else { return json!({ "status": 400 }) };
    match router(case).matches(text(&request["method"]), &path) {
        Outcome::Found { route, params } => {
            json!({ "status": 200, "tag": route.payload(), "params": object(&params) })
        }
        Outcome::MethodNotAllowed { allow } => json!({ "status": 405, "allow": allow }),
        refused => json!({ "status": refused.refusal() }),
    }
}

fn router(case: &Json) -> Router<String> {
    let mut router = Router::new();
    for filter in list(&case["filters"]) {
        let kind = if filter["to"] == "int" { ValueKind::Int } else { ValueKind::Text };
        router.add_filter(text(&filter["name"]), FilterSpec::pattern(text(&filter["regex"]), kind));
    }
    for route in list(&case["routes"]) {
        router
            .add(text(&route["method"]), text(&route["rule"]), None, text(&route["tag"]).to_owned())
            .unwrap();
    }
    router
}

fn object(params: &Params<'_>) -> Json {
    let value = |value| match value {
        Value::Text(text) => json!(text),
        Value::Int(number) => json!(number),
        Value::Float(number) => json!(number),
    };
    params.iter().map(|param| (param.name.to_owned(), value(param.value))).collect()
}

fn percent_decoded(raw: &str) -> Option<String> {
    let mut pieces = raw.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).ok()?);
        bytes.extend(piece[2..].bytes());
    }
    String::from_utf8(bytes).ok()
}

#[test]
fn urls_are_built_as_recorded() {
    for case in cases("url_build") {
        let mut router = Router::new();
        router.add("GET", text(&case["rule"]), Some(text(&case["name"])), ()).unwrap();
        let anonymous: Vec<Value<'_>> = list(&case["anons"]).iter().map(value).collect();
        let named = case["kwargs"].as_object().unwrap();
        let named: Vec<_> = named.iter().map(|(name, json)| (name.as_str(), value(json))).collect();
        let got = match router.build(text(&case["build"]), &anonymous, &named) {
            Ok(url) => json!({ "ok": url }),
            Err(BuildError::BadValue { .. }) => json!({ "error": "ValueError" }),
            Err(_) => json!({ "error": "RouteBuildError" }),
        };
        assert_eq!(got, case["result"], "{case}");
    }
}

fn value(json: &Json) -> Value<'_> {
    let number = || json.as_i64().map(Value::Int).or(json.as_f64().map(Value::Float));
    json.as_str().map(Value::Text).or_else(number).unwrap()
}

#[test]
fn rules_are_refused_as_recorded() {
    for case in cases("route_registration") {
        let got = match Router::new().add("GET", text(&case["rule"]), None, ()) {
            Ok(_) => "accepted",
            Err(AddError::UnknownFilter { .. }) => "KeyError",
            Err(_) => "RouteSyntaxError",
        };
        assert_eq!(got, text(&case["result"]), "{case}");
    }
}

#[test]
fn groups_are_flattened_as_recorded() {
    for case in cases("re_flatten") {
        assert_eq!(re_flatten(text(&case["pattern"])), text(&case["result"]), "{case}");
    }
}
