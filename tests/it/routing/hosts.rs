//! Which app a request belongs to: by host name, by prefix, and when two want the same.

use crate::harness::{Folder, Host, Response, Spec, for_each_server, run_in, workspace_plugin};

/// Appends an echo that answers GET for `rule` with its own name as the tag, and what else `lines` say of it.
fn echo(spec: Spec, name: &str, rule: &str, lines: &str) -> Spec {
    let routes =
        format!("config = {{ routes = [{{ method = \"GET\", rule = \"{rule}\", tag = \"{name}\" }}] }}");
    spec.plugin(name, &workspace_plugin("echo")).text(lines).text(&routes)
}

fn get(host: &Host, name: &str, path: &str) -> Response {
    host.request("GET", path, &[("host", name)], "")
}

#[test]
fn a_host_name_chooses_the_app() {
    let spec = echo(Spec::new(), "everywhere", "/", "");
    let spec = echo(spec, "shop", "/", "hosts = [\"shop.test\", \"www.shop.test\"]");
    let spec = echo(spec, "six", "/", "hosts = [\"[::1]\"]");
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        for (name, app) in [
            ("shop.test", "shop"),
            ("www.shop.test", "shop"),
            ("SHOP.test:8080", "shop"),
            ("shop.test.", "shop"),
            ("[::1]:8080", "six"),
            ("other.test", "everywhere"),
            ("shop.test.evil", "everywhere"),
            ("", "everywhere"),
        ] {
            assert_eq!(get(&host, name, "/").header("x-tag"), Some(app), "{name}");
        }
    });
}

#[test]
fn a_mount_of_a_host_name_goes_before_one_for_every_host() {
    let spec = echo(Spec::new(), "everywhere", "/page", "");
    let spec = echo(spec, "shop", "/page", "hosts = [\"shop.test\"]\nmount = \"/shop\"");
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        assert_eq!(get(&host, "shop.test", "/shop/page").header("x-tag"), Some("shop"));
        assert_eq!(get(&host, "other.test", "/shop/page").status, 404);
        // What the host name's own mounts do not own belongs to the others.
        assert_eq!(get(&host, "shop.test", "/page").header("x-tag"), Some("everywhere"));
    });
}

#[test]
fn the_longest_mount_owns_a_path() {
    let spec = echo(Spec::new(), "root", "/<p:path>", "");
    let spec = echo(spec, "outer", "/<p:path>", "mount = \"/a\"");
    let spec = echo(spec, "inner", "/page", "mount = \"/a/b\"");
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        let tag = |path| host.get(path).header("x-tag").map(str::to_owned);
        assert_eq!(tag("/a/b/page").as_deref(), Some("inner"));
        assert_eq!(tag("/a/b/nope"), None, "a mounted app owns its prefix");
        assert_eq!(tag("/a/c").as_deref(), Some("outer"));
        assert_eq!(tag("/ab").as_deref(), Some("root"));
        let answer = host.get("/a/b/page").expect(200);
        assert_eq!(
            (answer.header("x-script-name"), answer.header("x-path-info")),
            (Some("/a/b"), Some("/page"))
        );
    });
}

#[test]
fn two_plugins_share_a_mount_when_their_routes_differ() {
    let spec = echo(echo(Spec::new(), "one", "/one", ""), "two", "/two", "");
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        assert_eq!(host.get("/one").header("x-tag"), Some("one"));
        assert_eq!(host.get("/two").header("x-tag"), Some("two"));
    });
}

#[test]
fn filters_of_one_plugin_are_none_of_another_at_the_same_mount() {
    let filters = "config.filters = [{ name = \"int\", regex = \"[a-z]+\" }]\nconfig.routes = [{ rule = \"/a/<x:int>\" }]";
    let spec = Spec::new().plugin("odd", &workspace_plugin("echo")).text(filters);
    let spec = echo(spec, "plain", "/b/<x:int>", "");
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        assert_eq!(host.get("/a/abc").status, 200);
        assert_eq!(host.get("/b/7").header("x-params"), Some(r#"{"x":7}"#));
        assert_eq!(host.get("/b/abc").status, 404);
    });
}

#[test]
fn two_plugins_with_the_same_route_are_a_conflict() {
    let folder = Folder::new();
    let spec = echo(echo(Spec::new(), "one", "/item/<id>", ""), "two", "/item/<other>", "");
    folder.write("app.toml", spec.as_str());
    let output = run_in(folder.path(), ["check", "--app", "app.toml"]);
    assert_eq!(output.code, Some(78), "{output:?}");
    let message = "GET `/item/<other>` at `/` is a route of";
    assert!(output.stderr.contains(message), "{output:?}");
    assert!(output.stderr.contains("`one`") && output.stderr.contains("`two`"), "{output:?}");
    assert!(output.stderr.contains("help: give one of them another `mount`, or other `hosts`"), "{output:?}");
}

#[test]
fn a_route_that_is_registered_twice_by_one_plugin_is_replaced() {
    let routes = "config.routes = [{ rule = \"/<a>\", tag = \"old\" }, { rule = \"/<b>\", tag = \"new\" }]";
    let spec = Spec::new().plugin("echo", &workspace_plugin("echo")).text(routes);
    for_each_server(|server| {
        let host = Host::start(spec.clone(), server);
        let answer = host.get("/v").expect(200);
        assert_eq!((answer.header("x-tag"), answer.header("x-params")), (Some("new"), Some(r#"{"b":"v"}"#)));
    });
    let folder = Folder::new();
    folder.write("app.toml", spec.as_str());
    let output = run_in(folder.path(), ["routes", "--app", "app.toml"]);
    assert_eq!(output.stdout.lines().filter(|line| line.contains("/<")).count(), 1, "{output:?}");
}
