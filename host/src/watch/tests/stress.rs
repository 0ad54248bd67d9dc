//! Whatever is done to a file, in whatever order: in the end its last bytes are what was reported last.

use super::bench::library;
use crate::library::Digest;
use crate::watch::{Settled, Watched, Watcher, What};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

const FILES: usize = 4;
const OPERATIONS: u32 = 4000;
const DEADLINE: Duration = Duration::from_secs(60);

type Tool = fn(&Path, &Path, &[u8], usize);

/// What is done to a file: its path, a place beside it, new bytes, a random number.
const TOOLS: &[Tool] = &[
    |path, _, bytes, _| drop(fs::write(path, bytes)),
    |path, beside, bytes, _| drop(fs::write(beside, bytes).and_then(|()| fs::rename(beside, path))),
    |path, beside, bytes, _| {
        let _ = fs::remove_file(beside).and(fs::write(beside, bytes)).or_else(|_| fs::write(beside, bytes));
        let _ = fs::remove_file(path);
        let _ = fs::hard_link(beside, path);
    },
    |path, _, _, _| drop(fs::remove_file(path)),
    |path, _, bytes, random| {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        file.write_all_at(&bytes[random % bytes.len()..], (random % bytes.len()) as u64).unwrap();
    },
    |path, _, bytes, random| drop(fs::write(path, &bytes[..random % bytes.len()])),
    // By another of its names, if it has one.
    |_, beside, bytes, _| drop(fs::write(beside, bytes)),
    |_, _, _, random| std::thread::sleep(Duration::from_micros((random % 300) as u64)),
];

#[test]
fn the_last_report_has_the_last_bytes_whatever_was_done_before() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..FILES).map(|n| folder.path().join(format!("{n}.so"))).collect();
    let beside: Vec<PathBuf> = (0..FILES).map(|n| folder.path().join(format!("{n}.tmp"))).collect();
    let fence = folder.path().join("fence");
    let mut set: Vec<_> = paths.iter().enumerate().map(|(n, path)| Watched::library(n, path)).collect();
    set.push(Watched::data(FILES, &fence));
    let (send, reports) = mpsc::channel();
    let watcher = Watcher::start(set, move |settled| send.send(settled).unwrap()).unwrap();
    let mut random = random(0x2545_f491_4f6c_dd1d);
    for number in 0..OPERATIONS {
        let (n, tool) = (random() % FILES, TOOLS[random() % TOOLS.len()]);
        tool(&paths[n], &beside[n], &library(number), random());
    }
    let mut last: Vec<u32> = Vec::new();
    for (n, path) in paths.iter().enumerate() {
        last.push(OPERATIONS + n as u32);
        TOOLS[n % 3](path, &beside[n], &library(last[n]), 0);
    }
    let reported = wait_for_last(&reports, &last);
    fs::write(&fence, "x").unwrap();
    let after: Vec<_> = std::iter::from_fn(|| reports.recv_timeout(DEADLINE).ok())
        .take_while(|report: &Settled<usize>| report.key != FILES)
        .collect();
    assert!(after.is_empty(), "after the last bytes of all: {after:?}");
    assert!(reported < OPERATIONS, "{reported} reports: none was taken together with another");
    drop(watcher);
}

/// Waits until the last bytes of all were reported, after which nothing else may be. Answers with the number of reports.
fn wait_for_last(reports: &Receiver<Settled<usize>>, last: &[u32]) -> u32 {
    let wanted: Vec<What> = last.iter().map(|number| What::Changed(Digest::of(&library(*number)))).collect();
    let mut reported: Vec<Option<What>> = vec![None; last.len()];
    let deadline = Instant::now() + DEADLINE;
    for count in 0.. {
        if reported.iter().flatten().eq(&wanted) {
            return count;
        }
        let report = reports.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let report = report.unwrap_or_else(|_| panic!("wanted {wanted:#?}, reported {reported:#?}"));
        if let Some(known) = reported.get_mut(report.key) {
            *known = Some(report.what);
        }
    }
    unreachable!()
}

fn random(mut seed: u64) -> impl FnMut() -> usize {
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    }
}
