//! The walk over the tree: one function for each table of the spec.

use std::collections::HashMap;
use std::path::Path;

use super::at::{At, Located};
use super::section::{Places, Section};
use super::tree::{Node, Value};
use super::{
    AppSpec, Bind, Handover, Limits, MiddlewareSpec, MountSpec, PluginSpec, ServerSpec, Source, Spec,
    SupervisorSpec, SwapSpec, Timeouts, health, json_table, log, process,
};
use crate::error::Error;
use crate::target::{self, Target};

/// The version of the format that this host understands.
const VERSION: i64 = 1;
/// The path of the control socket, which contains the name, must stay short.
const NAME_BYTES_MAX: usize = 64;
const TOP: &str = "the spec";
const TOP_KEYS: &[&str] = &[
    "spec",
    "app",
    "server",
    "plugin",
    "mount",
    "middleware",
    "timeouts",
    "limits",
    "swap",
    "supervisor",
    "log",
    "health",
    "process",
];

/// Refuses another version before anything else is looked at.
pub(super) fn version(root: &Node) -> Result<(), Error> {
    let Value::Table(entries) = &root.value else { return Err(root.expected("a spec", "")) };
    match entries.iter().find(|entry| entry.key.value == "spec").map(|entry| &entry.node) {
        Some(Node { value: Value::Integer(VERSION), .. }) => Ok(()),
        Some(Node { value: Value::Integer(other), at }) => Err(at.error_hint(
            format!("unknown spec version {other}"),
            format!("this host understands `spec = {VERSION}`"),
        )),
        Some(node) => Err(node.expected("a version", &format!("write `spec = {VERSION}`"))),
        None => {
            Err(root.at.error_hint("missing key `spec`", format!("start the file with `spec = {VERSION}`")))
        }
    }
}

pub(super) fn spec(root: &Node, base: &Path) -> Result<Spec, Error> {
    let top = Section::open(root, TOP, TOP_KEYS)?;
    let spec = Spec {
        file: None,
        base: base.into(),
        app: top.get("app").map(app).unwrap_or_else(|| Err(no_app(root)))?,
        server: top.get("server").map(|node| server(node, base)).transpose()?.unwrap_or_default(),
        plugins: top.tables("plugin")?.iter().map(|node| plugin(node, base)).collect::<Result<_, _>>()?,
        mounts: top.tables("mount")?.iter().map(mount).collect::<Result<_, _>>()?,
        middleware: top.tables("middleware")?.iter().map(middleware).collect::<Result<_, _>>()?,
        timeouts: top.get("timeouts").map(timeouts).transpose()?.unwrap_or_default(),
        limits: top.get("limits").map(limits).transpose()?.unwrap_or_default(),
        swap: top.get("swap").map(swap).transpose()?.unwrap_or_default(),
        supervisor: top.get("supervisor").map(|node| supervisor(node, base)).transpose()?.unwrap_or_default(),
        log: top.get("log").map(log::log).transpose()?.unwrap_or_default(),
        health: top.get("health").map(health::health).transpose()?.unwrap_or_default(),
        process: top.get("process").map(process::process).transpose()?.unwrap_or_default(),
    };
    check(&spec, root)?;
    Ok(spec)
}

/// What only the whole spec can tell.
fn check(spec: &Spec, root: &Node) -> Result<(), Error> {
    let names: Vec<Located<String>> = spec.plugins.iter().filter_map(|plugin| plugin.name.clone()).collect();
    no_duplicates(&names)?;
    match spec.plugins.is_empty() && spec.mounts.is_empty() {
        true => Err(root.at.error_hint("there is nothing to serve", "add a `[[plugin]]`")),
        false => Ok(()),
    }
}

pub(super) fn no_duplicates(names: &[Located<String>]) -> Result<(), Error> {
    let mut seen: HashMap<&str, &At> = HashMap::new();
    for name in names {
        if let Some(first) = seen.insert(name, &name.at) {
            let message = format!("two plugins are named `{}`", name.value);
            return Err(name
                .at
                .error_hint(message, format!("the first one is at {first}: give one a `name` of its own")));
        }
    }
    Ok(())
}

fn no_app(root: &Node) -> Error {
    root.at.error_hint("missing table [app]", "add `[app]`, with a `name` if you like")
}

fn app(node: &Node) -> Result<AppSpec, Error> {
    let section = Section::open(node, "[app]", &["name", "debug"])?;
    let name = match section.string("name")? {
        Some(name) => checked_name(name)?,
        None => Located::new(app_name(Path::new(node.at.file())), node.at.clone()),
    };
    Ok(AppSpec { name, debug: section.boolean("debug", false)? })
}

/// What an app is called that nobody named: as its file, or as the folder of an `app.toml`.
pub(super) fn app_name(file: &Path) -> String {
    let part =
        |part: Option<&std::ffi::OsStr>| part.and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let stem = part(file.file_stem());
    let full = std::path::absolute(file).unwrap_or_else(|_| file.into());
    let name = if stem == "app" { part(full.parent().and_then(Path::file_name)) } else { stem };
    let name = name.strip_prefix("lib").unwrap_or(&name);
    let name: String =
        name.chars().map(|c| if is_name_char(c) { c } else { '-' }).take(NAME_BYTES_MAX).collect();
    let name = name.trim_start_matches(['-', '.']);
    if name.is_empty() { "app".into() } else { name.into() }
}

fn server(node: &Node, base: &Path) -> Result<ServerSpec, Error> {
    let section = Section::open(node, "[server]", &["name", "bind", "workers", "threads", "options"])?;
    let (options, options_at) = section.table("options", "[server.options]")?;
    Ok(ServerSpec {
        name: section.string("name")?,
        bind: section
            .get("bind")
            .map(|node| binds(node, base))
            .transpose()?
            .unwrap_or(ServerSpec::default().bind),
        workers: section.count("workers")?,
        threads: section.count("threads")?,
        options,
        options_at,
    })
}

fn binds(node: &Node, base: &Path) -> Result<Vec<Located<Bind>>, Error> {
    let mut binds: Vec<Located<Bind>> = Vec::new();
    for item in node.items()? {
        let bind = item.parsed::<Bind>()?.map(|bind| bind.below(base));
        let free = matches!(bind.value, Bind::Tcp { port: 0, .. });
        if !free && binds.iter().any(|other| other.value == bind.value) {
            return Err(bind.at.error_hint(format!("`{}` is there twice", bind.value), "remove one of them"));
        }
        binds.push(bind);
    }
    match binds.is_empty() {
        true => Err(node.at.error_hint("there is nowhere to listen", "remove the key for 127.0.0.1:8080")),
        false => Ok(binds),
    }
}

fn plugin(node: &Node, base: &Path) -> Result<PluginSpec, Error> {
    let known = &[
        "name",
        "crate",
        "path",
        "hosts",
        "mount",
        "skip",
        "config",
        "watch",
        "handover",
        "self_test",
        "optional",
    ];
    let section = Section::open(node, "[[plugin]]", known)?;
    let (config, config_at) = config(&section, "the plugin's config")?;
    Ok(PluginSpec {
        at: node.at.clone(),
        name: section.string("name")?.map(checked_name).transpose()?,
        source: source(&section, base)?,
        mount: section.string("mount")?.map(checked_prefix).transpose()?,
        hosts: hosts(&section)?,
        skip: section.strings("skip")?,
        config,
        config_at,
        watch: section.strings("watch")?.into_iter().map(|path| path.map(|path| base.join(path))).collect(),
        handover: section.get("handover").map(handover).transpose()?.unwrap_or_default(),
        self_test: section.strings("self_test")?.into_iter().map(checked_path).collect::<Result<_, _>>()?,
        optional: section.boolean("optional", false)?,
    })
}

fn handover(node: &Node) -> Result<Handover, Error> {
    let text = node.string()?;
    match text.as_str() {
        "copy" => Ok(Handover::Copy),
        "gate" => Ok(Handover::Gate),
        other => Err(text.at.unknown(format!("unknown handover `{other}`"), other, &["copy", "gate"])),
    }
}

/// What a request asks for: the path that the host is to answer.
pub(super) fn checked_path(path: Located<String>) -> Result<Located<String>, Error> {
    let good =
        path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#');
    match good {
        true => Ok(path),
        false => Err(path.at.error_hint(format!("`{}` is not a path", path.value), "write \"/health\"")),
    }
}

fn source(section: &Section<'_>, base: &Path) -> Result<Located<Source>, Error> {
    match (section.string("crate")?, section.string("path")?, section.entry("path")) {
        (Some(folder), None, _) => Ok(folder.map(|folder| Source::Crate(base.join(folder)))),
        (None, Some(file), _) => Ok(file.map(|file| Source::Path(base.join(file)))),
        (Some(_), Some(_), Some(entry)) => {
            Err(entry.key.at.error_hint("this plugin has both `crate` and `path`", "remove one of them"))
        }
        _ => Err(section.at().error_hint(
            "this plugin has neither `crate` nor `path`",
            "add `crate = \"FOLDER\"`, or `path = \"FILE\"` for one that is built",
        )),
    }
}

fn mount(node: &Node) -> Result<MountSpec, Error> {
    let section = Section::open(node, "[[mount]]", &["at", "target", "hosts", "skip"])?;
    Ok(MountSpec {
        at: checked_prefix(section.need("at", "\"/prefix\"")?.string()?)?,
        target: target(section.need("target", "\"PLUGIN:APP\"")?)?,
        hosts: hosts(&section)?,
        skip: section.strings("skip")?,
    })
}

fn middleware(node: &Node) -> Result<MiddlewareSpec, Error> {
    let section = Section::open(node, "[[middleware]]", &["use", "config"])?;
    let (config, config_at) = config(&section, "the middleware's config")?;
    Ok(MiddlewareSpec { target: target(section.need("use", "\"PLUGIN:MIDDLEWARE\"")?)?, config, config_at })
}

fn target(node: &Node) -> Result<Located<Target>, Error> {
    let text = node.string()?;
    match target::parse(&text) {
        Ok(target) => Ok(Located::new(target, text.at)),
        Err(fault) => {
            let message = format!("target `{}`: {}", text.value, fault.message);
            Err(text.at.within(&text, fault.span).error_hint(message, fault.hint))
        }
    }
}

/// A table as JSON.
fn config(section: &Section<'_>, name: &'static str) -> Result<(serde_json::Value, Places), Error> {
    let leaves = section.get("config").map(Node::leaves).unwrap_or_default();
    match leaves.iter().find(|leaf| matches!(leaf.value, Value::Float(number) if !number.is_finite())) {
        Some(leaf) => {
            Err(leaf.at.error_hint("`nan` and `inf` cannot cross to a plugin", "config crosses as JSON"))
        }
        None => section.table("config", name).map(|(table, places)| (json_table(&table), places)),
    }
}

fn checked_name(name: Located<String>) -> Result<Located<String>, Error> {
    let good =
        name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && name.chars().all(is_name_char);
    match good && name.len() <= NAME_BYTES_MAX {
        true => Ok(name),
        false => Err(name.at.error_hint(
            format!("`{}` is not a name", name.value),
            format!("letters, digits, `_`, `-`, `.`, at most {NAME_BYTES_MAX}; the first one a letter, a digit or `_`"),
        )),
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// A prefix starts with `/`; the one at its end is dropped.
fn checked_prefix(prefix: Located<String>) -> Result<Located<String>, Error> {
    let error =
        |message: &str, hint: &str| Err(prefix.at.error_hint(format!("`{}` {message}", prefix.value), hint));
    if !prefix.starts_with('/') {
        return error("does not start with `/`", &format!("write \"/{}\"", prefix.value));
    }
    if prefix.contains("//") || prefix.split('/').any(|part| part == "." || part == "..") {
        return error("has an empty, `.` or `..` part", "no request has such a path");
    }
    if prefix.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '<' | '>')) {
        return error("is not a plain path", "a prefix has no spaces, `?`, `#` or wildcards");
    }
    Ok(prefix.map(|prefix| if prefix == "/" { prefix } else { prefix.trim_end_matches('/').into() }))
}

fn hosts(section: &Section<'_>) -> Result<Vec<Located<String>>, Error> {
    section.strings("hosts")?.into_iter().map(checked_host).collect()
}

fn checked_host(host: Located<String>) -> Result<Located<String>, Error> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_v6 = literal.is_some_and(|literal| literal.parse::<std::net::Ipv6Addr>().is_ok());
    match is_v6 || host.chars().all(good) && !host.starts_with('.') {
        true => Ok(host.map(|host| host.to_ascii_lowercase())),
        false => Err(host.at.error_hint(
            format!("`{}` is not a host name", host.value),
            "write \"shop.example.com\": no scheme, no port, no wildcard",
        )),
    }
}

fn timeouts(node: &Node) -> Result<Timeouts, Error> {
    let known = &[
        "head",
        "body",
        "handler",
        "write",
        "keep_alive",
        "shutdown",
        "stuck_after",
        "drain",
        "load",
        "handover",
    ];
    let (section, default) = (Section::open(node, "[timeouts]", known)?, Timeouts::default());
    Ok(Timeouts {
        head: section.duration("head", default.head)?,
        body: section.duration("body", default.body)?,
        handler: section.duration("handler", default.handler)?,
        write: section.duration("write", default.write)?,
        keep_alive: section.duration("keep_alive", default.keep_alive)?,
        shutdown: section.duration("shutdown", default.shutdown)?,
        stuck_after: section.duration("stuck_after", default.stuck_after)?,
        drain: section.duration("drain", default.drain)?,
        load: section.duration("load", default.load)?,
        handover: section.duration("handover", default.handover)?,
    })
}

fn limits(node: &Node) -> Result<Limits, Error> {
    let known = &[
        "head_bytes",
        "headers",
        "uri_bytes",
        "body_bytes",
        "body_memory",
        "connections",
        "in_flight",
        "stuck",
        "store_bytes",
    ];
    let (section, default) = (Section::open(node, "[limits]", known)?, Limits::default());
    Ok(Limits {
        head_bytes: section.size("head_bytes", default.head_bytes)?,
        headers: section.number("headers", default.headers)?,
        uri_bytes: section.size("uri_bytes", default.uri_bytes)?,
        body_bytes: section.size("body_bytes", default.body_bytes)?,
        body_memory: section.size("body_memory", default.body_memory)?,
        connections: section.number("connections", default.connections)?,
        in_flight: section.number("in_flight", default.in_flight)?,
        stuck: section.number("stuck", default.stuck)?,
        store_bytes: section.size("store_bytes", default.store_bytes)?,
    })
}

/// More kept generations of a plugin than this are a mistake: each one is a library in memory.
const KEEP_MAX: i64 = 16;

fn swap(node: &Node) -> Result<SwapSpec, Error> {
    let (section, default) = (Section::open(node, "[swap]", &["keep", "watch"])?, SwapSpec::default());
    let keep = match section.get("keep") {
        // The one number that may be none at all.
        Some(Node { value: Value::Integer(0), .. }) => 0,
        Some(Node { value: Value::Integer(number), at }) if *number < 0 || *number > KEEP_MAX => {
            return Err(
                at.error_hint(format!("{number} is out of range"), format!("it goes from 0 to {KEEP_MAX}"))
            );
        }
        _ => section.number("keep", default.keep)?,
    };
    Ok(SwapSpec { keep, watch: section.boolean("watch", default.watch)? })
}

fn supervisor(node: &Node, base: &Path) -> Result<SupervisorSpec, Error> {
    let known = &["backoff", "backoff_max", "failures", "window", "crashes", "heartbeat", "state"];
    let (section, default) = (Section::open(node, "[supervisor]", known)?, SupervisorSpec::default());
    // "0s" is no pause, and no window.
    let duration = |key, default| Ok(section.duration(key, Some(default))?.unwrap_or_default());
    Ok(SupervisorSpec {
        backoff: duration("backoff", default.backoff)?,
        backoff_max: duration("backoff_max", default.backoff_max)?,
        failures: section.number("failures", default.failures)?,
        window: duration("window", default.window)?,
        crashes: section.number("crashes", default.crashes)?,
        heartbeat: section.duration("heartbeat", default.heartbeat)?,
        state: section.string("state")?.map(|path| base.join(path.value)),
    })
}
