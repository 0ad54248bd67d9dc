//! A lookout over real files, with a clock of the test's own.

use crate::library::Digest;
use crate::library::fixture::{self, Folder};
use crate::watch::folders::Folders;
use crate::watch::lookout::Lookout;
use crate::watch::{Settled, Watched, What};
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A complete library. Different numbers give different bytes.
pub(super) fn library(number: u32) -> Vec<u8> {
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| fs::read(Folder::new().library(&fixture::good(), &["-s"])).unwrap());
    // What follows the end of an ELF file is nobody's.
    [&**library, &number.to_le_bytes()].concat()
}

/// Whether the kernel tells of changes, or only a look finds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Events {
    Told,
    Missing,
}

/// Whatever time it is, nothing takes longer than this to be found.
pub(super) const ALWAYS: Duration = Duration::from_secs(600);

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) struct Bench {
    folder: tempfile::TempDir,
    lookout: Lookout<&'static str>,
    now: Instant,
    /// How often time went on to when something was due.
    pub(super) wakeups: u64,
}

impl Bench {
    /// Nothing is watched yet.
    pub(super) fn new(events: Events) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Instant::now();
        let folders = if events == Events::Told { Folders::new() } else { Folders::without_events() };
        Self { folder, lookout: Lookout::new(folders, now), now, wakeups: 0 }
    }

    /// Watches the library `x.so`, which is number 1.
    pub(super) fn library(events: Events) -> Self {
        let mut bench = Self::new(events);
        bench.write("x.so", library(1));
        bench.watch(vec![Watched::library("x", bench.path("x.so"))]);
        bench
    }

    pub(super) fn watch(&mut self, set: Vec<Watched<&'static str>>) {
        self.lookout.set(set, self.now);
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes in place.
    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Lets time pass; answers with the reports.
    pub(super) fn pass(&mut self, time: Duration) -> Vec<Settled<&'static str>> {
        let end = self.now + time;
        let mut reports = Vec::new();
        loop {
            let report = self.lookout.turn(self.now);
            let due = self.lookout.due();
            let is_done = report.is_none() && due > self.now;
            reports.extend(report);
            if is_done && due > end {
                self.now = end;
                return reports;
            }
            self.wakeups += u64::from(due > self.now);
            self.now = self.now.max(due);
        }
    }

    #[track_caller]
    pub(super) fn assert_quiet(&mut self, time: Duration) {
        let reports = self.pass(time);
        assert!(reports.is_empty(), "{reports:#?}");
    }

    /// There is one report, as soon as it can be: that the file has these bytes now.
    #[track_caller]
    pub(super) fn assert_changed(&mut self, events: Events, name: &str, bytes: impl AsRef<[u8]>) {
        let what = What::Changed(Digest::of(bytes.as_ref()));
        self.assert_reported(events, name, &what);
    }

    #[track_caller]
    pub(super) fn assert_reported(&mut self, events: Events, name: &str, what: &What) {
        if events == Events::Told {
            self.assert_quiet(ms(29));
        }
        let reports = self.pass(if events == Events::Told { ms(1) } else { ALWAYS });
        let [report] = &*reports else { panic!("one report of {name}: {reports:#?}") };
        assert_eq!((&report.path, &report.what), (&self.path(name), what));
        self.assert_quiet(ALWAYS);
    }
}
