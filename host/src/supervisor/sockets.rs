//! The sockets that clients connect to. They stay open here while workers come and go.

use super::message::ToWorker;
use super::process::{Worker, WorkerId};
use crate::error::Error;
use crate::listener::{Listener, Shape};
use crate::spec::{Bind, Spec};
use std::os::fd::OwnedFd;

pub(super) struct Sockets(Vec<Bound>);

struct Bound {
    /// The address as the spec has it: with port 0 it is not that of the listener.
    bind: Bind,
    listener: Listener,
    /// The worker that asked for it and does not serve yet: if it never does, nobody wants it.
    asked_by: Option<WorkerId>,
}

impl Sockets {
    /// Binds every address of the spec.
    pub(super) fn bind(spec: &Spec) -> Result<Self, Error> {
        let bound = crate::run::bind(spec)?.into_iter();
        Ok(Self(bound.map(|(bind, listener)| Bound { bind, listener, asked_by: None }).collect()))
    }

    /// The URLs that clients use.
    pub(super) fn urls(&self) -> Vec<String> {
        self.0.iter().map(|bound| bound.listener.url()).collect()
    }

    /// Gives a worker all of them, except for those that another one asked for which does not serve yet.
    pub(super) fn hand_to(&self, worker: &Worker) -> Result<(), Error> {
        let served = self.0.iter().filter(|bound| bound.asked_by.is_none());
        served.into_iter().try_for_each(|bound| bound.hand_to(worker, None))
    }

    /// Gives a worker one of them, if it is bound. A free port is another one each time.
    pub(super) fn hand_one(
        &mut self,
        bind: &Bind,
        worker: &Worker,
        listen: u64,
    ) -> Option<Result<(), Error>> {
        let is_it = |bound: &&mut Bound| bound.bind == *bind && !matches!(bind, Bind::Tcp { port: 0, .. });
        let bound = self.0.iter_mut().find(is_it)?;
        bound.asked_by = bound.asked_by.filter(|_| !worker.is_serving());
        Some(bound.hand_to(worker, Some(listen)))
    }

    /// Keeps one that a worker asked for, and gives it to that worker.
    pub(super) fn keep(
        &mut self,
        bind: Bind,
        listener: Listener,
        worker: &Worker,
        listen: u64,
    ) -> Result<(), Error> {
        let asked_by = (!worker.is_serving()).then_some(worker.id);
        let bound = Bound { bind, listener, asked_by };
        bound.hand_to(worker, Some(listen))?;
        self.0.push(bound);
        Ok(())
    }

    /// The worker serves: what it asked for stays.
    pub(super) fn keep_those_of(&mut self, worker: WorkerId) {
        let asked = self.0.iter_mut().filter(|bound| bound.asked_by == Some(worker));
        asked.for_each(|bound| bound.asked_by = None);
    }

    /// The worker never served.
    pub(super) fn close_those_of(&mut self, worker: WorkerId) {
        self.0.retain(|bound| bound.asked_by != Some(worker));
    }

    /// Closes one. Of equal addresses, as those with a free port, the shape says which.
    pub(super) fn close_one(&mut self, bind: &Bind, shape: &Shape) {
        let is_it = |bound: &Bound| bound.bind == *bind && bound.listener.shape() == *shape;
        if let Some(index) = self.0.iter().position(is_it) {
            self.0.remove(index);
        }
    }

    /// Nobody is let in any more, and the files are removed.
    pub(super) fn close(&mut self) {
        self.0.clear();
    }
}

impl Bound {
    fn hand_to(&self, worker: &Worker, listen: Option<u64>) -> Result<(), Error> {
        let descriptor = self.descriptor()?;
        let (bind, shape) = (self.bind.to_string(), self.listener.shape());
        // One that has ended needs it no more.
        let _ = worker.hand(ToWorker::Listener { bind, shape, listen }, descriptor);
        Ok(())
    }

    fn descriptor(&self) -> Result<OwnedFd, Error> {
        let copy = self.listener.as_fd().try_clone_to_owned();
        copy.map_err(|cause| Error::failed(format!("cannot hand {} to a worker: {cause}", self.listener)))
    }
}
