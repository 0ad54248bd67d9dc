//! The thread that watches.

use super::bench::library;
use crate::library::Digest;
use crate::watch::{Settled, Watched, Watcher, What};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// No test waits longer for what has to come.
const DEADLINE: Duration = Duration::from_secs(30);

/// Two libraries, `x.so` and `y.so`: what is reported of the second one is the fence that says that of the first one all is
/// known.
struct Two(tempfile::TempDir);

impl Two {
    fn new() -> Self {
        let two = Self(tempfile::tempdir().unwrap());
        ["x", "y"].iter().for_each(|name| two.write(name, 1));
        two
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.so"))
    }

    fn write(&self, name: &str, number: u32) {
        fs::write(self.path(name), library(number)).unwrap();
    }

    fn set(&self) -> Vec<Watched<&'static str>> {
        ["x", "y"].map(|name| Watched::library(name, self.path(name))).into()
    }
}

#[track_caller]
fn next(reports: &Receiver<Settled<&'static str>>) -> (&'static str, What) {
    let report = reports.recv_timeout(DEADLINE).unwrap();
    (report.key, report.what)
}

fn changed(number: u32) -> What {
    What::Changed(Digest::of(&library(number)))
}

#[test]
fn a_change_is_reported_and_one_that_changes_nothing_is_not() {
    let (two, (send, reports)) = (Two::new(), mpsc::channel());
    let _watcher = Watcher::start(two.set(), move |settled| send.send(settled).unwrap()).unwrap();
    two.write("x", 2);
    assert_eq!(next(&reports), ("x", changed(2)));
    two.write("x", 2);
    two.write("y", 2);
    assert_eq!(next(&reports), ("y", changed(2)));
}

#[test]
fn what_changes_during_a_slow_report_is_reported_afterwards_and_once() {
    let (two, (send, reports), (go, may_go)) = (Two::new(), mpsc::channel(), mpsc::channel());
    let _watcher = Watcher::start(two.set(), move |settled| {
        send.send(settled).unwrap();
        may_go.recv().unwrap();
    })
    .unwrap();
    two.write("x", 2);
    assert_eq!(next(&reports), ("x", changed(2)));
    (3..50).for_each(|number| two.write("x", number));
    assert_eq!(reports.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    go.send(()).unwrap();
    assert_eq!(next(&reports), ("x", changed(49)));
    two.write("y", 2);
    go.send(()).unwrap();
    assert_eq!(next(&reports), ("y", changed(2)));
    go.send(()).unwrap();
}

#[test]
fn a_dropped_watcher_reports_nothing_any_more() {
    let (two, (send, reports)) = (Two::new(), mpsc::channel());
    let watcher = Watcher::start(two.set(), move |settled| send.send(settled).unwrap()).unwrap();
    drop(watcher);
    two.write("x", 2);
    assert_eq!(reports.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_report_may_change_the_set_and_end_the_watcher() {
    let (two, (send, reports)) = (Two::new(), mpsc::channel());
    let cell: Arc<OnceLock<Watcher<&str>>> = Arc::default();
    let (mine, set) = (cell.clone(), vec![two.set().remove(1)]);
    let mut mine = Some(mine);
    let watcher = Watcher::start(two.set(), move |settled| {
        if settled.key == "y" {
            // The last owner: the watcher is dropped here.
            mine = None;
        } else if let Some(watcher) = mine.as_ref().and_then(|cell| cell.get()) {
            watcher.set(set.clone());
        }
        send.send(settled).unwrap();
    })
    .unwrap();
    cell.set(watcher).unwrap();
    two.write("x", 2);
    assert_eq!(next(&reports), ("x", changed(2)));
    drop(cell);
    two.write("x", 3);
    two.write("y", 3);
    assert_eq!(next(&reports), ("y", changed(3)), "x is not watched any more");
    assert_eq!(reports.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_report_that_panics_does_not_end_watching() {
    let (two, (send, reports)) = (Two::new(), mpsc::channel());
    let _watcher = Watcher::start(two.set(), move |settled: Settled<&str>| {
        assert_ne!(settled.key, "x", "this panic is part of the test");
        send.send(settled).unwrap();
    })
    .unwrap();
    two.write("x", 2);
    two.write("y", 2);
    assert_eq!(next(&reports), ("y", changed(2)));
}

#[test]
fn a_relative_path_is_watched_as_it_is_reported_absolute() {
    let set = vec![Watched::library("x", "no/such/libx.so")];
    assert!(set[0].clone().absolute().path.is_absolute());
    let _watcher = Watcher::start(set, |_| {}).unwrap();
}
