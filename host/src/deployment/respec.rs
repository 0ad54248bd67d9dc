//! A new spec: plugins that differ are swapped, added or removed, all of them in one table.

use super::Deployment;
use super::books::{Book, Wish};
use super::change::Wanted;
use super::draft::Look;
use crate::control::Answer;
use crate::error::Error;
use std::sync::Arc;

impl Deployment {
    /// Reads the spec again, and swaps what differs.
    pub(super) fn reload_spec(&self, look: Look) -> Answer {
        in_turn(&self.books.all(), look, &mut || self.reload_spec_now(look).into())
    }

    fn reload_spec_now(&self, look: Look) -> Result<Answer, Error> {
        let taken = self.try_reload_spec(look);
        taken.map_err(|error| {
            let error = error.context("the new spec was not taken");
            error.help("all that was served before is still served")
        })
    }

    fn try_reload_spec(&self, look: Look) -> Result<Answer, Error> {
        let served = self.served();
        let before = served.as_ref().map(|served| served.declared.clone()).unwrap_or_default();
        let began = self.begin(&before);
        let spec = Arc::new((self.setup.reread)()?);
        let is_new = served.as_ref().is_none_or(|served| served.spec.file != spec.file);
        let drafts = self.draft(&spec, served.as_ref(), look)?;
        let store_bytes = spec.limits.store_bytes;
        let up = self.bring_all_up(drafts, spec.timeouts.load)?;
        let published = self.publish(Wanted { spec, up, outdated: &[] })?;
        self.setup.run.stores().set_limit(store_bytes);
        let receipts = self.see_off(&began, published);
        for removed in receipts.iter().filter(|receipt| receipt.to.is_none()) {
            self.setup.run.stores().forget(&removed.plugin);
        }
        if receipts.is_empty() && is_new {
            let swaps = serde_json::json!({ "swaps": receipts });
            return Ok(Answer::done("no plugin was swapped: the new spec is served", swaps));
        }
        Ok(receipts.into())
    }
}

/// Takes the turn of every plugin, in the order of their names, and then does the work.
fn in_turn(books: &[Arc<Book>], look: Look, work: &mut dyn FnMut() -> Answer) -> Answer {
    match books.split_first() {
        None => work(),
        Some((book, rest)) => book.turns.carry_out(Wish::Spec(look), || in_turn(rest, look, work)),
    }
}
