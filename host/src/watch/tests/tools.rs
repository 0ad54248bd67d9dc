//! What build tools and deployments do to a file, each with the kernel's events and without.

use super::bench::{ALWAYS, Bench, Events, library, ms};
use crate::watch::{Watched, What};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, symlink};

#[track_caller]
fn both(test: impl Fn(Events)) {
    [Events::Told, Events::Missing].into_iter().for_each(test);
}

#[test]
fn a_library_that_is_overwritten_in_place_is_reported() {
    both(|events| {
        let mut bench = Bench::library(events);
        bench.assert_quiet(ALWAYS);
        bench.write("x.so", library(2));
        bench.assert_changed(events, "x.so", library(2));
    });
}

#[test]
fn a_library_that_is_written_elsewhere_and_renamed_is_reported() {
    both(|events| {
        let mut bench = Bench::library(events);
        bench.write("x.so.tmp", library(2));
        bench.assert_quiet(ms(100));
        fs::rename(bench.path("x.so.tmp"), bench.path("x.so")).unwrap();
        bench.assert_changed(events, "x.so", library(2));
    });
}

#[test]
fn a_hard_link_as_cargo_makes_it_is_reported() {
    both(|events| {
        let mut bench = Bench::library(events);
        bench.write("deps/x.so", library(2));
        fs::remove_file(bench.path("x.so")).unwrap();
        fs::hard_link(bench.path("deps/x.so"), bench.path("x.so")).unwrap();
        bench.assert_changed(events, "x.so", library(2));
    });
}

#[test]
fn a_file_that_is_written_by_another_of_its_names_is_found_by_the_slow_look() {
    both(|events| {
        let mut bench = Bench::new(events);
        bench.write("deps/x.so", library(1));
        fs::hard_link(bench.path("deps/x.so"), bench.path("x.so")).unwrap();
        bench.watch(vec![Watched::library("x", bench.path("x.so"))]);
        bench.write("deps/x.so", library(2));
        bench.assert_changed(Events::Missing, "x.so", library(2));
    });
}

#[test]
fn a_hard_link_to_a_file_that_is_still_written_is_reported_when_that_is_done() {
    let mut bench = Bench::library(Events::Told);
    let whole = library(2);
    bench.write("deps/x.so", &whole[..999]);
    fs::remove_file(bench.path("x.so")).unwrap();
    fs::hard_link(bench.path("deps/x.so"), bench.path("x.so")).unwrap();
    bench.assert_quiet(ms(20));
    bench.write("deps/x.so", &whole);
    bench.assert_quiet(ms(10));
    assert_eq!(bench.pass(ALWAYS).len(), 1);
}

#[test]
fn a_half_written_library_is_not_reported_until_the_other_half_is_there() {
    both(|events| {
        let mut bench = Bench::library(events);
        let whole = library(2);
        let (head, tail) = whole.split_at(whole.len() / 2);
        let mut file = File::create(bench.path("x.so")).unwrap();
        bench.assert_quiet(ms(1500));
        file.write_all(head).unwrap();
        bench.assert_quiet(ms(1500));
        file.write_all(tail).unwrap();
        drop(file);
        bench.assert_changed(events, "x.so", whole);
    });
}

#[test]
fn a_library_of_full_length_with_holes_is_not_reported_until_they_are_filled() {
    both(|events| {
        let mut bench = Bench::library(events);
        let whole = library(2);
        let file = OpenOptions::new().write(true).truncate(true).open(bench.path("x.so")).unwrap();
        file.set_len(whole.len() as u64).unwrap();
        let middle = whole.len() / 2;
        bench.assert_quiet(ms(1000));
        file.write_all_at(&whole[..middle], 0).unwrap();
        bench.assert_quiet(ms(1000));
        file.write_all_at(&whole[middle..], middle as u64).unwrap();
        bench.assert_changed(events, "x.so", whole);
    });
}

#[test]
fn a_library_that_is_deleted_and_made_again_is_reported_once() {
    both(|events| {
        let mut bench = Bench::library(events);
        fs::remove_file(bench.path("x.so")).unwrap();
        bench.assert_quiet(ms(29));
        bench.write("x.so", library(2));
        bench.assert_changed(events, "x.so", library(2));
    });
}

#[test]
fn a_library_that_stays_deleted_is_gone_and_may_come_back() {
    both(|events| {
        let mut bench = Bench::library(events);
        fs::remove_file(bench.path("x.so")).unwrap();
        bench.assert_reported(events, "x.so", &What::Gone);
        bench.write("x.so", library(1));
        bench.assert_quiet(ALWAYS);
        fs::remove_file(bench.path("x.so")).unwrap();
        bench.assert_reported(events, "x.so", &What::Gone);
        bench.write("x.so", library(2));
        bench.assert_changed(events, "x.so", library(2));
    });
}

#[test]
fn a_burst_of_writes_is_reported_once_with_the_last_bytes() {
    both(|events| {
        let mut bench = Bench::library(events);
        for number in 0..100 {
            bench.write("x.so", library(number));
            bench.assert_quiet(ms(29));
        }
        bench.write("x.so", library(100));
        bench.assert_changed(events, "x.so", library(100));
    });
}

#[test]
fn the_same_bytes_again_are_not_reported() {
    both(|events| {
        let mut bench = Bench::library(events);
        bench.write("x.so", library(1));
        bench.assert_quiet(ALWAYS);
        bench.write("x.so", library(2));
        bench.assert_changed(events, "x.so", library(2));
        bench.write("y.so", library(2));
        fs::rename(bench.path("y.so"), bench.path("x.so")).unwrap();
        File::open(bench.path("x.so")).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        bench.assert_quiet(ALWAYS);
    });
}

#[test]
fn a_link_to_a_release_that_is_switched_is_reported_at_once() {
    both(|events| {
        let mut bench = Bench::new(events);
        bench.write("releases/1/lib/x.so", library(1));
        bench.write("releases/2/lib/x.so", library(2));
        symlink("releases/1", bench.path("current")).unwrap();
        symlink("current/lib/x.so", bench.path("x.so")).unwrap();
        bench.watch(vec![Watched::library("x", bench.path("x.so"))]);
        bench.assert_quiet(ALWAYS);
        symlink("releases/2", bench.path("next")).unwrap();
        fs::rename(bench.path("next"), bench.path("current")).unwrap();
        bench.assert_changed(events, "x.so", library(2));
        bench.write("releases/2/lib/x.so", library(3));
        bench.assert_changed(events, "x.so", library(3));
    });
}

#[test]
fn a_folder_that_is_deleted_and_made_again_is_watched_again() {
    both(|events| {
        let mut bench = Bench::new(events);
        bench.write("target/debug/x.so", library(1));
        bench.watch(vec![Watched::library("x", bench.path("target/debug/x.so"))]);
        fs::remove_dir_all(bench.path("target")).unwrap();
        bench.assert_reported(events, "target/debug/x.so", &What::Gone);
        // The folder above tells of the next one, and so on.
        for folder in ["target", "target/debug"] {
            fs::create_dir(bench.path(folder)).unwrap();
            bench.assert_quiet(ms(100));
        }
        bench.write("target/debug/x.so", library(2));
        bench.assert_changed(events, "target/debug/x.so", library(2));
    });
}

#[test]
fn a_folder_that_is_put_in_place_of_another_is_watched_from_the_next_look_on() {
    both(|events| {
        let mut bench = Bench::new(events);
        bench.write("a/b/x.so", library(1));
        bench.write("new/b/x.so", library(2));
        bench.watch(vec![Watched::library("x", bench.path("a/b/x.so"))]);
        fs::rename(bench.path("a"), bench.path("old")).unwrap();
        fs::rename(bench.path("new"), bench.path("a")).unwrap();
        bench.assert_changed(Events::Missing, "a/b/x.so", library(2));
        bench.write("old/b/x.so", library(4));
        bench.assert_quiet(ALWAYS);
        bench.write("a/b/x.so", library(3));
        bench.assert_changed(events, "a/b/x.so", library(3));
    });
}

#[test]
fn more_events_than_the_kernel_keeps_lose_no_change() {
    let kept: usize =
        fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    let mut bench = Bench::library(Events::Told);
    // Two files in turn: the kernel takes together what happens to one.
    let files = ["a", "b"].map(|name| File::create(bench.path(name)).unwrap());
    for number in 0..=kept {
        (&files[number % 2]).write_all(b"x").unwrap();
    }
    bench.write("x.so", library(2));
    bench.assert_changed(Events::Told, "x.so", library(2));
}
