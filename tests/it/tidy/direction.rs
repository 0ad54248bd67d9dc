//! `plugins -> plugin-api <- host <- tests`: who may know whom.

use super::{Source, read, rust, with_word};
use crate::harness::root;

/// The names of the crates below `plugins/`.
fn plugin_crates() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("plugins")).expect("plugins").flatten();
    let manifests =
        folders.filter_map(|folder| std::fs::read_to_string(folder.path().join("Cargo.toml")).ok());
    manifests.filter_map(|text| Some(text.split_once("name = \"")?.1.split_once('"')?.0.to_owned())).collect()
}

/// The keys of `[dependencies]`, `[dev-dependencies]` and `[build-dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = read(manifest);
    let mut in_dependencies = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| in_dependencies) {
            found.push(name.trim().trim_end_matches(".workspace").to_owned());
        }
    }
    found
}

#[test]
fn no_plugin_knows_the_host() {
    // Without the dependency its sources cannot name it.
    for name in plugin_folders() {
        let depends = dependencies(&format!("plugins/{name}/Cargo.toml"));
        assert!(!depends.contains(&"host".to_owned()), "plugins/{name} depends on the host");
    }
}

fn plugin_folders() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("plugins")).expect("plugins").flatten();
    let crates = folders.filter(|folder| folder.path().join("Cargo.toml").is_file());
    crates.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_contract_and_the_host_know_no_plugin() {
    let plugins = plugin_crates();
    assert!(!plugins.is_empty());
    for manifest in [
        "host/Cargo.toml",
        "plugin-api/Cargo.toml",
        "plugin-api/macros/Cargo.toml",
        "plugin-api/route/Cargo.toml",
    ] {
        let known: Vec<String> =
            dependencies(manifest).into_iter().filter(|name| plugins.contains(name)).collect();
        assert!(known.is_empty(), "{manifest} depends on {known:?}");
    }
    for manifest in ["plugin-api/Cargo.toml", "plugin-api/macros/Cargo.toml", "plugin-api/route/Cargo.toml"] {
        assert!(!dependencies(manifest).contains(&"host".to_owned()), "{manifest} depends on the host");
    }
}

/// What a server may not name. Of the spec it may: the settings that it is given, and how it declares its options.
const NOT_FOR_SERVERS: &[&str] =
    &["app", "app_stack", "spec", "generation", "load", "library", "manifest", "target"];
const SETTINGS: &[&str] = &["Limits", "Timeouts", "Bind", "Opt", "Unit"];

#[test]
fn servers_know_nothing_of_apps_specs_and_plugins() {
    let sources = rust(&["host/src/server"]);
    for module in NOT_FOR_SERVERS {
        let named: Vec<String> =
            uses(&sources, module).into_iter().filter(|line| !only_settings(line)).collect();
        assert!(named.is_empty(), "{named:#?}");
    }
}

/// The lines that name a module of the host.
fn uses(sources: &[Source], module: &str) -> Vec<String> {
    let paths = with_word(sources, module);
    let direct = [format!("crate::{module}::"), format!("crate::{module};"), "crate::{".to_owned()];
    paths.into_iter().filter(|line| direct.iter().any(|path| line.contains(path))).collect()
}

/// Whether what follows `crate::spec::` is settings alone.
fn only_settings(line: &str) -> bool {
    let Some((_, names)) = line.split_once("crate::spec::") else { return false };
    let end = names.find([';', ')', '>']).unwrap_or(names.len());
    names[..end]
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|name| !name.is_empty())
        .all(|name| SETTINGS.contains(&name))
}

/// Calls `dlopen` with `RTLD_NOLOAD`: for a library that is mapped already.
const OPENS_NOTHING: &str = "host/src/thread_exit/glibc/loading.rs";

#[test]
fn only_one_folder_opens_libraries() {
    let mut sources = rust(&["host/src", "plugin-api", "plugins", "tests/it"]);
    sources.retain(|source| !source.path.starts_with("host/src/library/") && !opens_nothing(source));
    for word in ["dlopen", "libloading"] {
        let found = with_word(&sources, word);
        assert!(found.is_empty(), "{found:#?}");
    }
}

fn opens_nothing(source: &Source) -> bool {
    source.path == OPENS_NOTHING
        && source.text.contains("RTLD_NOLOAD")
        && source.text.matches("dlopen(").count() == 1
}
