//! What the service manager is told of a host: when it serves, what it does, that it ends; and while a worker runs, that all is
//! well.

use super::Supervisor;
use crate::systemd;
use std::time::{Duration, Instant};

/// What was told so far.
pub(super) struct Notices {
    is_on: bool,
    was_ready: bool,
    was_stopping: bool,
    status: String,
    /// How often to say that all is well, and when the next time is.
    alive: Option<(Duration, Instant)>,
}

impl Notices {
    pub(super) fn new() -> Self {
        let is_on = systemd::is_listening();
        let every = systemd::alive_every().filter(|_| is_on);
        Self {
            is_on,
            was_ready: false,
            was_stopping: false,
            status: String::new(),
            alive: every.map(|every| (every, Instant::now())),
        }
    }

    /// When there is something to say though nothing happens.
    pub(super) fn due(&self) -> Option<Instant> {
        self.alive.map(|(_, at)| at)
    }
}

impl Supervisor {
    /// Says what has changed. Called after each event.
    pub(super) fn notify(&mut self, now: Instant) {
        if !self.notices.is_on {
            return;
        }
        if self.has_served && !std::mem::replace(&mut self.notices.was_ready, self.has_served) {
            systemd::ready();
        }
        let stops = self.stopping.is_some();
        if stops && !std::mem::replace(&mut self.notices.was_stopping, stops) {
            systemd::stopping();
        }
        let status = self.notice();
        if status != self.notices.status {
            systemd::status(&status);
            self.notices.status = status;
        }
        self.say_that_all_is_well(now);
    }

    /// A line: what `host ctl status` begins with, and the workers.
    fn notice(&self) -> String {
        let workers = match &self.current.workers[..] {
            [] => "no worker".to_owned(),
            [worker] => format!("worker {}", worker.pid),
            workers => format!("{} workers", workers.len()),
        };
        format!("{}; {workers}", self.state())
    }

    /// A supervisor without a worker is not what anybody wants: let it be started again if that lasts.
    fn say_that_all_is_well(&mut self, now: Instant) {
        let Some((every, at)) = self.notices.alive.filter(|(_, at)| *at <= now) else { return };
        if !self.current.workers.is_empty() {
            systemd::alive();
        }
        self.notices.alive = Some((every, (at + every).max(now)));
    }
}
