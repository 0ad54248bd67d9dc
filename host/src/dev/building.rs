//! The thread that builds.

use super::build::{BuildEvent, Shared};
use super::crates::{Crate, watched};
use super::failure::BuildFailure;
use crate::cargo_build::{Attempt, Cargo, Outcome, Package, Profile, changed_since};
use crate::error::Error;
use crate::watch::Watcher;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A crate whose builds were given up so often in a row is built to the end, whatever changes: a build that writes its own
/// sources would never end otherwise.
const GIVEN_UP_MAX: u32 = 5;

/// A crate that has to be built.
struct Job {
    folder: PathBuf,
    because: String,
}

pub(super) struct Building {
    cargo: Cargo,
    profile: Profile,
    watcher: Watcher<()>,
    shared: Arc<Shared>,
    show: Box<dyn FnMut(&str) + Send>,
    report: Box<dyn FnMut(BuildEvent) + Send>,
    crates: Vec<Crate>,
    queue: Vec<Job>,
    /// For each lock of a workspace: when cargo ran last that may have written it.
    locked: BTreeMap<PathBuf, Range<SystemTime>>,
}

impl Building {
    pub(super) fn new(
        cargo: Cargo,
        profile: Profile,
        watcher: Watcher<()>,
        shared: Arc<Shared>,
        show: Box<dyn FnMut(&str) + Send>,
        report: Box<dyn FnMut(BuildEvent) + Send>,
    ) -> Self {
        let (crates, queue, locked) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { cargo, profile, watcher, shared, show, report, crates, queue, locked }
    }

    pub(super) fn run(mut self) {
        // It rests for the first time when all was found to be up to date, or was built.
        let mut is_at_work = true;
        while !self.take_inbox() {
            if !self.queue.is_empty() {
                let job = self.queue.remove(0);
                self.build(job);
                is_at_work = true;
            } else if std::mem::take(&mut is_at_work) {
                let is_failing = self.crates.iter().any(|one| one.is_failing);
                (self.report)(BuildEvent::Rest { is_failing });
            } else {
                self.shared.wait();
            }
        }
    }

    /// Answers whether this is the end.
    fn take_inbox(&mut self) -> bool {
        let inbox = self.shared.take();
        if let Some(folders) = inbox.crates {
            self.set(folders);
        }
        for change in inbox.changes {
            if is_cargos_own(&self.locked, &change.path) {
                continue;
            }
            let affected = self.crates.iter().filter(|one| one.is_made_of(&change.path));
            let jobs = affected.map(|one| Job {
                folder: one.folder.clone(),
                because: format!("{} changed", one.shown(&self.cargo, &change.changed)),
            });
            let jobs: Vec<Job> = jobs.collect();
            jobs.into_iter().for_each(|job| self.enqueue(job));
        }
        inbox.is_ended
    }

    fn set(&mut self, folders: Vec<PathBuf>) {
        let mut before = std::mem::take(&mut self.crates);
        let mut new = Vec::new();
        for folder in folders.into_iter().map(|folder| std::path::absolute(&folder).unwrap_or(folder)) {
            if self.find(&folder).is_some() {
                continue;
            }
            let known = before.iter().position(|one| one.folder == folder);
            if known.is_none() {
                new.push(folder.clone());
            }
            self.crates.push(known.map_or_else(|| Crate::new(folder), |index| before.swap_remove(index)));
        }
        let crates = &self.crates;
        self.queue.retain(|job| crates.iter().any(|one| one.folder == job.folder));
        // Whose build failed and who is no crate of ours any more fails no more.
        for Crate { name, folder, .. } in before.into_iter().filter(|one| one.is_failing) {
            (self.report)(BuildEvent::Recovered { name, folder });
        }
        self.begin(new);
    }

    /// First they are watched, then it is asked whether they are up to date: no change is between the two.
    fn begin(&mut self, new: Vec<PathBuf>) {
        for folder in &new {
            if let Ok(package) = Package::read(folder, &self.cargo.places) {
                self.find_sources(folder, &package, &BTreeSet::new());
            }
        }
        self.watcher.set(watched(&self.crates));
        for folder in new {
            let reason = self.find(&folder).and_then(|one| one.reason_to_build(&self.cargo, self.profile));
            if let Some(because) = reason {
                self.enqueue(Job { folder, because });
            }
        }
    }

    fn build(&mut self, job: Job) {
        let started = SystemTime::now();
        match self.run_cargo(&job) {
            Ok(None) => self.gave_up(&job.folder),
            Ok(Some((package, outcome))) => self.built(job.folder, &package, outcome, started),
            Err(error) => {
                let name = self.find(&job.folder).map(|one| one.name.clone()).unwrap_or_default();
                let failure = BuildFailure::of_error(&name, job.folder, &error);
                (self.show)(&format!("error: {error}\n"));
                self.failed(failure);
            }
        }
    }

    /// None: the build was given up, because its result is not wanted any more.
    fn run_cargo(&mut self, job: &Job) -> Result<Option<(Package, Outcome)>, Error> {
        let package = Package::read(&job.folder, &self.cargo.places)?;
        let (name, because) = (package.name.clone(), job.because.clone());
        (self.report)(BuildEvent::Building { name: name.clone(), because });
        let (shared, lock, started) = (self.shared.clone(), package.lock(), SystemTime::now());
        let attempt = Attempt::start(&self.cargo, &package, self.profile)?;
        self.locked.insert(lock.clone(), started..started + RUN_MAX);
        let outcome = attempt.wait(shared.wake(), || self.take_inbox() || self.gives_up(&job.folder));
        self.locked.insert(lock, started..SystemTime::now());
        let outcome = outcome.map_err(|cause| {
            Error::failed(format!("cannot build crate `{name}`: cannot wait for cargo: {cause}"))
        })?;
        Ok(outcome.map(|outcome| (package, outcome)))
    }

    fn gives_up(&self, folder: &Path) -> bool {
        self.find(folder).is_none_or(|one| self.is_queued(folder) && one.given_up < GIVEN_UP_MAX)
    }

    /// It is begun anew before others have their turn.
    fn gave_up(&mut self, folder: &Path) {
        self.queue.sort_by_key(|job| job.folder != folder);
        if let Some(one) = self.find_mut(folder) {
            one.given_up += 1;
        }
    }

    fn built(&mut self, folder: PathBuf, package: &Package, outcome: Outcome, started: SystemTime) {
        let Some(one) = self.find_mut(&folder) else { return };
        one.given_up = 0;
        if self.find_sources(&folder, package, &outcome.packages) {
            self.watcher.set(watched(&self.crates));
            self.catch_up(&folder, package, started);
        }
        match (&outcome.failure, &outcome.artifact) {
            (None, Some(artifact)) => {
                let (library, is_fresh) = (artifact.path.clone(), artifact.fresh);
                if !is_fresh {
                    (self.show)(&outcome.text);
                }
                self.succeeded(package, folder, library, is_fresh);
            }
            (failure, _) => {
                let cause = failure.clone().unwrap_or_default();
                (self.show)(&outcome.text);
                self.failed(BuildFailure::of_outcome(&package.name, folder, cause, &outcome));
            }
        }
    }

    /// What is watched only from now on may have changed while cargo ran.
    fn catch_up(&mut self, folder: &Path, package: &Package, started: SystemTime) {
        if let Some(because) = changed_since(package, &package.library(self.profile), started) {
            self.enqueue(Job { folder: folder.to_owned(), because });
        }
    }

    fn succeeded(&mut self, package: &Package, folder: PathBuf, library: PathBuf, is_fresh: bool) {
        let name = package.name.clone();
        let was_failing = self.find_mut(&folder).is_some_and(|one| std::mem::take(&mut one.is_failing));
        if was_failing {
            (self.report)(BuildEvent::Recovered { name: name.clone(), folder: folder.clone() });
        }
        (self.report)(BuildEvent::Built { name, folder, library, is_fresh });
    }

    fn failed(&mut self, failure: BuildFailure) {
        if let Some(one) = self.find_mut(&failure.folder) {
            one.is_failing = true;
        }
        (self.report)(BuildEvent::Failed(failure));
    }

    /// Answers whether it is made of anything else now.
    fn find_sources(&mut self, folder: &Path, package: &Package, packages: &BTreeSet<PathBuf>) -> bool {
        let profile = self.profile;
        self.find_mut(folder).is_some_and(|one| one.find_sources(package, profile, packages))
    }

    fn enqueue(&mut self, job: Job) {
        if !self.is_queued(&job.folder) {
            self.queue.push(job);
        }
    }

    fn is_queued(&self, folder: &Path) -> bool {
        self.queue.iter().any(|job| job.folder == folder)
    }

    fn find(&self, folder: &Path) -> Option<&Crate> {
        self.crates.iter().find(|one| one.folder == folder)
    }

    fn find_mut(&mut self, folder: &Path) -> Option<&mut Crate> {
        self.crates.iter_mut().find(|one| one.folder == folder)
    }
}

/// Longer than any run of cargo.
const RUN_MAX: Duration = Duration::from_secs(24 * 3600);

/// Whether it is a lock of a workspace that was written while cargo ran there.
fn is_cargos_own(locked: &BTreeMap<PathBuf, Range<SystemTime>>, changed: &Path) -> bool {
    let written = || changed.metadata().and_then(|meta| meta.modified());
    locked.get(changed).is_some_and(|run| written().is_ok_and(|time| run.contains(&time)))
}
