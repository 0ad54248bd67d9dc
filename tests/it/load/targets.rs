//! What a target can name, and where its library is looked for.

use super::fixture::{Files, Plugin, only, serve, starting};
use crate::harness::{Host, Spec, workspace_plugin};

/// A default app, the app `admin` with a static route, the app `made` without one, and the factory `make`.
fn shop() -> Plugin {
    let code = r#"
        static int32_t bind(void *self, pa_slice name, pa_handler *out) {
            *out = (pa_handler){kept(name), &ANSWER};
            return PA_READY;
        }
        #define BIND bind
        static int32_t at_load(pa_slice name, pa_slice args, pa_app *app, pa_buf *err) {
            ROUTE(apps->top(apps->ctx), "/name", kept(name));
            return ROUTE(app, "/args", args.ptr ? kept(args) : "none");
        }
        #define REGISTER at_load
    "#;
    let manifest = r#"
        [[route]]
        method = "GET"
        rule = "/"
        handler = "index"
        [[route]]
        method = "GET"
        rule = "/"
        handler = "admin"
        app = "admin"
        [[app]]
        name = "admin"
        [[app]]
        name = "my_made-1"
        [[app]]
        name = "make"
        factory = true
    "#;
    Plugin::new("shop").tables(manifest).code(code)
}

/// The answers of `/`, `/name` and `/args` of that target; `-` where there is no such route.
fn served(target: &str) -> [String; 3] {
    let mount = format!("[[mount]]\nat = '/'\ntarget = {target:?}");
    let host = serve(&[&shop()], only("shop").text(&mount));
    ["/", "/name", "/args"].map(|path| match host.get(path) {
        answer if answer.status == 404 => "-".to_owned(),
        answer => answer.expect(200).text().to_owned(),
    })
}

#[test]
fn a_library_alone_is_its_default_app() {
    for target in ["shop", "shop:"] {
        assert_eq!(served(target), ["index", "-", "-"], "{target}");
    }
}

#[test]
fn a_name_is_that_app_and_nothing_of_the_default_app() {
    assert_eq!(served("shop:admin"), ["admin", "-", "-"]);
    assert_eq!(served("shop:my_made-1"), ["-", "my_made-1", "none"]);
}

#[test]
fn a_factory_gets_its_arguments_as_json() {
    assert_eq!(served("shop:make()"), ["-", "make", "{}"]);
    let target = "shop:make(title = 'Back (office)', n = 3, f = 0.5, yes = true, day = 1979-05-27, l = [1, [2]], t = {a = 1})";
    let json =
        r#"{"day":"1979-05-27","f":0.5,"l":[1,[2]],"n":3,"t":{"a":1},"title":"Back (office)","yes":true}"#;
    assert_eq!(served(target), ["-", "make", json]);
}

#[test]
fn a_factory_makes_an_app_of_its_own_each_time() {
    let mounts = "[[mount]]\nat = '/a'\ntarget = 'shop:make(n = 1)'\n[[mount]]\nat = '/b'\ntarget = 'shop:make(n = 2)'";
    let host = serve(&[&shop()], only("shop").text(mounts));
    assert_eq!(host.get("/a/args").expect(200).text(), r#"{"n":1}"#);
    assert_eq!(host.get("/b/args").expect(200).text(), r#"{"n":2}"#);
}

#[test]
fn a_target_stands_in_for_a_file() {
    let files = Files::of(&[&shop()], Spec::new());
    let cases = [
        ("./libshop.so", "GET / shop 1"),
        ("libshop.so", "GET / shop 1"),
        ("shop", "GET / shop 1"),
        ("shop:admin", "GET / shop 1"),
        ("shop:make(x = 1)", "GET /name shop 1"),
    ];
    for (target, first) in cases {
        let output = files.run(&["routes", "--app", target]);
        let line = output.stdout.lines().next().unwrap_or_default();
        assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), first, "{output:?}");
    }
}

#[test]
fn a_name_is_looked_up_beside_the_spec_and_on_the_search_path() {
    let mount = Spec::new().text("[[mount]]\nat = '/'\ntarget = 'shop:admin'");
    let beside = serve(&[&shop()], mount.clone());
    assert_eq!(beside.get("/").expect(200).text(), "admin");
    let in_plugins = starting(&[], mount.clone())
        .file("plugins/libshop.so", std::fs::read(shop().build()).expect("a library"));
    assert_eq!(in_plugins.start().get("/").expect(200).text(), "admin");
    let built = shop().build();
    let folder = built.parent().and_then(|folder| folder.to_str()).expect("a folder");
    let on_the_path = starting(&[], mount).env("HOST_PLUGIN_PATH", &format!("/nowhere::{folder}")).start();
    assert_eq!(on_the_path.get("/").expect(200).text(), "admin");
}

#[test]
fn the_search_path_comes_before_the_folder_of_the_spec() {
    let other = Plugin::with_a_route("shop");
    let built = other.build();
    let folder = built.parent().and_then(|folder| folder.to_str()).expect("a folder");
    let mount = Spec::new().text("[[mount]]\nat = '/'\ntarget = 'shop'");
    let host = starting(&[&shop()], mount).env("HOST_PLUGIN_PATH", folder).start();
    assert_eq!(host.get("/").expect(200).text(), "shop");
}

#[test]
fn a_path_in_a_target_starts_at_the_spec() {
    let mount = Spec::new().text("[[mount]]\nat = '/'\ntarget = './lib/libshop.so:admin'");
    let files =
        Files::new().library("deep/lib/libshop.so", &shop().build()).file("deep/app.toml", mount.as_str());
    let output = files.run(&["check", "--app", "deep/app.toml"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "test: ok, 1 routes\n"), "{output:?}");
}

#[test]
fn what_a_plugin_declares_wins_over_a_file_of_that_name() {
    let spec = Spec::new().plugin("libother.so", "libshop.so".as_ref()).text("mount = '/x'");
    let spec = spec.text("[[mount]]\nat = '/'\ntarget = 'libother.so:admin'");
    let host = serve(&[&shop(), &Plugin::with_a_route("other")], spec);
    assert_eq!(host.get("/").expect(200).text(), "admin");
}

#[test]
fn a_middleware_is_made_with_its_configuration() {
    let spec =
        Spec::new().plugin("hello", &workspace_plugin("hello")).plugin("stamp", &workspace_plugin("stamp"));
    let around = |value: &str| {
        format!("[[middleware]]\nuse = 'stamp:stamp'\nconfig = {{ header = 'x-{value}', value = '{value}' }}")
    };
    let host = Host::start(spec.text(&around("one")).text(&around("two")), "threaded");
    let answer = host.get("/").expect(200);
    assert_eq!(
        (answer.header("x-one"), answer.header("x-two")),
        (Some("one"), Some("two")),
        "two uses of one instance"
    );
}
