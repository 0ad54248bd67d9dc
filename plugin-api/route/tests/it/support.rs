//! What the tests share.

use plugin_api_route::{Outcome, Router, Value};

/// A router whose routes lead to their own rule. A line is a method and a rule.
pub(crate) fn router(lines: &[&str]) -> Router<String> {
    let mut router = Router::new();
    for line in lines {
        let (method, rule) = line.split_once(' ').expect("a method and a rule");
        let added = router.add(method, rule, None, rule.to_owned());
        added.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    router
}

/// What a request gets, in one line: `<rule> name=value`, `400`, `405 <allow>` or `404`.
pub(crate) fn answer<T: AsRef<str>>(router: &Router<T>, method: &str, path: &str) -> String {
    match router.matches(method, path) {
        Outcome::Found { route, params } => {
            let params = params.iter().map(|param| format!(" {}={}", param.name, show(param.value)));
            format!("{}{}", route.payload().as_ref(), params.collect::<String>())
        }
        Outcome::MethodNotAllowed { allow } => format!("405 {allow}"),
        refused => refused.refusal().expect("a refusal").to_string(),
    }
}

/// A value so that its type shows: text in quotes.
pub(crate) fn show(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        number => number.to_text().into_owned(),
    }
}

/// Asks one rule for one path.
pub(crate) fn ask(rule: &str, path: &str) -> String {
    let answer = answer(&router(&[&format!("GET {rule}")]), "GET", path);
    answer.strip_prefix(rule).map_or(answer.clone(), |params| format!("ok{params}"))
}

/// Checks a table of rule, path and answer, and shows all lines that fail.
pub(crate) fn check(table: &[(&str, &str, &str)]) {
    let wrong = table.iter().filter_map(|&(rule, path, expected)| {
        let got = ask(rule, path);
        (got != expected).then(|| format!("{rule} {path:?}: expected {expected}, got {got}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
