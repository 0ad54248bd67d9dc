//! Whether the app is to be asked.

use super::Supervisor;
use super::process::{Phase, Worker};
use crate::health::Health;

impl Supervisor {
    /// A worker that serves has every plugin that is not optional; while another one takes its place it goes on.
    pub(super) fn readiness(&self) -> Health {
        let why = match self.current.workers.first() {
            _ if self.stopping.is_some() => "the host stops".to_owned(),
            _ if self.current.is_serving() => return Health::Ready,
            Some(Worker { phase: Phase::Waiting(error), .. }) => {
                format!("a worker waits for a change: {error}")
            }
            Some(worker) => format!("worker {} is loading", worker.pid),
            None => "no worker is running".to_owned(),
        };
        Health::NotReady(why)
    }
}
