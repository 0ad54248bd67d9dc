//! Addresses that a worker asks for: they are bound here, so that they outlive it.

use super::Supervisor;
use super::event::Event;
use super::message::ToWorker;
use super::process::{Worker, WorkerId};
use crate::error::Error;
use crate::listener::Listener;
use crate::spec::Bind;

impl Supervisor {
    /// Binds an address for a worker, on a thread of its own: a name may have to be asked for.
    pub(super) fn listen(&mut self, id: WorkerId, listen: u64, bind: String) {
        let Some(worker) = self.workers().find(|worker| worker.id == id) else { return };
        if let Some(handed) = self.sockets.hand_one(&bind, worker, listen) {
            return refuse_bind(worker, listen, handed.err());
        }
        let (events, address) = (self.sender.clone(), bind.parse::<Bind>());
        let work = move || {
            let result = address.and_then(|address| Listener::bind(&address));
            let _ = events.send(Event::Bound { worker: id, listen, bind, result });
        };
        let thread = std::thread::Builder::new().name("bind".into()).spawn(work);
        let error = thread.err().map(|cause| Error::failed(format!("cannot start a thread: {cause}")));
        refuse_bind(worker, listen, error);
    }

    /// Hands it over. A worker that has ended meanwhile needs it no more.
    pub(super) fn bound(&mut self, id: WorkerId, listen: u64, bind: String, result: Result<Listener, Error>) {
        let is_serving = self.worker(id).map(|worker| worker.is_serving());
        let Some(is_serving) = is_serving.filter(|_| self.stopping.is_none()) else { return };
        let asked_by = (!is_serving).then_some(id);
        let error = result.map(|listener| self.sockets.add(bind.clone(), listener, asked_by)).err();
        let Some(worker) = self.workers().find(|worker| worker.id == id) else { return };
        let handed = self.sockets.hand_one(&bind, worker, listen).and_then(Result::err);
        refuse_bind(worker, listen, error.or(handed));
    }
}

fn refuse_bind(worker: &Worker, listen: u64, error: Option<Error>) {
    if let Some(error) = error {
        let _ = worker.tell(ToWorker::NotBound { listen, error });
    }
}
