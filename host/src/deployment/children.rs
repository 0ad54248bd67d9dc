//! Plugins in processes that fork: created in the parent, which has no other thread, and started in its children.

use super::Deployment;
use super::ending::stop;
use crate::deadline;
use crate::error::Error;
use crate::generation::Generation;
use crate::scoreboard::board;
use crate::usage::{Count, Uses};
use rustix::process::{Pid, test_kill_process};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long threads that are about to end may take to.
const THREADS_MAX: Duration = Duration::from_secs(3);
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

    /// In a child: what it answers is counted where this process's parent sees it, whatever becomes of it.
    pub fn count_at_once(&self) {
        if let Some(service) = self.service() {
            service.slots.count_at_once();
        }
    }

    /// What each request uses that is in flight in a child.
    pub(super) fn in_children(&self) -> Vec<Arc<Uses>> {
        // What one had that has ended is still there until the supervisor has seen it.
        let is_there =
            |pid: &u32| Pid::from_raw(pid.cast_signed()).is_some_and(|pid| test_kill_process(pid).is_ok());
        let alive = self.in_processes().into_iter().filter(|(pid, _)| is_there(pid));
        alive.map(|(_, uses)| uses).collect()
    }

    /// Of each request that a child has the process, and what it uses.
    fn in_processes(&self) -> Vec<(u32, Arc<Uses>)> {
        let (Some(board), Some(table)) = (board().filter(|_| self.forks()), self.table()) else {
            return Vec::new();
        };
        let in_flight = board.in_flight_elsewhere().into_iter();
        in_flight.filter_map(|(pid, route)| Some((pid, table.route_on_board(route)?.uses.clone()))).collect()
    }

    /// A child has ended: what it was at has failed.
    pub fn count_lost(&self, child: u32) {
        for (_, uses) in self.in_processes().into_iter().filter(|(pid, _)| *pid == child) {
            uses.count(Count { requests: 1, failed: 1 });
        }
    }

    fn forks(&self) -> bool {
        !self.setup.run.starts_plugins()
    }
}

/// How many threads this process has.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}
