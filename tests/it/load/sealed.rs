//! The user's file is never mapped: only a sealed copy is.

use super::fixture::{Plugin, only, serve};
use crate::harness::Host;
use std::path::Path;

/// Calls `changed` with the file of a plugin that is served, and asks for what it serves before and afterwards.
fn served_while(changed: impl FnOnce(&Path)) -> Host {
    let host = serve(&[&Plugin::with_a_route("still")], only("still"));
    assert_eq!(host.get("/").expect(200).text(), "still");
    changed(&host.folder().join("libstill.so"));
    assert_eq!(host.get("/").expect(200).text(), "still");
    host
}

#[test]
fn a_library_can_be_overwritten_while_it_serves() {
    let host = served_while(|file| {
        let size = std::fs::metadata(file).expect("the library").len();
        std::fs::write(file, vec![0xcc; size as usize]).expect("written over");
    });
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn a_library_can_be_truncated_while_it_serves() {
    let host = served_while(|file| std::fs::write(file, "").expect("truncated"));
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn a_library_can_be_deleted_while_it_serves() {
    let host = served_while(|file| std::fs::remove_file(file).expect("deleted"));
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn what_is_mapped_is_a_copy_in_memory() {
    let host = served_while(|_| {});
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", host.worker_pid()))
        .expect("the maps of a process of our own");
    let mapped: Vec<&str> = maps.lines().filter(|line| line.contains("libstill.so")).collect();
    assert!(
        !mapped.is_empty() && mapped.iter().all(|line| line.contains("/memfd:libstill.so")),
        "{mapped:#?}"
    );
}

/// How many copies of that library the process maps.
fn copies(host: &Host, library: &str) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", host.worker_pid()))
        .expect("the maps of a process of our own");
    let starts = maps.lines().filter(|line| line.contains(library) && line.contains(" 00000000 "));
    starts.count()
}

#[test]
fn a_load_that_fails_leaves_nothing_mapped() {
    let broken =
        Plugin::registering("broken", "*err = (pa_buf){(const uint8_t *)\"no\", 2, 0, 0}; return PA_ERR;");
    let trying = "for (int i = 0; i < 20; i++) {
            pa_app *child = NULL;
            pa_buf reason = {0};
            apps->load(apps->ctx, pa_str(\"./libbroken.so\"), &child, &reason);
            if (reason.drop) reason.drop(reason.owner, reason.ptr, reason.len);
        }
        return ROUTE(app, \"/\", \"tried\");";
    let host = serve(&[&Plugin::registering("trying", trying), &broken], only("trying"));
    assert_eq!(host.get("/").expect(200).text(), "tried");
    assert_eq!((copies(&host, "libtrying.so"), copies(&host, "libbroken.so")), (1, 0));
    assert_eq!(host.stop().code, Some(0));
}
