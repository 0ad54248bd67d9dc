//! Swaps that do not come about: the old generation goes on, and the error says so.

use super::*;

/// Tries to swap that file in, on each server, and gives what was said; all is as before.
fn assert_refused(spec: &Spec, file: &Path, code: i32, said: &[&str]) {
    for_each_server(|server| {
        let host = starting(spec.clone(), server).start();
        let mut client = host.connect();
        assert_eq!(client.get("/").expect(200).text(), "version 1");
        let output = host.ctl(["swap", &format!("shop={}", file.display())]);
        assert_eq!(output.code, Some(code), "{output:?}");
        for part in said.iter().chain(&["help: still served: shop 1 (generation 1)"]) {
            assert!(output.stderr.contains(part), "no `{part}` in {output:?}");
        }
        assert_eq!(client.get("/").expect(200).text(), "version 1");
        assert_eq!(row(&host, "shop", "serving")["generation"], 1);
        assert_eq!(mapped(&host, "libshop.so"), 1, "nothing of the new one is left");
        // It is not in the way of the next one.
        assert!(swap_to(&host, &shop("2")).starts_with("shop 1 -> 2 (generation 1 -> 2): "));
        assert_eq!(client.get("/").expect(200).text(), "version 2");
    });
}

fn file(contents: &[u8]) -> (Folder, PathBuf) {
    let folder = Folder::new();
    let path = folder.write("libshop.so", contents);
    (folder, path)
}

#[test]
fn a_file_that_is_no_library() {
    let (_folder, path) = file(b"#!/bin/sh\n");
    assert_refused(&shop_app(), &path, 78, &["shop: cannot swap: ", "not a shared library: it is text"]);
}

#[test]
fn a_file_that_is_not_there() {
    assert_refused(
        &shop_app(),
        Path::new("/nowhere/libshop.so"),
        78,
        &["cannot read the library: no such file"],
    );
}

#[test]
fn a_library_that_is_cut_short() {
    let whole = std::fs::read(shop("2")).expect("a library");
    let (_folder, path) = file(&whole[..whole.len() / 2]);
    assert_refused(&shop_app(), &path, 78, &["shop: cannot swap: ", "libshop.so: "]);
}

#[test]
fn a_library_of_another_abi() {
    let source = std::fs::read(shop("2")).expect("a library");
    let note = source.windows(12).position(|window| window == b"plugin-api\0\0").expect("a note") + 12;
    let mut other = source.clone();
    other[note] = 9;
    let (_folder, path) = file(&other);
    assert_refused(&shop_app(), &path, 78, &["wrong ABI: built for 9."]);
}

#[test]
fn a_create_that_fails() {
    let bad = broken_shop("2", "#define BAD_CREATE");
    assert_refused(&shop_app(), &bad, 78, &["plugin `shop`: create: the database is not there"]);
}

#[test]
fn a_start_that_fails() {
    let bad = broken_shop("2", "#define BAD_START");
    assert_refused(&shop_app(), &bad, 78, &["plugin `shop`: start: port 5432: connection refused"]);
}

#[test]
fn a_self_test_that_fails() {
    let spec = shop_app().text("self_test = ['/health']");
    let sick = broken_shop("2", "#define SICK");
    assert_refused(&spec, &sick, 78, &["self-test: GET /health was answered with 500"]);
}

#[test]
fn a_route_that_another_plugin_has() {
    let other = plugin_from_c("other", &other_source());
    let spec = shop_app().plugin("other", &other);
    let bad = broken_shop("2", "#define BAD_ROUTE");
    assert_refused(&spec, &bad, 78, &["GET `/other` at `/` is a route of `shop`"]);
}

/// A plugin with the one route `/other`.
fn other_source() -> String {
    let shop = include_str!("shop.c").replace("id = \\\"shop\\\"", "id = \\\"other\\\"");
    let shop = shop.replace("rule = \\\"/\\\"", "rule = \\\"/other\\\"");
    let shop = ["/big", "/health", "/upload"].iter().fold(shop, |shop, rule| {
        shop.replace(&format!("rule = \\\"{rule}\\\""), &format!("rule = \\\"/other{rule}\\\""))
    });
    let shop = shop.replace("\\\"/wait/", "\\\"/other/wait/");
    format!("#define VERSION \"1\"\n#define LETTER 'o'\n{shop}")
}
