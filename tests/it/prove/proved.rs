//! Hosts that are well.

use super::{PATHS, Receipt, app, pages};
use crate::harness::{
    Folder, PROCESSES, Spec, at_once, for_each_server, on_servers, plugin_from_c, root, workspace_plugin,
};

/// Where a spec was written, for `--app`.
fn written(folder: &Folder, spec: &Spec) -> String {
    folder.write("app.toml", spec.as_str()).display().to_string()
}

#[test]
fn fifty_swaps_between_two_builds_fail_no_request_on_any_server() {
    let other = format!("--with=pages={}", pages('B').display());
    for_each_server(|server| {
        let folder = Folder::new();
        let app = written(&folder, &app());
        let args =
            ["--app", &app, "--server", server, "--swaps=50", "--pause=5ms", "--set=swap.keep=0", &other];
        let receipt = Receipt::by(args.into_iter().chain(PATHS)).proved();
        assert_eq!((&receipt.data["server"], receipt.number("/swaps")), (&server.into(), 50));
        assert_eq!(receipt.number("/generations/answered"), 51, "each of them, and the one before");
        assert_eq!(receipt.number("/generations/unloaded"), 50);
        for kind in ["kept", "new", "streams", "slow"] {
            assert!(receipt.number(&format!("/requests/{kind}")) > 0, "{:?}", receipt.output);
        }
        let paths = receipt.data["paths"].as_array().expect("paths");
        assert!(paths.iter().all(|path| path["body"] == "fixed"), "{paths:#?}");
        assert_eq!((paths.len(), &paths[2]["streamed"]), (5, &true.into()));
    });
}

#[test]
fn rolls_fail_no_request_on_servers_that_have_processes() {
    let other = format!("--with=pages={}", pages('B').display());
    on_servers(PROCESSES, |server| {
        let folder = Folder::new();
        let app = written(&folder, &app());
        let args = ["--app", &app, "--server", server, "--swaps=12", "--pause=5ms", &other];
        let receipt = Receipt::by(args.into_iter().chain(PATHS)).proved();
        assert_eq!((&receipt.data["server"], receipt.number("/swaps")), (&server.into(), 12));
        assert_eq!(receipt.number("/generations/answered"), 13, "each of them, and the one before");
        assert_eq!((receipt.number("/generations/unloaded"), receipt.number("/generations/kept")), (12, 1));
        for kind in ["kept", "new", "streams", "slow"] {
            assert!(receipt.number(&format!("/requests/{kind}")) > 0, "{:?}", receipt.output);
        }
    });
}

#[test]
fn what_a_process_counts_for_itself_is_no_mixture() {
    on_servers(PROCESSES, |server| {
        let folder = Folder::new();
        let app = written(&folder, &Spec::new().plugin("visits", &workspace_plugin("visits")));
        let args = ["--app", &app, "--server", server, "--swaps=4", "--pause=5ms"];
        let receipt = Receipt::by(args).proved();
        assert_eq!(receipt.data["paths"][0]["body"], "varies", "{:?}", receipt.output);
    });
}

/// Two plugins, and two more of middleware around them: in Rust and in C.
fn composed() -> Spec {
    let source = std::fs::read_to_string(root().join("plugins/wrap-c/wrap.c")).expect("plugins/wrap-c");
    app()
        .text("mount = '/pages'\nself_test = ['/pages/?self-test']")
        .plugin("hello", &workspace_plugin("hello"))
        .plugin("stamp", &workspace_plugin("stamp"))
        .plugin("wrap", &plugin_from_c("wrap_c", &source))
        .text("[[middleware]]\nuse = 'stamp:stamp'\nconfig = { value = 'stamped' }")
        .text("[[middleware]]\nuse = 'wrap:stamp'")
}

#[test]
fn an_app_of_several_plugins_and_middleware_is_proved_by_what_it_lists() {
    on_servers(&at_once(), |server| {
        let folder = Folder::new();
        let app = written(&folder, &composed());
        let receipt = Receipt::by(["--app", &app, "--server", server, "--swaps=24", "--pause=5ms"]).proved();
        assert_eq!(receipt.data["plugins"], serde_json::json!(["hello", "pages", "stamp", "wrap"]));
        let paths = receipt.data["paths"].as_array().expect("paths");
        let paths: Vec<&str> = paths.iter().filter_map(|path| path["request"].as_str()).collect();
        for path in ["GET /pages/?self-test", "GET /pages/large", "GET /pages/stream", "GET /"] {
            assert!(paths.contains(&path), "{path} in {paths:?}");
        }
    });
}
