//! Swapping one plugin, and putting its previous generation back.

use super::books::{Book, Copied, Kept, Wish};
use super::bring_up::{Declared, Up};
use super::change::{Began, Moved, Served, Wanted};
use super::draft::{Draft, New};
use super::ending::stop;
use super::handover::From;
use super::{Deployment, Receipt};
use crate::control::Answer;
use crate::deadline;
use crate::error::Error;
use crate::generation::Generation;
use crate::load::open::{accept, seal};
use crate::spec::{Handover, PluginSpec};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How to swap a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SwapHow {
    /// Its new library; none: what there is now where it comes from.
    pub(super) file: Option<PathBuf>,
    /// Also when it is the same.
    pub(super) force: bool,
    /// The new generation makes its own state.
    pub(super) without_state: bool,
    /// The library that there is, and no run of cargo.
    pub(super) as_is: bool,
}

impl Deployment {
    /// Puts a new generation in place of the current one.
    pub(super) fn swap(&self, plugin: &str, how: SwapHow) -> Answer {
        match self.book_of(plugin) {
            Ok(book) => book.turns.carry_out(Wish::Swap(how.clone()), || self.swap_now(&book, &how).into()),
            Err(error) => match self.down().iter().find(|down| down.name == plugin) {
                Some(down) => self.bring_back(down, &how),
                None => error.into(),
            },
        }
    }

    fn swap_now(&self, book: &Book, how: &SwapHow) -> Result<Answer, Error> {
        self.check_serving()?;
        let old = book.current().ok_or_else(|| self.unknown(&book.name))?;
        let began = self.begin(std::slice::from_ref(&old));
        let swapped = self.try_swap(book, &old, &began, how);
        swapped.map_err(|error| Self::still(&old, error, "cannot swap"))
    }

    fn try_swap(
        &self,
        book: &Book,
        old: &Arc<Generation>,
        began: &Began,
        how: &SwapHow,
    ) -> Result<Answer, Error> {
        let served = self.served().ok_or_else(|| self.unknown(&book.name))?;
        let Some(index) = served.declared.iter().position(|one| Arc::ptr_eq(one, old)) else {
            return self.swap_undeclared(old, began, served, how.file.is_some());
        };
        let plugin = served.spec.plugins[index].clone();
        let library = match &how.file {
            Some(file) => file.clone(),
            None if how.as_is => old.label().file.clone(),
            None => self.library_now(book, &plugin)?,
        };
        let accepted = seal(&library)?;
        if !how.force && accepted.sealed.digest() == old.label().digest {
            return Ok(Receipt::unchanged(old).into());
        }
        let config_json = old.label().config_json.clone();
        let (name, takes_state) = (book.name.clone(), !how.without_state);
        let new = Box::new(New { name, accepted, config_json, plugin, takes_state, number: None });
        let up = self.bring_all_up(vec![Draft::New(new)], &served.spec)?;
        let wanted = served.wants(up.in_place_of(old));
        let published = self.publish(wanted)?;
        if how.file.is_some() {
            book.pages().file.clone_from(&how.file);
            // Once more, with that.
            book.current().iter().for_each(|new| self.hand_to_parent(new));
        }
        Ok(self.see_off(began, published).into())
    }

    /// The library of a plugin as it is now: the file that was swapped in by name, or that of the spec, built anew if it is a
    /// crate that has changed.
    pub(super) fn library_now(&self, book: &Book, plugin: &PluginSpec) -> Result<PathBuf, Error> {
        let by_name = book.pages().file.clone();
        by_name.map_or_else(|| self.file_of(plugin), Ok)
    }

    /// A library that a target names by its path: the apps that have it are loaded anew.
    fn swap_undeclared(
        &self,
        old: &Arc<Generation>,
        began: &Began,
        served: Served,
        has_file: bool,
    ) -> Result<Answer, Error> {
        if has_file {
            let error =
                Error::usage("a target names its library by path, and no other file can be swapped in");
            return Err(error.help("declare it as a [[plugin]], and name that in the target"));
        }
        let up = Up::unchanged(Declared::AsServed, served.spec.timeouts.load);
        let outdated = std::slice::from_ref(old);
        let published = self.publish(Wanted { outdated, ..served.wants(up) })?;
        Ok(self.see_off(began, published).into())
    }

    /// Puts the previous generation of a plugin back.
    pub(super) fn rollback(&self, plugin: &str) -> Answer {
        match self.book_of(plugin) {
            Ok(book) => book.turns.carry_out(Wish::Rollback, || self.rollback_now(&book).into()),
            Err(error) => error.into(),
        }
    }

    fn rollback_now(&self, book: &Book) -> Result<Answer, Error> {
        self.check_serving()?;
        let old = book.current().ok_or_else(|| self.unknown(&book.name))?;
        let began = self.begin(std::slice::from_ref(&old));
        let back = self.try_rollback(book, &old, &began);
        back.map_err(|error| Self::still(&old, error, "cannot roll back"))
    }

    fn try_rollback(&self, book: &Book, old: &Arc<Generation>, began: &Began) -> Result<Answer, Error> {
        let served = self.served().ok_or_else(|| self.unknown(&book.name))?;
        let Some(kept) = book.pages().kept.last().cloned() else {
            let error = Error::failed("no older generation is kept");
            return Err(
                error.help("`keep` in [swap] says how many are; `host ctl swap NAME=FILE` takes any file")
            );
        };
        let limit = served.spec.timeouts.load;
        match kept {
            Kept::Stopped(kept) => {
                let moved = start_again(&kept, old, limit)?;
                let declared = Declared::InPlaceOf { old: old.clone(), new: kept.clone() };
                let up = Up { moved: Vec::from_iter(moved), ..Up::unchanged(declared, limit) };
                self.roll_back_to(book, &kept, began, served.wants(up))
            }
            Kept::Copied(copied) => self.roll_back_to_copy(&copied, old, began, served),
        }
    }

    fn roll_back_to(
        &self,
        book: &Book,
        kept: &Arc<Generation>,
        began: &Began,
        wanted: Wanted<'_>,
    ) -> Result<Answer, Error> {
        let limit = wanted.spec.timeouts.load;
        match self.publish(wanted) {
            Ok(published) => Ok(self.see_off(began, published).into()),
            Err(error) => {
                // It is not published, and stays what it was: kept.
                if let Err(hangs) = stop(kept, limit) {
                    book.pages().pin(kept, hangs.message());
                }
                Err(error)
            }
        }
    }

    /// The process before had it: it is loaded from its copy.
    fn roll_back_to_copy(
        &self,
        copied: &Copied,
        old: &Arc<Generation>,
        began: &Began,
        served: Served,
    ) -> Result<Answer, Error> {
        let index = served.declared.iter().position(|one| Arc::ptr_eq(one, old));
        let plugin = index.and_then(|index| served.spec.plugins.get(index)).cloned();
        let plugin = plugin.ok_or_else(|| self.unknown(old.name()))?;
        let new = New {
            name: old.name().to_owned(),
            accepted: accept(copied.accepted.sealed.again()?)?,
            config_json: copied.config_json.clone(),
            plugin,
            takes_state: false,
            number: Some(copied.number),
        };
        let up = self.bring_all_up(vec![Draft::New(Box::new(new))], &served.spec)?;
        let published = self.publish(served.wants(up.in_place_of(old)))?;
        Ok(self.see_off(began, published).into())
    }

    fn book_of(&self, plugin: &str) -> Result<Arc<Book>, Error> {
        self.books.served(plugin).ok_or_else(|| self.unknown(plugin))
    }

    pub(super) fn unknown(&self, plugin: &str) -> Error {
        let books = self.books.all();
        let served = books.iter().filter(|book| book.current().is_some());
        let known: Vec<&str> = served.map(|book| book.name.as_str()).collect();
        if let Some(down) = self.down().iter().find(|down| down.name == plugin) {
            let error = Error::failed(format!("optional plugin `{plugin}` is down: {}", down.why()));
            return error.help(format!("`host ctl swap {plugin}` tries again to load it"));
        }
        let error = Error::usage(format!("no plugin `{plugin}` is served"));
        error.help(format!("there are: {}", crate::suggest::sorted(plugin, &known).join(", ")))
    }
}

/// Starts a generation that was kept. It takes over the state of the current one, if it can and that works: a rollback is for
/// a bad hour, and goes on with the state that the older one had.
fn start_again(
    kept: &Arc<Generation>,
    current: &Arc<Generation>,
    limit: Option<Duration>,
) -> Result<Option<Moved>, Error> {
    let from = From { old: current.clone(), mode: Handover::Copy };
    let (kept, plugin) = (kept.clone(), kept.name().to_owned());
    let not_moved = |error: &Error| {
        let said = format!("state not taken over: {}", error.message());
        Some(Moved { plugin: plugin.clone(), said })
    };
    let moved = match from.plan(kept.manifest()) {
        Ok(None) => None,
        Ok(Some(planned)) => {
            let to = kept.clone();
            let moved = deadline::run("load", limit, move |progress| {
                crate::load::loading();
                planned.carry_out(&to, progress)
            });
            moved.map_or_else(|error| not_moved(&error), Some)
        }
        Err(error) => not_moved(&error),
    };
    deadline::run("start", limit, move |progress| {
        crate::load::loading();
        kept.start(progress)
    })?;
    Ok(moved)
}
