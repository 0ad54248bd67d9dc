//! What the host keeps for a plugin: `"pa.store/1"`, from Rust and from C.

use crate::harness::{Host, Spec, for_each_server, plugin_from_c, root, workspace_plugin};
use std::path::PathBuf;

fn visits_in_c() -> PathBuf {
    let source = std::fs::read_to_string(root().join("plugins/visits-c/visits.c")).expect("plugins/visits-c");
    plugin_from_c("visits_c", &source)
}

#[test]
fn each_plugin_counts_in_a_store_of_its_own() {
    let spec = Spec::new()
        .plugin("rust", &workspace_plugin("visits"))
        .plugin("other", &workspace_plugin("visits"))
        .text("mount = \"/other\"")
        .plugin("c", &visits_in_c())
        .text("mount = \"/c\"");
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        let text = |path: &str| host.get(path).expect(200).text().to_owned();
        assert_eq!((text("/"), text("/page/tea")), ("visit 1\n".into(), "visit 1 of tea, 2 in all\n".into()));
        assert_eq!((text("/c"), text("/c")), ("visit 1, 1 in all\n".into(), "visit 2, 2 in all\n".into()));
        assert_eq!((text("/other"), text("/")), ("visit 1\n".into(), "visit 3\n".into()));
    });
}

#[test]
fn many_connections_count_to_the_same_sum() {
    const CONNECTIONS: usize = 6;
    const VISITS: usize = 50;
    let spec = Spec::new().plugin("visits", &workspace_plugin("visits"));
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        // One connection after the other on `single`, which has one thread: what counts is the sum.
        std::thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| (0..VISITS).for_each(|_| drop(host.get("/").expect(200))));
            }
        });
        assert_eq!(host.get("/").expect(200).text(), format!("visit {}\n", CONNECTIONS * VISITS + 1));
    });
}

#[test]
fn a_store_that_is_full_is_a_500_and_the_log_says_what_to_do() {
    let spec = Spec::new().plugin("visits", &workspace_plugin("visits")).limits("store_bytes = \"100B\"");
    let host = Host::start(spec, "threaded");
    let answer = host.get("/").expect(500);
    assert!(!answer.text().contains("store"), "the cause is for the log: {}", answer.text());
    let line = host.wait_for_line("store: cannot add to `visits`: the store is full");
    assert!(line.contains("142 bytes more, and 0 of 100 are used"), "{line}");
    assert!(line.contains("raise `store_bytes` in [limits]"), "{line}");
}
