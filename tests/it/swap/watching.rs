//! `--watch`: what changes on disk is swapped in by itself.

use super::*;

fn watching(spec: Spec) -> Host {
    starting(spec, "threaded").arg("--watch").start()
}

fn library(version: &str) -> Vec<u8> {
    std::fs::read(shop(version)).expect("a library")
}

#[test]
fn a_library_that_was_built_again_is_swapped_in() {
    let host = watching(shop_app());
    let file = host.folder().join("libshop.so");
    // Written over in place.
    std::fs::write(&file, library("2")).expect("a library");
    host.wait_for_line("shop 1 -> 2 (generation 1 -> 2): ");
    // Written elsewhere and renamed.
    host.folder().write("new.so", library("3"));
    std::fs::rename(host.folder().join("new.so"), &file).expect("renamed");
    host.wait_for_line("shop 2 -> 3 (generation 2 -> 3): ");
    // As cargo does it: a hard link, and no file is closed after writing.
    let built = host.folder().write("deps/libshop.so", library("4"));
    std::fs::remove_file(&file).expect("removed");
    std::fs::hard_link(&built, &file).expect("linked");
    host.wait_for_line("shop 3 -> 4 (generation 3 -> 4): ");
    assert_eq!(host.get("/").expect(200).text(), "version 4");
}

#[test]
fn a_library_that_is_written_slowly_is_swapped_when_it_is_whole() {
    let host = watching(shop_app());
    let file = host.folder().join("libshop.so");
    let new = library("2");
    std::fs::write(&file, &new[..new.len() / 2]).expect("half a library");
    assert_eq!(host.get("/").expect(200).text(), "version 1");
    std::fs::write(&file, &new).expect("a library");
    host.wait_for_line("shop 1 -> 2 (generation 1 -> 2): ");
    assert!(!host.log().contains("cannot swap"), "{}", host.log());
}

#[test]
fn a_library_that_cannot_be_swapped_in_is_said_and_the_old_one_goes_on() {
    let host = watching(shop_app());
    let bad = broken_shop("2", "#define BAD_START");
    host.folder().write("libshop.so", std::fs::read(bad).expect("a library"));
    host.wait_for_line(
        "shop: cannot swap: app.toml:4:1: plugin `shop`: start: port 5432: connection refused",
    );
    assert_eq!(host.get("/").expect(200).text(), "version 1");
    host.folder().write("libshop.so", library("3"));
    host.wait_for_line("shop 1 -> 3 (generation 1 -> 2): ");
    assert_eq!(host.get("/").expect(200).text(), "version 3");
}

#[test]
fn an_edited_spec_is_swapped_in() {
    let host = watching(shop_app());
    host.folder().write("app.toml", shop_app().text("mount = '/shop'").as_str());
    eventually("the mount has moved", || host.get("/shop/").status == 200);
    host.folder().write("app.toml", "spec = 1\n[ap]\n");
    host.wait_for_line("the new spec was not taken: ");
    assert_eq!(host.get("/shop/").expect(200).text(), "version 1");
}

#[test]
fn a_file_that_a_plugin_reads_swaps_it_too() {
    let spec = shop_app().text("watch = ['templates', 'prices.csv']");
    let host = starting(spec, "threaded").file("templates/page.html", "one").arg("--watch").start();
    host.folder().write("templates/page.html", "two");
    host.wait_for_line("shop 1 -> 1 (generation 1 -> 2): ");
    host.folder().write("prices.csv", "tea,3");
    host.wait_for_line("shop 1 -> 1 (generation 2 -> 3): ");
}

#[test]
fn a_host_that_cannot_load_waits_for_what_was_missing() {
    let spec = Spec::new().plugin("shop", Path::new("libshop.so"));
    let host = Host::with(spec, "threaded").arg("--watch").spawn();
    host.wait_for_line("libshop.so: cannot read the library: no such file");
    host.folder().write("libshop.so", library("1"));
    host.wait_for_line("Hit Ctrl-C to quit.");
    assert_eq!(host.stop().code, Some(0));
}
