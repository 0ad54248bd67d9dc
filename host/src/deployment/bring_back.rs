//! An optional plugin that is down is loaded after all: it is asked for, or its file on disk has changed.

use super::books::Wish;
use super::bring_up::{Declared, Up};
use super::change::{Served, Wanted};
use super::down::Down;
use super::draft::{New, check_config};
use super::respec::in_turn;
use super::swap::SwapHow;
use super::{Deployment, Receipt};
use crate::control::Answer;
use crate::error::Error;
use crate::generation::Generation;
use crate::spec::Spec;
use std::sync::Arc;

impl Deployment {
    /// Loads a plugin that is down. The spec changes with that, so it is the turn of all plugins.
    pub(super) fn bring_back(&self, down: &Down, how: &SwapHow) -> Answer {
        let (name, wish) = (&down.name, Wish::BringBack(down.name.clone(), how.clone()));
        // It may have none yet, and then nobody could wait behind it.
        self.books.of(name);
        in_turn(&self.books.all(), &wish, &mut || self.bring_back_now(name, how).into())
    }

    fn bring_back_now(&self, name: &str, how: &SwapHow) -> Result<Answer, Error> {
        self.check_serving()?;
        let served = self.served().ok_or_else(|| self.unknown(name))?;
        let Some(down) = served.down.iter().find(|down| down.name == name).cloned() else {
            // It was brought back meanwhile.
            let current = self.books.of(name).current().ok_or_else(|| self.unknown(name))?;
            return Ok(Receipt::unchanged(&current).into());
        };
        let back = self.try_bring_back(&down, served, how);
        back.map_err(|error| {
            down.fails_again(&error);
            error.context(format!("{name}: cannot load")).help("the app is still served without it")
        })
    }

    fn try_bring_back(&self, down: &Arc<Down>, served: Served, how: &SwapHow) -> Result<Answer, Error> {
        let began = self.begin(&[]);
        let others: Vec<Arc<Down>> =
            served.down.into_iter().filter(|other| !Arc::ptr_eq(other, down)).collect();
        let (spec, index) = down.beside(&others);
        let new = self.draft_back(down, how).and_then(|new| named(new, index, &spec, &served.declared))?;
        let name = new.name.clone();
        let mut up = Up::unchanged(Declared::AsServed, spec.timeouts.load);
        let generation = self.bring_up(new, &spec, &mut up)?;
        let mut declared = served.declared;
        declared.insert(index, generation);
        let up = Up { declared: Declared::All(declared), ..up };
        let published = self.publish(Wanted { spec, up, outdated: &[], down: others })?;
        let receipts = self.see_off(&began, published);
        // It may have failed when it registered, or was tested.
        if let Some(down) = self.down().iter().find(|down| down.name == name) {
            return Err(down.error());
        }
        if how.file.is_some() {
            let book = self.books.of(&name);
            book.pages().file.clone_from(&how.file);
            // Once more, with that.
            book.current().iter().for_each(|new| self.hand_to_parent(new));
        }
        Ok(receipts.into())
    }

    fn draft_back(&self, down: &Down, how: &SwapHow) -> Result<New, Error> {
        let built = down.found.as_ref().map(|found| &found.file).filter(|_| how.as_is);
        let new = match how.file.as_ref().or(built) {
            Some(file) => self.draft_file(down.plugin(), file),
            None => self.draft_new(down.plugin()),
        };
        new.map_err(|refused| refused.error)
    }
}

/// With the name that it has beside the others.
fn named(new: New, index: usize, spec: &Spec, declared: &[Arc<Generation>]) -> Result<New, Error> {
    let mut ids: Vec<String> = declared.iter().map(|one| one.manifest().id.clone()).collect();
    ids.insert(index, new.accepted.manifest.id.clone());
    let name = spec.plugin_names(&ids)?.swap_remove(index);
    check_config(&new.plugin, &new.accepted.manifest)?;
    Ok(New { name, ..new })
}
