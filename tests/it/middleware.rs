//! Middleware around routes: in Rust and in C, at once and later, from the spec and from an app.

use crate::harness::{Host, Spec, for_each_server, plugin_from_c, root, workspace_plugin};

/// `hello` at the root and `clock`, whose handlers are asynchronous, at `/clock`; with these [[middleware]], the first one
/// outermost.
fn spec(middleware: &[&str]) -> Spec {
    let wrap = std::fs::read_to_string(root().join("plugins/wrap-c/wrap.c")).expect("plugins/wrap-c");
    let spec = Spec::new()
        .plugin("hello", &workspace_plugin("hello"))
        .plugin("clock", &workspace_plugin("clock"))
        .text("mount = \"/clock\"")
        .plugin("stamp", &workspace_plugin("stamp"))
        .plugin("wrap-c", &plugin_from_c("wrap_c", &wrap));
    // Each is named once: a plugin that nothing names would serve its own routes.
    let idle = "[[mount]]\nat = \"/apps\"\ntarget = \"stamp:stamped(value = 'app')\"\n";
    middleware.iter().fold(spec.text(idle), |spec, lines| spec.text(&format!("[[middleware]]\n{lines}")))
}

fn stamp(header: &str, value: &str) -> String {
    format!("use = \"stamp:stamp\"\nconfig = {{ header = \"{header}\", value = \"{value}\" }}")
}

const GUARD: &str = "use = \"stamp:guard\"\nconfig = { word = \"please\" }";
const DELAY: &str = "use = \"stamp:delay\"\nconfig = { ms = 1 }";
const WRAP_C: &str = "use = \"wrap-c:stamp\"";
/// A route that answers at once, and one that is pending first.
const PATHS: [(&str, &str); 2] = [("/hello/World", "Hello World!"), ("/clock/wait/1", "waited 1 ms\n")];

#[test]
fn a_header_is_added_to_an_answer_that_is_there_and_to_one_that_comes_later() {
    for_each_server(|server| {
        let host = Host::start(spec(&[&stamp("x-stamp", "one")]), server);
        for (path, text) in PATHS {
            let answer = host.get(path).expect(200);
            assert_eq!((answer.text(), answer.header("x-stamp")), (text, Some("one")), "{path}");
        }
    });
}

#[test]
fn the_first_middleware_is_the_outermost() {
    for_each_server(|server| {
        // Both set the same header: the outer one has the last word.
        let host = Host::start(spec(&[&stamp("x-stamp", "outer"), &stamp("x-stamp", "inner")]), server);
        for (path, _) in PATHS {
            assert_eq!(host.get(path).expect(200).all("x-stamp"), ["outer"], "{path}");
        }
        let denied = Host::start(spec(&[&stamp("x-stamp", "seen"), GUARD]), server).get("/").expect(403);
        assert_eq!(denied.header("x-stamp"), Some("seen"), "the stamp is around the guard");
        let denied = Host::start(spec(&[GUARD, &stamp("x-stamp", "seen")]), server).get("/").expect(403);
        assert_eq!(denied.header("x-stamp"), None, "the guard is around the stamp");
    });
}

#[test]
fn a_short_circuit_keeps_the_handler_from_running() {
    for_each_server(|server| {
        let host = Host::start(spec(&[GUARD]), server);
        // The handler would stop the host.
        assert_eq!(host.request("POST", "/clock/stop", &[], "").status, 403);
        assert_eq!(
            host.get("/hello/World").expect(403).text(),
            "403 Forbidden\nsay the word: header `x-word`\n"
        );
        for (path, text) in PATHS {
            assert_eq!(host.request("GET", path, &[("x-word", "please")], "").expect(200).text(), text);
        }
    });
}

#[test]
fn an_asynchronous_middleware_goes_around_both_kinds_of_handlers() {
    for_each_server(|server| {
        let host =
            Host::start(spec(&[&stamp("x-stamp", "outer"), DELAY, &stamp("x-inner", "inner")]), server);
        for (path, text) in PATHS {
            let answer = host.get(path).expect(200);
            assert_eq!((answer.text(), answer.header("x-delay")), (text, Some("1")), "{path}");
            assert_eq!(
                (answer.header("x-stamp"), answer.header("x-inner")),
                (Some("outer"), Some("inner")),
                "{path}"
            );
        }
    });
}

#[test]
fn a_stream_passes_through_middleware() {
    for_each_server(|server| {
        let host = Host::start(spec(&[&stamp("x-stamp", "rust"), WRAP_C, DELAY]), server);
        let answer = host.get("/clock/ticks/3").expect(200);
        assert_eq!(answer.text(), "tick 1\ntick 2\ntick 3\n");
        assert_eq!((answer.header("x-stamp"), answer.header("x-wrap")), (Some("rust"), Some("c")));
        let answer = host.request("POST", "/clock/count", &[], vec![b'x'; 100_000]).expect(200);
        assert_eq!((answer.text(), answer.header("x-wrap")), ("100000\n", Some("c")));
    });
}

#[test]
fn middleware_in_c_goes_around_rust_and_rust_around_c() {
    for_each_server(|server| {
        let stamp = stamp("x-stamp", "rust");
        let orders: [[&str; 2]; 2] = [[WRAP_C, &stamp], [&stamp, WRAP_C]];
        for order in orders {
            let host = Host::start(spec(&order), server);
            for (path, text) in PATHS {
                let answer = host.get(path).expect(200);
                assert_eq!(answer.text(), text, "{order:?} {path}");
                assert_eq!(
                    (answer.header("x-stamp"), answer.header("x-wrap")),
                    (Some("rust"), Some("c")),
                    "{path}"
                );
                assert!(answer.header("content-type").is_some(), "what the handler set is still there");
            }
        }
    });
}

#[test]
fn middleware_in_c_answers_by_itself() {
    for_each_server(|server| {
        let stamp = stamp("x-stamp", "rust");
        let host = Host::start(spec(&[&stamp, WRAP_C]), server);
        for (path, _) in PATHS {
            let answer = host.request("GET", path, &[("x-short", "yes")], "").expect(202);
            assert_eq!((answer.text(), answer.header("x-stamp")), ("short\n", Some("rust")));
            assert_eq!(answer.header("x-wrap"), None);
        }
    });
}

#[test]
fn a_pending_handler_behind_middleware_is_dropped_at_its_deadline() {
    for_each_server(|server| {
        let around = [&stamp("x-stamp", "rust"), WRAP_C, DELAY];
        let host = Host::start(spec(&around).timeouts("handler = \"100ms\""), server);
        host.get("/clock/wait/600000").expect(504);
        host.get("/hello/World").expect(200);
    });
}

#[test]
fn an_installed_middleware_is_around_its_app_alone() {
    for_each_server(|server| {
        let host = Host::start(spec(&[&stamp("x-spec", "spec")]), server);
        let answer = host.get("/apps/stamped").expect(200);
        assert_eq!((answer.header("x-stamp"), answer.header("x-spec")), (Some("app"), Some("spec")));
        let answer = host.get("/hello/World").expect(200);
        assert_eq!((answer.header("x-stamp"), answer.header("x-spec")), (None, Some("spec")));
    });
}

#[test]
fn middleware_is_around_routes_and_not_around_errors_of_routing() {
    for_each_server(|server| {
        let host = Host::start(spec(&[&stamp("x-stamp", "one"), GUARD]), server);
        assert_eq!(host.get("/nowhere").expect(404).header("x-stamp"), None);
        assert_eq!(host.request("DELETE", "/", &[], "").expect(405).header("x-stamp"), None);
        assert_eq!(host.get("/clock/wait/99999999999999999999").expect(400).header("x-stamp"), None);
    });
}

#[test]
fn skip_leaves_a_middleware_out_by_its_name_and_by_its_target() {
    for_each_server(|server| {
        let echo = workspace_plugin("echo");
        let routes = "config.routes = [{ rule = \"/x\" }]";
        let spec = spec(&[&stamp("x-stamp", "one"), WRAP_C, GUARD])
            .plugin("by-name", &echo)
            .text(&format!("mount = \"/by-name\"\nskip = [\"guard\"]\n{routes}"))
            .plugin("by-target", &echo)
            .text(&format!("mount = \"/by-target\"\nskip = [\"stamp:guard\", \"wrap-c:stamp\"]\n{routes}"));
        let host = Host::start(spec, server);
        let answer = host.get("/by-name/x").expect(200);
        assert_eq!((answer.header("x-stamp"), answer.header("x-wrap")), (Some("one"), Some("c")));
        let answer = host.get("/by-target/x").expect(200);
        assert_eq!((answer.header("x-stamp"), answer.header("x-wrap")), (Some("one"), None));
        host.get("/hello/World").expect(403);
    });
}
