//! What a good spec becomes.

use serde_json::json;

use super::*;
use crate::log::LogFormat;

fn values<T: Clone>(located: &[Located<T>]) -> Vec<T> {
    located.iter().map(|located| located.value.clone()).collect()
}

#[test]
fn the_smallest_spec_has_a_default_for_everything() {
    let spec = accepted(SMALLEST);
    assert_eq!((spec.app.name.as_str(), spec.app.debug), ("shop", false));
    assert!(spec.server.name.is_none() && spec.server.options.is_empty());
    assert_eq!((spec.server.workers, spec.server.threads), (Count::Auto, Count::Auto));
    assert_eq!(spec.server.bind[0].to_string(), "127.0.0.1:8080");
    assert_eq!((spec.timeouts, spec.limits), (Timeouts::default(), Limits::default()));
    assert_eq!(spec.plugins[0].source.value, Source::Path("shop/libshop.so".into()));
    assert_eq!(spec.plugins[0].config, json!({}));
    let mounts = spec.all_mounts(&["hello".into()]);
    assert_eq!((mounts[0].at.as_str(), mounts[0].target.to_string().as_str()), ("/", "hello"));
}

#[test]
fn every_key_of_app_and_server_arrives() {
    let spec = accepted(FULL);
    assert!(spec.app.debug);
    assert_eq!(spec.server.name.as_ref().map(|name| name.as_str()), Some("threaded"));
    let binds: Vec<String> = spec.server.bind.iter().map(|bind| bind.to_string()).collect();
    assert_eq!(binds, ["127.0.0.1:8080", "unix:shop/shop.sock", "fd:http"]);
    assert_eq!((spec.server.workers, spec.server.threads.or(|| 0)), (Count::Auto, 8));
    assert_eq!(spec.server.options["backlog"].as_integer(), Some(512));
}

#[test]
fn every_key_of_plugins_mounts_and_middleware_arrives() {
    let spec = accepted(FULL);
    let catalog = &spec.plugins[0];
    assert_eq!(catalog.source.value, Source::Crate("shop/../plugins/catalog".into()));
    assert_eq!(values(&catalog.hosts), ["shop.example.com"]);
    assert_eq!(catalog.mount.as_ref().map(|mount| mount.as_str()), Some("/catalog"));
    assert_eq!(catalog.config, json!({"page_size": 50, "since": "1979-05-27", "db": {"pool": 2.5}}));
    assert_eq!(spec.plugins[2].source.value, Source::Path("/opt/libhello.so".into()));
    let mount = &spec.mounts[0];
    assert_eq!((mount.at.as_str(), values(&mount.hosts)), ("/admin", vec!["[::1]".to_owned()]));
    assert_eq!(mount.target.args_json(), r#"{"title":"Back office"}"#);
    assert_eq!(values(&mount.skip), ["access-log"]);
    assert_eq!(spec.middleware[0].target.to_string(), "access-log:access");
    assert_eq!(spec.middleware[0].config, json!({"format": "combined"}));
}

#[test]
fn every_timeout_and_limit_arrives() {
    let spec = accepted(FULL);
    let ms = |ms| Some(Duration::from_millis(ms));
    let timeouts = Timeouts {
        head: ms(31_000),
        body: ms(500),
        handler: ms(120_000),
        write: ms(3_600_000),
        keep_alive: ms(61_000),
        shutdown: None,
        stuck_after: ms(11_000),
        drain: ms(32_000),
        load: ms(33_000),
        handover: ms(6000),
    };
    let limits = Limits {
        head_bytes: 33 << 10,
        headers: 97,
        uri_bytes: 9000,
        body_bytes: 1_000_000,
        body_memory: 257 << 10,
        connections: 4097,
        in_flight: 1025,
        stuck: 65,
        store_bytes: 65 << 20,
    };
    assert_eq!((spec.timeouts, spec.limits), (timeouts, limits));
}

#[test]
fn every_key_of_log_health_and_process_arrives() {
    let spec = parse(FULL).unwrap();
    let want = LogSpec { format: LogFormat::Json, access: Access::Combined, request_id: Some("x-trace") };
    assert_eq!(spec.log, want);
    let want = HealthSpec { serve: true, live: "/live".into(), ready: "/ready".into() };
    assert_eq!(spec.health, want);
    let ProcessSpec { user, group, no_new_privs, nofile, nproc, core, address_space } = spec.process;
    let name = |name: Option<Located<String>>| name.map(|name| name.value).unwrap_or_default();
    assert_eq!((name(user), name(group), no_new_privs), ("www-data".into(), "33".into(), true));
    let limits = [nofile, nproc, core, address_space].map(|limit| limit.map(|limit| limit.value));
    assert_eq!(limits, [Some(1 << 20), Some(512), Some(0), Some(4 << 30)]);
}

#[test]
fn every_key_of_swaps_and_of_the_supervisor_arrives() {
    let spec = accepted(FULL);
    assert_eq!(spec.swap, SwapSpec { keep: 0, watch: true });
    let (backoff, backoff_max, window) = (Duration::ZERO, Duration::from_secs(31), Duration::from_secs(120));
    let (crashes, heartbeat, state) = (4, None, Some("shop/state".into()));
    let want = SupervisorSpec { backoff, backoff_max, failures: 7, window, crashes, heartbeat, state };
    assert_eq!(spec.supervisor, want);
    let hello = &spec.plugins[2];
    let watched: Vec<&Path> = hello.watch.iter().map(|path| path.as_path()).collect();
    assert_eq!(watched, [Path::new("shop/templates"), Path::new("/etc/hello.json")]);
    assert_eq!((hello.handover, values(&hello.self_test)), (Handover::Gate, vec!["/hello/World?x=1".into()]));
    assert_eq!(spec.plugins[0].handover, Handover::Copy);
    assert_eq!(accepted(SMALLEST).swap.keep, 1);
}

#[test]
fn a_plugin_that_is_only_named_by_others_is_not_mounted_by_itself() {
    let spec = accepted(FULL);
    let names = spec.plugin_names(&["x", "y", "hello"].map(String::from)).expect("no name is there twice");
    assert_eq!(names, ["catalog", "access-log", "hello"]);
    let mounts = spec.all_mounts(&names);
    let mounts: Vec<_> = mounts.iter().map(|mount| (mount.at.as_str(), mount.target.to_string())).collect();
    let want =
        [("/catalog", "catalog"), ("/", "hello"), ("/admin", "catalog:admin(title = \"Back office\")")];
    let shown: Vec<_> = mounts.iter().map(|(at, target)| (*at, target.replace('\'', "\""))).collect();
    assert_eq!(shown, want.map(|(at, target)| (at, target.to_owned())));
}

#[test]
fn the_rule_for_mounting_works_with_names_from_manifests() {
    let spec =
        accepted("spec = 1\n[app]\n[[plugin]]\npath = 'a'\n[[mount]]\nat = '/x'\ntarget = 'shop:admin'");
    assert_eq!(spec.all_mounts(&["shop".into()]).len(), 1, "named by the mount");
    assert_eq!(spec.all_mounts(&["other".into()]).len(), 2, "not named by it");
}

#[test]
fn two_manifests_with_the_same_id_need_a_name() {
    let spec = accepted("spec = 1\n[app]\n[[plugin]]\npath = 'a'\n[[plugin]]\npath = 'a'\n");
    let error = spec.plugin_names(&["shop", "shop"].map(String::from)).expect_err("the same id");
    assert!(error.message().starts_with("shop/app.toml:5:1: two plugins are named `shop`"), "{error}");
}

#[test]
fn places_lead_to_the_line_of_a_value() {
    let spec = accepted(FULL);
    let shown = |at: &At| format!("{at} {}", at.text());
    assert_eq!(shown(&spec.plugins[0].at), "shop/app.toml:14:1 [[plugin]]");
    assert_eq!(shown(&spec.plugins[0].source.at), "shop/app.toml:16:11 \"../plugins/catalog\"");
    assert_eq!(shown(&spec.server.bind[2].at), "shop/app.toml:8:48 \"fd:http\"");
    assert_eq!(shown(spec.plugins[0].config_at.key("db.pool")), "shop/app.toml:19:56 pool");
    assert_eq!(shown(spec.plugins[0].config_at.value("db.pool")), "shop/app.toml:19:63 2.5");
    assert_eq!(spec.mounts[0].target.at.line_text(), "target  = \"catalog:admin(title = 'Back office')\"");
}

#[test]
fn a_server_can_refuse_its_options_with_their_place() {
    let spec = accepted(FULL);
    assert!(spec.server.options_at.check(&["backlog", "nodelay"]).is_ok());
    let error = spec.server.options_at.check(&["back_log"]).expect_err("backlog is unknown");
    let want = "shop/app.toml:12:1: unknown key `backlog` in [server.options]\n   |\n12 | backlog = 512\n   \
                | ^^^^^^^ did you mean `back_log`?";
    assert_eq!(error.to_string(), want);
}

#[test]
fn an_app_without_a_name_is_called_as_its_file_or_folder() {
    let cases = [
        ("/srv/shop/app.toml", "shop"),
        ("/srv/shop/blog.toml", "blog"),
        ("/srv/my shop/app.toml", "my-shop"),
        ("/app.toml", "app"),
        ("plugins/libhello.so", "hello"),
    ];
    for (file, name) in cases {
        assert_eq!(read::app_name(Path::new(file)), name, "{file}");
    }
}

#[test]
fn a_target_is_a_spec_with_one_mount() {
    let target: Target = "hello:admin(x = 1)".parse().expect("a target");
    let spec = Spec::for_target(target.clone());
    assert_eq!((spec.app.name.as_str(), spec.mounts.len(), spec.plugins.len()), ("hello", 1, 0));
    assert_eq!((spec.mounts[0].at.as_str(), &spec.mounts[0].target.value), ("/", &target));
    let error = spec.mounts[0].target.error("no such file");
    assert_eq!(error.to_string(), "--app hello:admin(x = 1): no such file");
}

#[test]
fn a_file_is_loaded_and_a_missing_one_names_its_neighbours() {
    let folder = std::env::temp_dir().join(format!("host-spec-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = |name: &str| folder.join(name);
    std::fs::write(file("app.toml"), SMALLEST).expect("a file");
    std::fs::write(file("bad.toml"), b"spec = 1\n# \xff\n").expect("a file");
    let spec =
        Spec::load(&file("app.toml"), &["server.name=pool".parse().expect("a set")]).expect("a good spec");
    assert_eq!((spec.file.as_ref().map(|file| &file.path), &spec.base), (Some(&file("app.toml")), &folder));
    let text = |name: &str| {
        Spec::load(&file(name), &[])
            .expect_err(name)
            .to_string()
            .replace(folder.to_str().expect("utf-8"), "F")
    };
    assert_eq!(text("ap.toml"), "cannot read `F/ap.toml`: no such file\nhelp: did you mean `F/app.toml`?");
    assert_eq!(
        text("x.conf"),
        "cannot read `F/x.conf`: no such file\nhelp: in this folder: app.toml, bad.toml"
    );
    assert_eq!(text("."), "cannot read `F/.`: it is a directory");
    assert!(text("bad.toml").starts_with("F/bad.toml:2:3: this is not UTF-8\n"), "{}", text("bad.toml"));
    std::fs::remove_dir_all(&folder).expect("removed");
}
