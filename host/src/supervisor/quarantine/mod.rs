//! Quarantine: a library that crashed its worker too often is not to run any more, and what served before it takes its place.
//!
//! It is the bytes that are banned, by their digest, wherever they come from: a swap, a new spec, the start of the host. A build
//! without the fault has another digest, and needs nobody's leave. The list is kept on disk, with the libraries that are served
//! instead: so a host that is started again serves them at once, unless the file of the spec is another one by then.

mod carry_out;
mod offline;
mod place;
mod store;
mod writer;

pub(super) use carry_out::line;
pub(crate) use offline::carry_out_offline;

use super::generations::Generations;
use super::process::WorkerId;
use crate::deployment::{Published, Standing};
use crate::error::Error;
use crate::quarantine::Ban;
use crate::spec::Spec;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use store::Store;
use writer::Writer;

/// What is banned, and where that is written down.
pub(super) struct Quarantine {
    list: Vec<Ban>,
    writer: Writer,
    /// Workers serve on with what was banned: when others are to take over.
    replace_at: Option<Instant>,
    /// The worker that is to.
    replacement: Option<WorkerId>,
}

impl Quarantine {
    /// Nothing is banned, and nothing is written down.
    pub(super) fn in_memory() -> Self {
        Self { list: Vec::new(), writer: Writer::new(None), replace_at: None, replacement: None }
    }

    /// What was banned when the host ran last, and what is to serve instead. A list that cannot be read is said, and is as if there
    /// were none.
    pub(super) fn open(spec: &Spec) -> (Self, Vec<(Published, OwnedFd)>) {
        let store = place::folder(spec).map(Store);
        let list = store.as_ref().map_or(Ok(Vec::new()), Store::read);
        let list = list.unwrap_or_else(|error| {
            tracing::warn!("{error}; the host goes on as if nothing were");
            Vec::new()
        });
        let copies = store.as_ref().map(|store| store.copies(&list)).unwrap_or_default();
        let stand_in = |published| Published { standing: Standing::StandIn, ..published };
        let copies = copies.into_iter().map(|(published, copy)| (stand_in(published), copy.into()));
        let writer = Writer::new(store);
        (Self { list, writer, replace_at: None, replacement: None }, copies.collect())
    }

    /// What is banned.
    pub(super) fn list(&self) -> &[Ban] {
        &self.list
    }

    /// The digests of those that serve, and are not to.
    pub(super) fn among(&self, served: &Generations) -> Vec<String> {
        let is_served = |ban: &&Ban| !served.served_by(&ban.digest).is_empty();
        self.list.iter().filter(is_served).map(|ban| ban.digest.clone()).collect()
    }

    /// When there is something to do, which is not now.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.replace_at.filter(|at| *at > Instant::now())
    }

    /// A worker that was to take the place of others is gone. If that was for what is banned, another one is tried after a pause.
    pub(super) fn not_replaced_by(&mut self, worker: WorkerId, pause: Duration) {
        if self.replacement.take_if(|replacement| *replacement == worker).is_some() {
            self.replace_at = Some(Instant::now() + pause);
        }
    }

    /// Waits until all of it is on disk, but not for ever.
    pub(super) fn finish(&mut self) {
        self.writer.finish();
    }
}

/// The folder of a spec's state.
///
/// # Errors
/// There is none.
fn store_of(spec: &Spec) -> Result<Store, Error> {
    place::folder(spec).map(Store).ok_or_else(|| {
        let error = Error::failed("there is no folder for what is in quarantine: HOME is not set");
        error.help("name one: `state` in [supervisor]")
    })
}
