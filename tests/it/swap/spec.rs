//! A new spec: only what differs is touched.

use super::*;

/// Writes the spec anew, and has it read.
fn reload(host: &Host, spec: &Spec) -> Output {
    host.folder().write("app.toml", spec.as_str());
    host.ctl(["reload-spec"])
}

#[track_caller]
fn reload_well(host: &Host, spec: &Spec) -> String {
    let output = reload(host, spec);
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout.trim_end().to_owned()
}

fn visits(spec: Spec, config: &str) -> Spec {
    spec.plugin("visits", &workspace_plugin("visits")).text(&format!("mount = '/visits'\n{config}"))
}

#[test]
fn a_plugin_is_added_and_removed_and_the_others_go_on() {
    for_each_server(|server| {
        let host = shop_host(server);
        let mut client = host.connect();
        assert_eq!(client.get("/visits/").status, 404);
        let said = reload_well(&host, &visits(shop_app(), ""));
        assert_eq!(said, "visits 0.1.0 (generation 1) added: 0 requests during the swap, 0 failed");
        assert_eq!(client.get("/visits/").expect(200).text(), "visit 1\n");
        assert_eq!(client.get("/").expect(200).text(), "version 1");
        let said = reload_well(&host, &shop_app());
        let end = "0 requests during the swap, 0 failed; generation 1 unloaded";
        assert_eq!(said, format!("visits 0.1.0 (generation 1) removed: {end}"));
        assert_eq!(client.get("/visits/").status, 404);
        assert_eq!(row(&host, "shop", "serving")["generation"], 1);
        let said = reload_well(&host, &visits(shop_app(), ""));
        assert!(said.contains("added"), "{said}");
        assert_eq!(client.get("/visits/").expect(200).text(), "visit 1\n", "its store has gone with it");
    });
}

#[test]
fn a_mount_moves_and_no_plugin_is_loaded_again() {
    let host = starting(shop_app(), "threaded").start();
    let said = reload_well(&host, &shop_app().text("mount = '/shop'"));
    assert_eq!(said, "no plugin was swapped: the new spec is served");
    assert_eq!(host.get("/shop/").expect(200).text(), "version 1");
    assert_eq!(host.get("/").status, 404);
    assert_eq!(row(&host, "shop", "serving")["generation"], 1);
}

#[test]
fn a_changed_configuration_is_a_new_generation_of_the_same_library() {
    let spec = |kind: &str| {
        Spec::new()
            .plugin("lodger", &example_plugin("lodger"))
            .text(&format!("config = {{ kind = '{kind}' }}"))
    };
    let host = Host::start(spec("plain"), "threaded");
    assert_eq!(host.get("/").expect(200).text(), "nothing");
    let said = reload_well(&host, &spec("thread-local"));
    assert!(said.starts_with("lodger 0.1.0 -> 0.1.0 (generation 1 -> 2): "), "{said}");
    assert_eq!(host.get("/").expect(200).text(), "a guest of 1000 bytes");
    assert!(reload_well(&host, &spec("thread-local")).starts_with("nothing differs"));
}

#[test]
fn middleware_comes_and_goes() {
    let stamp = |spec: Spec| spec.plugin("stamp", &workspace_plugin("stamp"));
    let plain = stamp(shop_app()).text("mount = '/stamp'");
    let around = stamp(shop_app()).text(STAMPED);
    for_each_server(|server| {
        let host = starting(plain.clone(), server).start();
        let mut client = host.connect();
        let mut stamped = || client.get("/").expect(200).header("x-stamp") == Some("here");
        assert!(!stamped());
        reload_well(&host, &around);
        assert!(stamped());
        reload_well(&host, &plain);
        assert!(!stamped());
    });
}

#[test]
fn a_spec_that_is_wrong_changes_nothing() {
    let bad = [
        ("spec = 1\n[app]\nnam = 'x'\n", "app.toml:3:1: unknown key `nam` in [app]"),
        (
            "spec = 1\n[app]\n[[plugin]]\npath = 'libnone.so'\n",
            "libnone.so: cannot read the library: no such file",
        ),
    ];
    let host = starting(visits(shop_app(), ""), "threaded").start();
    for (text, said) in bad {
        let output = reload(&host, &Spec::exactly(text));
        assert_eq!(output.code, Some(78), "{output:?}");
        assert!(output.stderr.starts_with("host: the new spec was not taken: "), "{output:?}");
        assert!(output.stderr.contains(said), "{output:?}");
        assert!(output.stderr.contains("help: all that was served before is still served"), "{output:?}");
        assert_eq!(host.get("/").expect(200).text(), "version 1");
        assert_eq!(host.get("/visits/").expect(200).status, 200);
    }
}

/// One of two new plugins fails: the other one is not there either.
#[test]
fn a_new_spec_is_taken_whole_or_not_at_all() {
    let host = shop_host("threaded");
    let bad = broken_shop("2", "#define BAD_START");
    let spec = visits(shop_app(), "").plugin("second", &bad).text("mount = '/second'");
    let output = reload(&host, &spec);
    assert_eq!(output.code, Some(78), "{output:?}");
    assert!(output.stderr.contains("plugin `second`: start: port 5432"), "{output:?}");
    assert_eq!(host.get("/visits/").status, 404);
    assert_eq!(mapped(&host, "libvisits.so"), 0, "it was loaded, and is gone");
    assert_eq!(host.get("/").expect(200).text(), "version 1");
}

#[test]
fn sighup_swaps_whatever_has_changed() {
    let host = shop_host("threaded");
    host.folder().write("libshop.so", std::fs::read(shop("2")).expect("a library"));
    host.signal(rustix::process::Signal::HUP);
    host.wait_for_line("shop 1 -> 2 (generation 1 -> 2): ");
    assert_eq!(host.get("/").expect(200).text(), "version 2");
    host.folder().write("app.toml", shop_app().text("mount = '/shop'").as_str());
    host.signal(rustix::process::Signal::HUP);
    eventually("the mount has moved", || host.get("/shop/").status == 200);
}
