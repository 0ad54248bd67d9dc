//! Changes where what is served changes with the processes only: the first of the new ones carries a change out before it serves.

use super::change::Served;
use super::swap::SwapHow;
use super::{Deployment, Receipt};
use crate::control::{Answer, Command, Commands};
use crate::generation::Generation;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A change that a new set of processes is started for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// A command.
    Asked {
        /// The command.
        command: Command,
    },
    /// The library of a plugin has changed on disk, or what the plugin reads.
    Settled {
        /// The plugin.
        plugin: String,
        /// Also where the library is the same.
        force: bool,
    },
}

impl Deployment {
    /// Carries a change out, before anything is served. The answer says besides whether anything has changed.
    pub fn roll(&self, change: Change) -> (Answer, bool) {
        let before = self.served();
        let declared = before.iter().flat_map(|before| &before.declared);
        // They were down, and are not any more in this process.
        let back = declared.map(|one| one.name()).filter(|name| !self.setup.inherited.has_served(name));
        let back: Vec<_> = back.map(|name| self.books.of(name)).collect();
        let answer = self.carry_out_change(change);
        let has_changed = !back.is_empty() || differ(before.as_ref(), self.served().as_ref());
        let back = back.iter().filter_map(|book| book.current()).map(|one| Receipt::added(&one)).collect();
        (Receipt::add_all(answer, back), has_changed)
    }

    pub(super) fn carry_out_change(&self, change: Change) -> Answer {
        match change {
            Change::Asked { command } => self.execute(command),
            Change::Settled { plugin, force } => {
                self.swap(&plugin, SwapHow { force, as_is: true, ..SwapHow::default() })
            }
        }
    }

    /// Who expects memory to be shared between processes is told so, once.
    pub fn warn_of_state(&self) {
        let with = |is_one: &dyn Fn(&Generation) -> bool| {
            let declared = self.served().map(|served| served.declared).unwrap_or_default();
            let names = declared.iter().filter(|one| is_one(one)).map(|one| format!("`{}`", one.name()));
            names.collect::<Vec<_>>().join(", ")
        };
        let hands_over = with(&|one| one.manifest().state_schema.is_some());
        let uses_store = with(&|one| self.setup.run.stores().is_used(one.name()));
        if !hands_over.is_empty() {
            tracing::warn!(
                "no state moves between processes: {hands_over} begins anew with each worker (docs/processes.md)"
            );
        }
        if !uses_store.is_empty() {
            tracing::warn!(
                "each worker has a store of its own, which ends with it: {uses_store} uses it (docs/processes.md)"
            );
        }
    }
}

fn differ(before: Option<&Served>, after: Option<&Served>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return true };
    let same = before.declared.len() == after.declared.len()
        && before.declared.iter().zip(&after.declared).all(|(one, other)| Arc::ptr_eq(one, other));
    !same || before.spec.file != after.spec.file
}
