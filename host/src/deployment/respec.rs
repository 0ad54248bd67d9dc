//! A new spec: plugins that differ are swapped, added or removed, all of them in one table; so are addresses, and settings.

use super::addresses::{Rebind, Rebound};
use super::books::{Book, Wish};
use super::draft::Look;
use super::receipt::NOTHING;
use super::settings;
use super::{Deployment, Receipt};
use crate::control::Answer;
use crate::error::Error;
use crate::server::{Listening, ServerRegistry};
use serde_json::json;
use std::sync::Arc;

impl Deployment {
    /// Reads the spec again, and swaps what differs.
    pub(super) fn reload_spec(&self, look: Look) -> Answer {
        in_turn(&self.books.all(), &Wish::Spec(look), &mut || self.reload_spec_now(look).into())
    }

    fn reload_spec_now(&self, look: Look) -> Result<Answer, Error> {
        self.check_serving()?;
        let taken = self.try_reload_spec(look);
        let taken = taken.map_err(|error| {
            let error = error.context("the new spec was not taken");
            error.help("all that was served before is still served")
        })?;
        taken.notes().iter().for_each(|note| tracing::info!("{note}"));
        Ok(taken.into())
    }

    /// New addresses are bound first, because that may fail; old ones are closed last, because that cannot.
    fn try_reload_spec(&self, look: Look) -> Result<Taken, Error> {
        let served = self.served();
        let before = served.as_ref().map(|served| served.declared.clone()).unwrap_or_default();
        let began = self.begin(&before);
        let spec = Arc::new((self.setup.reread)()?);
        crate::run::choose(&spec, &ServerRegistry::default())?;
        let rebind = Rebind::begin(&spec.server.bind, self.listening(), &*self.setup.parent)?;
        let is_new = served.as_ref().is_none_or(|served| served.spec.file != spec.file);
        let drafted = self.draft(&spec, served.as_ref(), look)?;
        let published = self.publish(self.bring_spec_up(drafted)?)?;
        self.setup.run.stores().set_limit(spec.limits.store_bytes);
        self.setup.parent.deadlines(&spec.timeouts);
        let addresses = rebind.carry_out();
        let receipts = self.see_off(&began, published);
        for removed in receipts.iter().filter(|receipt| receipt.to.is_none()) {
            self.setup.run.stores().forget(&removed.plugin);
        }
        let mut settings = served.map(|served| settings::taken(&served.spec, &spec)).unwrap_or_default();
        let mut after_restart = settings::after_restart(&self.began_with, &spec);
        if self.setup.rolls {
            // Other processes serve it from the beginning.
            settings.append(&mut after_restart);
        }
        let after_start = settings::after_start(&self.began_with, &spec);
        Ok(Taken { is_new, receipts, addresses, settings, after_restart, after_start })
    }

    fn listening(&self) -> Option<&Listening> {
        self.running.get().map(|running| &running.listening)
    }
}

/// What became of a new spec.
struct Taken {
    /// Its text is another one than before.
    is_new: bool,
    receipts: Vec<Receipt>,
    addresses: Rebound,
    /// Keys of settings that have taken effect.
    settings: Vec<&'static str>,
    /// Keys that count for the next worker.
    after_restart: Vec<&'static str>,
    /// Keys that count for the next supervisor.
    after_start: Vec<&'static str>,
}

impl Taken {
    /// What there is to say besides the receipts, a line each.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Rebound { added, removed, failed } = &self.addresses;
        notes.extend(added.iter().map(|url| format!("listening on {url}")));
        notes.extend(removed.iter().map(|url| format!("no longer listening on {url}")));
        notes.extend(failed.iter().map(|why| format!("cannot accept connections: {why}")));
        let keys =
            |what: &str, keys: &[&str]| (!keys.is_empty()).then(|| format!("{what}: {}", keys.join(", ")));
        notes.extend(keys("changed", &self.settings));
        notes.extend(keys("counts after `host ctl restart`", &self.after_restart));
        notes.extend(keys("counts when the host is started again", &self.after_start));
        notes
    }
}

impl From<Taken> for Answer {
    fn from(taken: Taken) -> Self {
        let receipts = taken.receipts.iter().map(ToString::to_string);
        let lines: Vec<String> = receipts.chain(taken.notes()).collect();
        let text = match (lines.is_empty(), taken.is_new) {
            (true, true) => "no plugin was swapped: the new spec is served".to_owned(),
            (true, false) => NOTHING.to_owned(),
            (false, _) => lines.join("\n"),
        };
        let Taken { receipts, addresses: Rebound { added, removed, failed }, .. } = taken;
        let listeners = json!({ "added": added, "removed": removed, "failed": failed });
        let data = json!({
            "swaps": receipts, "listeners": listeners, "settings": taken.settings,
            "after_restart": taken.after_restart, "after_start": taken.after_start,
        });
        Self::done(text, data)
    }
}

/// Takes the turn of every plugin, in the order of their names, and then does the work.
pub(super) fn in_turn(books: &[Arc<Book>], wish: &Wish, work: &mut dyn FnMut() -> Answer) -> Answer {
    match books.split_first() {
        None => work(),
        Some((book, rest)) => book.turns.carry_out(wish.clone(), || in_turn(rest, wish, work)),
    }
}
