//! When something has settled, and what is said of it.

use super::bench::{ALWAYS, Bench, Events, library, ms};
use crate::library::Digest;
use crate::watch::{Watched, What};
use std::fs;

#[test]
fn nothing_is_done_while_nothing_happens_but_a_look_every_second() {
    let mut bench = Bench::library(Events::Told);
    let mut looks_in = |time| {
        let before = bench.wakeups;
        bench.assert_quiet(time);
        bench.wakeups - before
    };
    // As long as the file is so new that a second write could leave its times as they are, it is read at each look. That is
    // real time, of which the clock of this test knows nothing.
    while looks_in(ms(10_000)) > 10 {}
    // Fewer where looking takes long.
    assert!((1..=100).contains(&looks_in(ms(100_000))));
}

#[test]
fn a_library_that_stays_incomplete_is_broken_and_that_is_said_once() {
    let mut bench = Bench::library(Events::Told);
    let whole = library(2);
    bench.write("x.so", &whole[..whole.len() / 2]);
    bench.assert_quiet(ms(2029));
    let reports = bench.pass(ALWAYS);
    assert!(
        matches!(&reports[..], [one] if matches!(&one.what, What::Broken(why) if why.contains("ends at"))),
        "{reports:?}"
    );
    bench.write("x.so", &whole[..whole.len() / 2]);
    bench.assert_quiet(ALWAYS);
    bench.write("x.so", &whole);
    bench.assert_changed(Events::Told, "x.so", &whole);
    bench.write("x.so", &whole[..whole.len() / 2]);
    assert_eq!(bench.pass(ALWAYS).len(), 1, "it is broken again");
}

#[test]
fn a_library_that_looks_unfinished_but_may_be_whole_is_reported_after_a_while() {
    let mut bench = Bench::library(Events::Told);
    let mut odd = library(2);
    // The alignment of the last section: no loader looks at it, and every linker writes it.
    let last = odd.len() - 4 - 16;
    odd[last..last + 8].fill(0);
    bench.write("x.so", &odd);
    bench.assert_quiet(ms(2029));
    let reports = bench.pass(ALWAYS);
    assert!(matches!(&reports[..], [one] if one.what == What::Changed(Digest::of(&odd))), "{reports:?}");
}

#[test]
fn a_library_that_was_incomplete_when_watching_began_is_reported_when_it_is_whole() {
    let mut bench = Bench::new(Events::Told);
    let whole = library(1);
    bench.write("x.so", &whole[..100]);
    bench.watch(vec![Watched::library("x", bench.path("x.so"))]);
    bench.assert_quiet(ALWAYS);
    bench.write("x.so", &whole);
    bench.assert_changed(Events::Told, "x.so", whole);
}

#[test]
fn what_is_not_there_yet_is_reported_when_it_comes() {
    let mut bench = Bench::new(Events::Told);
    bench.watch(vec![Watched::data("x", bench.path("new/x")), Watched::library("y", bench.path("y.so"))]);
    bench.assert_quiet(ALWAYS);
    bench.write("y.so", library(1));
    bench.assert_changed(Events::Told, "y.so", library(1));
    bench.write("new/x", "1");
    // First the folder is seen, then what is in it.
    let reports = bench.pass(ms(100));
    assert!(matches!(&reports[..], [one] if one.what == What::Changed(Digest::of(b"1"))), "{reports:?}");
}

#[test]
fn what_differs_from_what_the_caller_has_is_reported_at_the_beginning() {
    let mut bench = Bench::new(Events::Told);
    bench.write("x.so", library(2));
    bench.write("y.so", library(1));
    let known = Digest::of(&library(1));
    bench.watch(
        ["x", "y", "z"]
            .map(|name| Watched::library(name, bench.path(&format!("{name}.so"))).known(known))
            .into(),
    );
    let reports: Vec<_> = bench.pass(ms(30)).into_iter().map(|one| (one.key, one.what)).collect();
    assert_eq!(reports, [("x", What::Changed(Digest::of(&library(2)))), ("z", What::Gone)]);
    bench.assert_quiet(ALWAYS);
}

#[test]
fn a_folder_in_place_of_a_library_is_broken() {
    let mut bench = Bench::library(Events::Told);
    fs::remove_file(bench.path("x.so")).unwrap();
    fs::create_dir(bench.path("x.so")).unwrap();
    let reports = bench.pass(ALWAYS);
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].what, What::Broken("it cannot be read: it is a folder".into()));
}

#[test]
fn a_new_set_keeps_what_it_has_in_common_with_the_old_one() {
    let mut bench = Bench::library(Events::Told);
    bench.write("x.so", library(2));
    bench.write("y.so", library(1));
    let (x, y) = (Watched::library("x", bench.path("x.so")), Watched::library("y", bench.path("y.so")));
    bench.watch(vec![y.clone(), x.known(Digest::of(b"is not asked for"))]);
    bench.assert_changed(Events::Told, "x.so", library(2));
    bench.watch(vec![y]);
    bench.write("x.so", library(3));
    bench.write("y.so", library(3));
    bench.assert_changed(Events::Told, "y.so", library(3));
    bench.watch(vec![]);
    bench.write("y.so", library(4));
    bench.assert_quiet(ALWAYS);
}

#[test]
fn two_who_watch_the_same_file_are_both_told() {
    let mut bench = Bench::library(Events::Told);
    let path = bench.path("x.so");
    bench.watch(vec![Watched::library("one", &path), Watched::library("other", &path)]);
    bench.write("x.so", library(2));
    let keys: Vec<_> = bench.pass(ALWAYS).into_iter().map(|one| one.key).collect();
    assert_eq!(keys, ["one", "other"]);
}

#[test]
fn a_data_file_may_have_any_bytes() {
    let mut bench = Bench::new(Events::Told);
    bench.write("x.toml", "a");
    bench.watch(vec![Watched::data("x", bench.path("x.toml"))]);
    bench.write("x.toml", "b");
    bench.assert_changed(Events::Told, "x.toml", "b");
    bench.write("x.toml", "");
    bench.assert_changed(Events::Told, "x.toml", "");
}
