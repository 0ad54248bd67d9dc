//! What a process that forks sees to, and its children: see `server/forking.rs`.

use crate::deployment::Deployment;
use crate::error::Error;
use crate::scoreboard::board;
use crate::server::Errands;
use crate::stop::Stop;
use rustix::event::{PollFd, PollFlags, poll};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// The channel to a supervisor where no thread sees to it.
pub trait Pump: Send + Sync {
    /// Readable when there is something to do.
    fn events(&self) -> Vec<BorrowedFd<'_>>;

    /// Does it.
    fn work(&self);

    /// In a child: the channel is its parent's.
    fn let_go(&self);
}

/// Has a thread see to the channel, until the stop: for a process that only waits, and never forks.
///
/// # Errors
/// There is no thread left for it.
pub(crate) fn on_a_thread(pump: Arc<dyn Pump>, stop: Stop) -> Result<(), Error> {
    let work = move || {
        while !stop.is_requested() {
            let mut events = pump.events();
            events.push(stop.event());
            let fds = events.iter().map(|event| PollFd::from_borrowed_fd(*event, PollFlags::IN));
            // A signal ends the wait, too, and there may be something to do.
            let _ = poll(&mut fds.collect::<Vec<_>>(), None);
            pump.work();
        }
    };
    let thread = std::thread::Builder::new().name("channel".into()).spawn(work);
    thread.map(drop).map_err(|cause| Error::failed(format!("cannot wait: no thread: {cause}")))
}

/// See the module.
pub(crate) struct OfWorker {
    pump: Arc<dyn Pump>,
    deployment: Arc<Deployment>,
}

impl OfWorker {
    pub(crate) fn new(pump: Arc<dyn Pump>, deployment: Arc<Deployment>) -> Self {
        Self { pump, deployment }
    }
}

impl Errands for OfWorker {
    fn events(&self) -> Vec<BorrowedFd<'_>> {
        self.pump.events()
    }

    fn work(&self) {
        self.pump.work();
    }

    fn check_alone(&self) -> Result<(), Error> {
        self.deployment.check_alone()
    }

    fn child_ended(&self, pid: u32, signal: Option<i32>) {
        self.deployment.count_lost(pid);
        match signal {
            // Whoever is told reads what it left, and gives that back.
            Some(signal) => self.deployment.child_died(pid, signal),
            None => board().into_iter().for_each(|board| board.give_back_of(pid)),
        }
    }

    fn begin_child(&self) -> Result<(), Error> {
        self.pump.let_go();
        self.deployment.count_at_once();
        self.deployment.start_all()
    }

    fn end_child(&self) {
        self.deployment.stop_all();
    }
}
