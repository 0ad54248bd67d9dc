//! A shop in several versions, and what is asked of a host that swaps them.

pub(super) use crate::harness::{
    Client, Folder, Host, Output, Response, Spec, Starting, at_once, eventually, example_plugin,
    for_each_server, on_servers, plugin_from_c, workspace_plugin,
};
pub(super) use serde_json::Value;
pub(super) use std::path::{Path, PathBuf};

/// The library of a version of the shop, with what is to go wrong in it.
pub(super) fn broken_shop(version: &str, defines: &str) -> PathBuf {
    let letter = version.chars().next().expect("a version");
    let defines = format!("#define VERSION \"{version}\"\n#define LETTER '{letter}'\n{defines}\n");
    plugin_from_c("shop", &format!("{defines}{}", include_str!("shop.c")))
}

/// Middleware of plugin `stamp` around everything, to be seen in `x-stamp`.
pub(super) const STAMPED: &str = "[[middleware]]\nuse = 'stamp:stamp'\nconfig = { value = 'here' }";

/// The library of a version of the shop.
pub(super) fn shop(version: &str) -> PathBuf {
    broken_shop(version, "")
}

/// An app with the shop of `libshop.so` beside the spec, version 1, to be completed. Keys that follow are the plugin's.
pub(super) fn shop_app() -> Spec {
    Spec::new().plugin("shop", Path::new("libshop.so"))
}

/// A host with that app, to be started.
pub(super) fn starting(spec: Spec, server: &str) -> Starting {
    Host::with(spec, server).file("libshop.so", std::fs::read(shop("1")).expect("a library"))
}

/// A host with version 1 of the shop.
pub(super) fn shop_host(server: &str) -> Host {
    starting(shop_app(), server).start()
}

/// `host ctl swap shop=FILE`, which works.
#[track_caller]
pub(super) fn swap_to(host: &Host, file: &Path) -> String {
    let output = host.ctl(["swap", &format!("shop={}", file.display())]);
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout.trim_end().to_owned()
}

/// The only row of the status that is of this state.
#[track_caller]
pub(super) fn row(host: &Host, plugin: &str, state: &str) -> Value {
    let rows = rows(host, plugin, state);
    assert_eq!(rows.len(), 1, "{state}: {rows:#?}");
    rows[0].clone()
}

/// The rows of the status of this plugin and state.
pub(super) fn rows(host: &Host, plugin: &str, state: &str) -> Vec<Value> {
    let status = host.status();
    let all = status["generations"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|row| row["plugin"] == plugin && row["state"] == state).collect()
}

/// How many copies of that library the worker maps.
pub(super) fn mapped(host: &Host, library: &str) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", host.worker_pid())).expect("maps");
    maps.lines().filter(|line| line.contains(library) && line.contains(" 00000000 ")).count()
}

/// A path below `/wait/` and `/stream/` for a file of the host's folder, and the file.
pub(super) fn latch(host: &Host, name: &str) -> (String, PathBuf) {
    let file = host.folder().join(name);
    (file.display().to_string().trim_start_matches('/').to_owned(), file)
}

/// Lets whoever waits for the file go on.
pub(super) fn open(latch: &Path) {
    std::fs::write(latch, "").expect("a file in the test's own folder");
}

/// Runs `work` while a swap to that file is under way; gives what the swap said.
pub(super) fn while_swapping(host: &Host, file: &Path, work: impl FnOnce()) -> Output {
    std::thread::scope(|threads| {
        let argument = format!("shop={}", file.display());
        let swap = threads.spawn(move || host.ctl(["swap", &argument]));
        work();
        swap.join().expect("no panic")
    })
}
