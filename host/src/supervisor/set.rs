//! A set of workers: all of them serve the same, and accept on the same sockets.

use super::generations::Generations;
use super::process::{Worker, WorkerId};
use crate::deployment::Thing;
use crate::server::Shape;

/// See the module.
#[derive(Default)]
pub(super) struct Set {
    /// Those that serve, and those that are starting, in the order of their start.
    pub(super) workers: Vec<Worker>,
    /// As its first worker says, when it serves.
    pub(super) shape: Shape,
    /// What is served: what its first worker published, before it served and since.
    pub(super) served: Served,
}

/// What workers serve, kept outside of them.
#[derive(Default)]
pub(super) struct Served {
    pub(super) generations: Generations,
    /// The text of the spec.
    pub(super) spec: Option<String>,
    /// What is to be watched, where workers do not watch it themselves.
    pub(super) things: Vec<Thing>,
}

impl Set {
    pub(super) fn worker(&self, id: WorkerId) -> Option<&Worker> {
        self.workers.iter().find(|worker| worker.id == id)
    }

    /// Those that serve.
    pub(super) fn serving(&self) -> impl Iterator<Item = &Worker> {
        self.workers.iter().filter(|worker| worker.is_serving())
    }

    /// Whether anybody does.
    pub(super) fn is_serving(&self) -> bool {
        self.serving().next().is_some()
    }

    /// Whether one is starting.
    pub(super) fn is_starting(&self) -> bool {
        self.workers.iter().any(|worker| !worker.is_serving())
    }

    /// How many there are, and will be: who is about to take the place of another one of the set does not count twice.
    pub(super) fn count(&self) -> usize {
        let of_set = |id: &WorkerId| self.worker(*id).is_some();
        let doubles = self.workers.iter().filter_map(|worker| worker.replaces).filter(of_set).count();
        self.workers.len().saturating_sub(doubles)
    }

    /// Whether the place of one of its workers is about to be taken by another one.
    pub(super) fn is_replacing_one(&self) -> bool {
        self.workers.iter().any(|worker| worker.replaces.is_some() && !worker.is_serving())
    }

    /// The worker, which is not of the set any more.
    pub(super) fn take(&mut self, is_it: impl Fn(&Worker) -> bool) -> Option<Worker> {
        let at = self.workers.iter().position(is_it)?;
        Some(self.workers.remove(at))
    }
}
