//! Addresses that a worker asks for: they are bound here, so that they outlive it.

use super::Supervisor;
use super::event::Event;
use super::message::ToWorker;
use super::process::{Worker, WorkerId};
use crate::error::Error;
use crate::listener::{Listener, Shape};
use crate::spec::Bind;

impl Supervisor {
    /// Binds an address for a worker, on a thread of its own: a name may have to be asked for.
    pub(super) fn listen(&mut self, id: WorkerId, listen: u64, bind: &str) {
        let Self { current, next, outgoing, retiring, .. } = self;
        let mut all = current.workers.iter().chain(&*next).chain(&*outgoing).chain(&*retiring);
        let Some(worker) = all.find(|worker| worker.id == id) else { return };
        let bind: Bind = match bind.parse() {
            Ok(bind) => bind,
            Err(error) => return refuse(worker, listen, Some(error)),
        };
        if let Some(handed) = self.sockets.hand_one(&bind, worker, listen) {
            return refuse(worker, listen, handed.err());
        }
        let events = self.sender.clone();
        let work = move || {
            let result = Listener::bind(&bind);
            let _ = events.send(Event::Bound { worker: id, listen, bind, result });
        };
        let thread = std::thread::Builder::new().name("bind".into()).spawn(work);
        let error = thread.err().map(|cause| Error::failed(format!("cannot start a thread: {cause}")));
        refuse(worker, listen, error);
    }

    /// Hands it over. A worker that has ended meanwhile needs it no more.
    pub(super) fn bound(&mut self, id: WorkerId, listen: u64, bind: Bind, result: Result<Listener, Error>) {
        if self.stopping.is_some() {
            return;
        }
        let Self { current, next, outgoing, retiring, .. } = self;
        let mut all = current.workers.iter().chain(&*next).chain(&*outgoing).chain(&*retiring);
        let Some(worker) = all.find(|worker| worker.id == id) else { return };
        // Another worker may have asked for the same at the same time, and was first.
        let handed = match self.sockets.hand_one(&bind, worker, listen) {
            Some(handed) => handed,
            None => result.and_then(|listener| self.sockets.keep(bind, listener, worker, listen)),
        };
        refuse(worker, listen, handed.err());
    }

    pub(super) fn unlisten(&mut self, bind: &str, shape: &Shape) {
        if let Ok(bind) = bind.parse() {
            self.sockets.close_one(&bind, shape);
        }
    }
}

/// Tells the worker, if there is an error.
fn refuse(worker: &Worker, listen: u64, error: Option<Error>) {
    if let Some(error) = error {
        let _ = worker.tell(ToWorker::NotBound { listen, error });
    }
}
