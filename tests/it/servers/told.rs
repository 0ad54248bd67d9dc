//! What `host servers` tells, and that the page about servers tells the same.

use super::lab;
use crate::harness::{Host, Spec, registry, root, run, workspace_plugin};
use serde_json::Value;

/// As wide as a page of text may be.
const COLUMNS_MAX: usize = 100;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[test]
fn servers_are_listed_with_what_each_costs_and_takes() {
    let output = run(["servers"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    let blocks: Vec<&str> = output.stdout.split("\n\n").collect();
    assert_eq!(blocks.len(), registry().len(), "{output:?}");
    for (block, server) in blocks.iter().zip(registry()) {
        assert_eq!(block.split(' ').next(), Some(server.name.as_str()), "{output:?}");
        for row in
            ["good for", "a slow client", "a blocking handler", "a crash", "a swap", "--workers", "--threads"]
        {
            assert_eq!(block.matches(&format!("\n  {row} ")).count(), 1, "`{row}` of {block}");
        }
    }
    assert_eq!(output.stdout.matches(" (default) ").count(), 1, "{output:?}");
    let wide: Vec<&str> = output.stdout.lines().filter(|line| line.chars().count() > COLUMNS_MAX).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    assert!(output.stdout.lines().all(|line| line.trim_end() == line), "{output:?}");
}

#[test]
fn every_name_of_bottles_means_the_server_that_says_so() {
    for server in registry() {
        for alias in server.about["aliases"].as_array().expect("a list") {
            let alias = text(alias);
            let host = Host::start(Spec::new().plugin("hello", &workspace_plugin("hello")), alias);
            let banner = format!("with server `{}`, which `{alias}` became here: ", server.name);
            assert!(host.log().contains(&banner), "no `{banner}`: {}", host.log());
        }
    }
}

/// Held against the registry, so that nobody has to remember it.
#[test]
fn the_page_about_servers_says_of_each_what_the_registry_does() {
    let page = std::fs::read_to_string(root().join("docs/servers.md")).expect("docs/servers.md");
    let page: String = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut missing = Vec::new();
    for server in registry() {
        let about = &server.about;
        let mut said = vec![format!("## `{}`", server.name), text(&about["summary"]).to_owned()];
        let guarantees = ["slow_client", "blocking_handler", "crash"];
        said.extend(guarantees.map(|key| text(&about["guarantees"][key]).to_owned()));
        for key in ["workers", "threads"] {
            said.extend(about[key].as_str().map(str::to_owned));
        }
        for option in about["options"].as_array().expect("a list") {
            said.push(format!(
                "| `{}` | `{}` | {} |",
                text(&option["name"]),
                text(&option["default"]),
                text(&option["what"])
            ));
        }
        said.extend(
            about["aliases"].as_array().expect("a list").iter().map(|alias| format!("`{}`", text(alias))),
        );
        missing.extend(said.into_iter().filter(|part| !page.contains(part)).map(|part| (&server.name, part)));
    }
    assert!(missing.is_empty(), "docs/servers.md does not say: {missing:#?}");
}

#[test]
fn an_option_that_a_server_cannot_take_is_refused_with_its_place() {
    for (line, message) in [
        ("queue = 0", "0 is out of range"),
        ("queue = true", "expected a whole number, found `true`"),
        ("queue = 'many'", "`many` is not a whole number"),
        ("kueue = 5", "unknown key `kueue` in [server.options]"),
    ] {
        let spec = lab().text(&format!("[server.options]\n{line}"));
        let output = Host::with(spec, "pool").spawn().wait();
        assert_eq!(output.code, Some(78), "{output:?}");
        let place = format!("{message}\n  |\n8 | {line}\n");
        assert!(
            output.stderr.starts_with("host: app.toml:8:") && output.stderr.contains(&place),
            "{output:?}"
        );
    }
    let output = Host::with(lab().text("[server.options]\nqueue = 5"), "threaded").spawn().wait();
    assert!(output.stderr.contains("unknown key `queue` in [server.options]"), "{output:?}");
}
