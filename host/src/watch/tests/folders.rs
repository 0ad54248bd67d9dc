//! Folders, with all that is in them.

use super::bench::{ALWAYS, Bench, Events, ms};
use crate::watch::{Watched, What};
use std::fs;

/// Watches the folder `t`, but not `t/target`.
fn bench(events: Events) -> Bench {
    let mut bench = Bench::new(events);
    for file in ["t/a/x", "t/y", "t/target/z"] {
        bench.write(file, "1");
    }
    bench.watch(vec![Watched::data("t", bench.path("t")).without([bench.path("t/target")])]);
    bench.assert_quiet(ALWAYS);
    bench
}

/// One report, that this file in it changed.
#[track_caller]
fn assert_changed(bench: &mut Bench, file: &str) {
    let reports = bench.pass(ALWAYS);
    let [report] = &*reports else { panic!("one report of {file}: {reports:#?}") };
    assert!(matches!(report.what, What::Changed(_)), "{report:?}");
    assert_eq!((&report.path, &report.changed), (&bench.path("t"), &bench.path(file)));
}

#[test]
fn a_file_that_is_written_made_or_removed_below_a_folder_is_reported() {
    for events in [Events::Told, Events::Missing] {
        let mut bench = bench(events);
        bench.write("t/a/x", "2");
        assert_changed(&mut bench, "t/a/x");
        bench.write("t/a/n", "1");
        assert_changed(&mut bench, "t/a/n");
        fs::remove_file(bench.path("t/y")).unwrap();
        assert_changed(&mut bench, "t/y");
        bench.write("t/new/deep/x", "1");
        assert_changed(&mut bench, "t/new/deep/x");
        bench.write("t/new/deep/x", "2");
        assert_changed(&mut bench, "t/new/deep/x");
    }
}

#[test]
fn what_is_told_of_a_folder_is_reported_at_once() {
    let mut bench = bench(Events::Told);
    bench.write("t/a/x", "2");
    bench.assert_quiet(ms(29));
    assert_eq!(bench.pass(ms(1)).len(), 1);
}

#[test]
fn a_folder_that_is_left_out_and_what_editors_leave_are_not_seen() {
    for events in [Events::Told, Events::Missing] {
        let mut bench = bench(events);
        bench.write("t/target/z", "2");
        bench.write("t/target/debug/z", "2");
        bench.write("t/a/.x.swp", "2");
        bench.write("t/a/x~", "2");
        bench.write("t/a/x", "1");
        fs::create_dir(bench.path("t/empty")).unwrap();
        bench.assert_quiet(ALWAYS);
    }
}

#[test]
fn a_folder_that_is_checked_out_again_is_reported_once() {
    for events in [Events::Told, Events::Missing] {
        let mut bench = bench(events);
        fs::remove_dir_all(bench.path("t")).unwrap();
        bench.assert_quiet(ms(10));
        for file in 0..200 {
            bench.write(&format!("t/a/{file}"), "1");
        }
        bench.assert_quiet(ms(10));
        bench.write("t/y", "1");
        assert_changed(&mut bench, "t/a/0");
    }
}

#[test]
fn a_folder_may_become_a_file_and_be_gone() {
    let mut bench = bench(Events::Told);
    fs::remove_dir_all(bench.path("t")).unwrap();
    bench.write("t", "x");
    assert_eq!(bench.pass(ALWAYS).len(), 1);
    fs::remove_file(bench.path("t")).unwrap();
    let reports = bench.pass(ALWAYS);
    assert!(matches!(&reports[..], [one] if one.what == What::Gone), "{reports:?}");
}

#[test]
fn a_set_that_leaves_out_something_else_loses_no_change() {
    let mut bench = bench(Events::Told);
    bench.write("t/a/x", "2");
    bench.watch(vec![
        Watched::data("t", bench.path("t")).without([bench.path("t/target"), bench.path("t/y")]),
    ]);
    // The first that is not as it was: `t/y` is not seen any more.
    assert_changed(&mut bench, "t/a/x");
    bench.write("t/y", "2");
    bench.assert_quiet(ALWAYS);
}
