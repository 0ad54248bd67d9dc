//! `host inspect FILE`: what a library is, without running any of it.

use crate::error::Error;
use crate::host_side::EXTENSIONS;
use crate::library::{self, Digest};
use crate::manifest::{Manifest, Route};
use crate::preflight::{Facts, Host, Preflight, machine_name};
use serde_json::{Value, json};
use std::path::Path;

/// The report for a person: aligned, one fact a line, and the verdict last.
///
/// # Errors
/// The file cannot be read. A file that cannot be loaded is no error: the report says why.
pub fn report(path: &Path) -> Result<String, Error> {
    let bytes = library::read(path)?;
    Ok(text(path, &bytes, &Preflight::of(&bytes, &Host::this(EXTENSIONS))))
}

/// The report for a program: the same facts as one JSON object.
///
/// # Errors
/// As [`report`].
pub fn report_json(path: &Path) -> Result<Value, Error> {
    let bytes = library::read(path)?;
    Ok(value(path, &bytes, &Preflight::of(&bytes, &Host::this(EXTENSIONS))))
}

fn text(path: &Path, bytes: &[u8], preflight: &Preflight) -> String {
    let mut lines = Lines::default();
    lines.one("file", path.display().to_string());
    lines.one("size", format!("{} bytes", bytes.len()));
    lines.one("sha256", Digest::of(bytes).to_string());
    preflight.facts.iter().for_each(|facts| file_lines(&mut lines, facts));
    preflight.manifest.iter().for_each(|manifest| manifest_lines(&mut lines, manifest));
    verdict_lines(&mut lines, preflight);
    lines.aligned()
}

fn file_lines(lines: &mut Lines, facts: &Facts) {
    lines.one("build id", facts.build_id.clone().unwrap_or_else(|| "none".into()));
    let order = if facts.little_endian { "little-endian" } else { "big-endian" };
    lines.one("machine", format!("{}, {} bits, {order}", machine_name(facts.machine), facts.bits));
    lines.many("needs", facts.needed.iter().cloned());
    if let Some((glibc, symbol)) = &facts.glibc {
        let symbol = symbol.as_ref().map(|symbol| format!(" (`{symbol}`)")).unwrap_or_default();
        lines.one("glibc", format!("{glibc} or newer{symbol}"));
    }
    lines.one("exports", in_short(&facts.exports));
    lines.one("hardening", hardening(facts));
}

fn hardening(facts: &Facts) -> String {
    let facts = &facts.hardening;
    let mut words = vec![format!("relro {}", format!("{:?}", facts.relro).to_lowercase())];
    words.extend(facts.bind_now.then(|| "bind now".into()));
    words.extend(facts.stack_protector.then(|| "stack protector".into()));
    words.extend(facts.run_path.as_ref().map(|path| format!("run path {path}")));
    words.extend(facts.debug_info.then(|| "debug information".into()));
    words.join(", ")
}

/// A few of many names.
fn in_short(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMES_SHOWN) {
        _ if names.is_empty() => "nothing".into(),
        Some(more) if more > 0 => format!("{shown}, and {more} more"),
        _ => shown,
    }
}

const NAMES_SHOWN: usize = 4;

fn manifest_lines(lines: &mut Lines, manifest: &Manifest) {
    lines.one("plugin", format!("{} {}", manifest.id, manifest.version));
    lines.many("about", manifest.description.iter().cloned());
    lines.many("sdk", manifest.sdk.iter().cloned());
    lines.one("abi", format!("{}.{}", manifest.abi_major, manifest.abi_minor));
    lines.many("routes", route_lines(&manifest.routes));
    lines.many("", manifest.dynamic.then(|| "more are made when it is loaded".into()));
    lines.many(
        "errors",
        manifest.errors.iter().map(|error| format!("{} {}{}", error.status, error.handler, of(&error.app))),
    );
    lines.many(
        "apps",
        manifest.apps.iter().map(|app| match (app.factory, &app.args) {
            (false, _) => app.name.clone(),
            (true, args) => {
                format!("{}({})", app.name, args.as_ref().map_or("…".into(), |args| args.join(", ")))
            }
        }),
    );
    lines.many("middleware", manifest.middleware.iter().map(|middleware| middleware.name.clone()));
    lines.many("requires", manifest.requires.iter().cloned());
    let keys =
        manifest.config.as_ref().map(|keys| if keys.is_empty() { "none".into() } else { keys.join(", ") });
    lines.one("config", keys.unwrap_or_else(|| "it does not say".into()));
    lines.many("state", state(manifest));
    lines.many("watch", manifest.watch.iter().map(|path| path.display().to_string()));
}

/// What it saves, and what it takes over unless that is the same.
fn state(manifest: &Manifest) -> Option<String> {
    let list = || manifest.state_accepts.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    match (manifest.state_schema, &*manifest.state_accepts) {
        (None, []) => None,
        (None, _) => Some(format!("accepts schema {}", list())),
        (Some(schema), [only]) if *only == schema => Some(format!("schema {schema}")),
        (Some(schema), _) => Some(format!("schema {schema}, accepts {}", list())),
    }
}

/// Method, rule, handler and body of each route, in columns.
fn route_lines(routes: &[Route]) -> Vec<String> {
    let width =
        |of: fn(&Route) -> &str| routes.iter().map(|route| of(route).chars().count()).max().unwrap_or(0);
    let (methods, rules) = (width(|route| &route.method), width(|route| &route.rule));
    let line = |route: &Route| {
        let Route { method, rule, handler, .. } = route;
        let body = format!("{:?}", route.body).to_lowercase();
        let blocking = if route.blocking { ", blocking" } else { "" };
        format!("{method:methods$}  {rule:rules$}  {handler}, body {body}{blocking}{}", of(&route.app))
    };
    routes.iter().map(line).collect()
}

/// Which app something belongs to, unless it is the default app.
fn of(app: &str) -> String {
    if app.is_empty() { String::new() } else { format!(", of app {app}") }
}

fn verdict_lines(lines: &mut Lines, preflight: &Preflight) {
    if preflight.refusals.is_empty() {
        lines.one("loads here", "yes".into());
    }
    lines.many(
        "loads here",
        preflight.refusals.iter().flat_map(|refusal| {
            let error = refusal.error();
            let help = error.helps().iter().map(|cure| format!("     help: {cure}")).collect::<Vec<_>>();
            [format!("no - {}", error.message())].into_iter().chain(help)
        }),
    );
    match preflight.unloads() {
        None => {}
        Some(true) => lines.one("unloads", "yes".into()),
        Some(false) => lines.many(
            "unloads",
            preflight.pins.iter().flat_map(|pin| {
                let help = pin.cure().map(|cure| format!("         help: {cure}"));
                [format!("pinned - {pin}")].into_iter().chain(help)
            }),
        ),
    }
}

/// Lines of a label and a value; a label stands once, before its first value.
#[derive(Default)]
struct Lines(Vec<(&'static str, String)>);

impl Lines {
    fn one(&mut self, label: &'static str, value: String) {
        self.0.push((label, value));
    }

    fn many(&mut self, label: &'static str, values: impl IntoIterator<Item = String>) {
        for (index, value) in values.into_iter().enumerate() {
            self.one(if index == 0 { label } else { "" }, value);
        }
    }

    fn aligned(&self) -> String {
        let width = self.0.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        self.0.iter().map(|(label, value)| format!("{label:width$}  {value}\n")).collect()
    }
}

fn value(path: &Path, bytes: &[u8], preflight: &Preflight) -> Value {
    let facts = preflight.facts.as_ref();
    let reasons = |errors: Vec<Error>| -> Vec<Value> {
        errors.iter().map(|error| json!({ "reason": error.message(), "help": error.helps() })).collect()
    };
    let refusals = reasons(preflight.refusals.iter().map(|refusal| refusal.error()).collect());
    let pins: Vec<Value> =
        preflight.pins.iter().map(|pin| json!({ "reason": pin.to_string(), "help": pin.cure() })).collect();
    json!({
        "file": path.display().to_string(),
        "size": bytes.len(),
        "sha256": Digest::of(bytes).to_string(),
        "build_id": facts.and_then(|facts| facts.build_id.clone()),
        "machine": facts.map(|facts| machine_name(facts.machine)),
        "needs": facts.map(|facts| &facts.needed),
        "glibc": facts.and_then(|facts| facts.glibc.as_ref()).map(|(glibc, _)| glibc.to_string()),
        "exports": facts.map(|facts| &facts.exports),
        "hardening": facts.map(|facts| &facts.hardening),
        "manifest": preflight.manifest,
        "loads_here": preflight.refusals.is_empty(),
        "refusals": refusals,
        "unloads": preflight.unloads(),
        "pins": pins,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::fixture::{self, Folder};

    const MANIFEST: &str = r#"
id = "hello"
version = "0.1.0"
config = ["greeting"]
state_schema = 3
state_accepts = [2, 3]
watch = ["templates", "data.json"]
[[route]]
method = "GET"
rule = "/hello/<name>"
handler = "hello"
[[route]]
method = "POST"
rule = "/"
handler = "post"
body = "whole"
app = "admin"
[[app]]
name = "admin"
factory = true
args = ["title"]
[[middleware]]
name = "add-header"
"#;

    fn hello() -> String {
        let inside_a_string = MANIFEST.replace('"', "\\\"").replace('\n', "\\n");
        fixture::note(1, 0, &inside_a_string) + fixture::ENTRY
    }

    #[test]
    fn a_report_is_aligned_and_ends_with_the_verdict() {
        let folder = Folder::new();
        let file = folder.library(&hello(), &[]);
        let report = report(&file).unwrap();
        for line in [
            "machine     x86-64, 64 bits, little-endian\n",
            "exports     pa_plugin_v1\n",
            "plugin      hello 0.1.0\n",
            "abi         1.0\n",
            "routes      GET   /hello/<name>  hello, body none\n            POST  /              post, body whole, of app admin\n",
            "apps        admin(title)\n",
            "middleware  add-header\n",
            "config      greeting\n",
            "state       schema 3, accepts 2, 3\n",
            "watch       templates\n            data.json\n",
        ] {
            assert!(cfg!(not(target_arch = "x86_64")) || report.contains(line), "want {line} in\n{report}");
        }
        assert!(report.ends_with("loads here  yes\nunloads     yes\n"), "{report}");
    }

    #[test]
    fn a_report_says_why_not_and_what_would_help() {
        let folder = Folder::new();
        let report = report(&folder.library("int x;", &["-Wl,-z,nodelete"])).unwrap();
        assert!(
            report.contains("loads here  no - no manifest: it has no note `.note.plugin-api`\n"),
            "{report}"
        );
        assert!(report.contains("                 help: call `plugin_api::plugin!`"), "{report}");
        assert!(
            report.contains("            no - no entry: it does not export `pa_plugin_v1`\n"),
            "{report}"
        );
        assert!(report.contains("unloads     pinned - linked with `-z nodelete`\n"), "{report}");
    }

    #[test]
    fn the_same_facts_are_there_for_programs() {
        let folder = Folder::new();
        let file = folder.library(&hello(), &["-Wl,-z,nodelete"]);
        let value = report_json(&file).unwrap();
        assert_eq!(value["manifest"]["routes"][1]["body"], "whole");
        assert_eq!(
            (&value["manifest"]["state_accepts"], &value["manifest"]["watch"][1]),
            (&json!([2, 3]), &json!("data.json"))
        );
        assert_eq!((&value["loads_here"], &value["unloads"]), (&json!(true), &json!(false)));
        assert_eq!(value["pins"][0]["help"], "link without `-z nodelete`");
        let text = folder.path().join("text.so");
        std::fs::write(&text, "text").unwrap();
        let value = report_json(&text).unwrap();
        assert_eq!((&value["manifest"], &value["loads_here"]), (&Value::Null, &json!(false)));
        assert_eq!(
            value["refusals"][0]["reason"],
            "not a shared library: it is text that starts with `text`"
        );
    }
}
