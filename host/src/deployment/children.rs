//! Plugins in processes that fork: created in the parent, which has no other thread, and started in its children.

use super::Deployment;
use super::ending::stop;
use crate::deadline;
use crate::error::Error;
use crate::generation::Generation;
use crate::usage::Count;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long threads that are about to end may take to.
const THREADS_MAX: Duration = Duration::from_secs(1);
/// How long to wait before they are counted again.
const LOOK: Duration = Duration::from_millis(2);

impl Deployment {
    fn all_served(&self) -> Vec<Arc<Generation>> {
        self.current().as_ref().map(|assembly| assembly.generations()).unwrap_or_default()
    }

    /// Waits until no other thread is left.
    ///
    /// # Errors
    /// One stays: the error names the plugin that started it.
    pub fn check_alone(&self) -> Result<(), Error> {
        let until = Instant::now() + THREADS_MAX;
        while threads() > 1 {
            if Instant::now() >= until {
                return Err(self.not_alone());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn not_alone(&self) -> Error {
        let generations = self.all_served();
        let of = |one: &Arc<Generation>| {
            let threads = one.threads();
            let threads: Vec<String> = threads.iter().map(ToString::to_string).collect();
            (!threads.is_empty()).then(|| format!("plugin `{}`: {}", one.name(), threads.join("; ")))
        };
        let found: Vec<String> = generations.iter().filter_map(of).collect();
        let who =
            if found.is_empty() { "a thread that no plugin started".to_owned() } else { found.join("; ") };
        let error = Error::spec(format!("cannot fork, since threads do not survive that: {who}"));
        error.help(
            "start threads in `start`, which runs behind the fork, and not in `create` or a constructor",
        )
    }

    /// Starts the plugins, in a child.
    ///
    /// # Errors
    /// One of them does not start.
    pub fn start_all(&self) -> Result<(), Error> {
        let limit = self.spec().and_then(|spec| spec.timeouts.load);
        let generations = self.all_served();
        if !generations.iter().any(|one| one.has_start_or_stop()) {
            return Ok(());
        }
        deadline::run("start", limit, move |progress| {
            crate::load::loading();
            generations.iter().try_for_each(|generation| generation.start(progress))
        })
    }

    /// Stops them again. Nothing is freed: the process ends.
    pub fn stop_all(&self) {
        let limit = self.spec().and_then(|spec| spec.timeouts.load);
        for generation in self.all_served().iter().filter(|one| one.has_start_or_stop()) {
            if let Err(error) = stop(generation, limit) {
                tracing::error!("{error}");
            }
        }
    }

    /// What each generation answered in this process: requests, and those of them that failed.
    pub fn tallies(&self) -> Vec<(u64, u64)> {
        let count = |one: &Arc<Generation>| self.count(one);
        self.all_served().iter().map(count).map(|Count { requests, failed }| (requests, failed)).collect()
    }

    /// A child answered these with one of them.
    pub fn add_tally(&self, generation: usize, requests: u64, failed: u64) {
        if let Some(generation) = self.all_served().get(generation) {
            generation.counts().add(Count { requests, failed });
        }
    }
}

/// How many threads this process has.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}
