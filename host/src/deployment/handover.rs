//! State moves from one generation to the next: copied while the old one serves, or behind a gate while its new requests wait.

use super::Deployment;
use super::change::Moved;
use crate::deadline::{self, Progress};
use crate::error::Error;
use crate::generation::Generation;
use crate::service::Service;
use crate::spec::{Handover, Timeouts};
use crate::state::{self, Plan};
use crate::usage::Uses;
use std::sync::Arc;

/// Where state is to come from.
#[derive(Clone)]
pub(super) struct From {
    pub(super) old: Arc<Generation>,
    pub(super) mode: Handover,
}

impl From {
    /// What there is to move to a plugin that says this of itself; none: nothing.
    pub(super) fn plan(self, new: &crate::manifest::Manifest) -> Result<Option<Planned>, Error> {
        match state::plan(self.old.manifest(), new)? {
            Plan::Nothing => Ok(None),
            Plan::Move { schema } => Ok(Some(Planned { from: self, schema })),
        }
    }
}

/// State that is to move.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) from: From,
    schema: u32,
}

impl Planned {
    /// Moves it, on a thread that may hang. `new` is created and not started.
    pub(super) fn carry_out(&self, new: &Generation, progress: &Progress) -> Result<Moved, Error> {
        let Self { from: From { old, .. }, schema } = self;
        let plugin = new.name().to_owned();
        progress.step(format!("plugin `{plugin}`: save, of generation {}", old.label().number));
        let Some(snapshot) = old.save(*schema)? else {
            return Ok(Moved { plugin, said: "no state to take over".to_owned() });
        };
        progress.step(format!("plugin `{plugin}`: load, of generation {}", new.label().number));
        new.load(&snapshot)?;
        let bytes = snapshot.bytes.len();
        Ok(Moved { plugin, said: format!("state taken over, {bytes} bytes of schema {schema}") })
    }
}

/// A gate that is closed: new requests of the plugin wait. It opens when this is dropped.
pub(super) struct Gate {
    service: Arc<Service>,
    uses: Vec<Arc<Uses>>,
}

impl Gate {
    /// A table without the old generation was published: who waits goes on there. The gate itself stays closed for ever: a
    /// request that took the old table before, and looks at the gate only now, would change a state that has moved.
    pub(super) fn leads_to_the_new_table(mut self) {
        self.uses.clear();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.uses.iter().for_each(|uses| uses.gate(false));
        self.service.wake_at_gate();
    }
}

impl Deployment {
    /// Closes the gate of a plugin, and waits until the requests that are past it have ended.
    pub(super) fn close_gate(
        &self,
        old: &Arc<Generation>,
        timeouts: &Timeouts,
    ) -> Result<Option<Gate>, Error> {
        let Some(service) = self.service.get().cloned() else { return Ok(None) };
        let uses = old.uses();
        uses.iter().for_each(|uses| uses.gate(true));
        let gate = Gate { service, uses };
        // Of every table: those of the current one have it, too.
        let left = self.wait_unused(old, u64::MAX, timeouts.handover);
        if left.is_none() {
            return Ok(Some(gate));
        }
        let limit = timeouts.handover.map(crate::units::duration).unwrap_or_default();
        let error = Error::failed(format!(
            "its state cannot move: {} of its requests did not end within {limit}",
            left.requests + left.bodies + left.looking
        ));
        let error = error.help("raise `handover` in [timeouts] if they need longer");
        Err(error.help("streams without an end and a gate do not go together: `handover = \"copy\"`"))
    }

    /// Takes state over and starts, on a thread that may hang.
    pub(super) fn take_over_and_start(
        &self,
        new: &Arc<Generation>,
        planned: Planned,
        timeouts: &Timeouts,
    ) -> Result<Moved, Error> {
        let new = new.clone();
        deadline::run("load", timeouts.load, move |progress| {
            crate::load::loading();
            let moved = planned.carry_out(&new, progress)?;
            new.start(progress)?;
            Ok(moved)
        })
    }
}
