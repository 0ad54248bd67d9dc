//! Swapping one plugin, and putting its previous generation back.

use super::books::{Book, Wish};
use super::bring_up::Fresh;
use super::change::{Began, Moved, Served, Wanted};
use super::draft::New;
use super::ending::stop;
use super::{Deployment, Receipt};
use crate::control::Answer;
use crate::deadline;
use crate::error::Error;
use crate::generation::Generation;
use crate::load::open::seal;
use crate::spec::PluginSpec;
use std::path::PathBuf;
use std::sync::Arc;

impl Deployment {
    /// Puts a new generation in place of the current one.
    pub(super) fn swap(&self, plugin: &str, file: Option<PathBuf>, force: bool) -> Answer {
        match self.book_of(plugin) {
            Ok(book) => {
                let wish = Wish::Swap { file: file.clone(), force };
                book.turns.carry_out(wish, || self.swap_now(&book, file, force).into())
            }
            Err(error) => error.into(),
        }
    }

    fn swap_now(&self, book: &Book, file: Option<PathBuf>, force: bool) -> Result<Answer, Error> {
        let old = book.current().ok_or_else(|| self.unknown(&book.name))?;
        let began = self.begin(std::slice::from_ref(&old));
        let swapped = self.try_swap(book, &old, &began, file, force);
        swapped.map_err(|error| Self::still(&old, error, "cannot swap"))
    }

    fn try_swap(
        &self,
        book: &Book,
        old: &Arc<Generation>,
        began: &Began,
        file: Option<PathBuf>,
        force: bool,
    ) -> Result<Answer, Error> {
        let served = self.served().ok_or_else(|| self.unknown(&book.name))?;
        let Some(index) = served.declared.iter().position(|one| Arc::ptr_eq(one, old)) else {
            return self.swap_undeclared(old, began, served, file.is_some());
        };
        let plugin = served.spec.plugins[index].clone();
        let library = match &file {
            Some(file) => file.clone(),
            None => self.library_now(book, &plugin)?,
        };
        let accepted = seal(&library)?;
        if !force && accepted.sealed.digest() == old.label().digest {
            return Ok(Receipt::unchanged(old).into());
        }
        let config_json = old.label().config_json.clone();
        let new = New { name: book.name.clone(), accepted, config_json, plugin };
        let limit = served.spec.timeouts.load;
        let mut fresh = Fresh::none(limit);
        let (new, moved) = self.bring_up(new, Some(old), limit)?;
        fresh.push(new.clone());
        let wanted = Wanted { served: in_place(served, old, &new), fresh, outdated: &[] };
        let published = self.publish(wanted)?;
        if file.is_some() {
            book.pages().file = file;
        }
        Ok(self.see_off(began, published, &Vec::from_iter(moved)).into())
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
        let fresh = Fresh::none(served.spec.timeouts.load);
        let published = self.publish(Wanted { served, fresh, outdated: std::slice::from_ref(old) })?;
        Ok(self.see_off(began, published, &[]).into())
    }

    /// Puts the previous generation of a plugin back.
    pub(super) fn rollback(&self, plugin: &str) -> Answer {
        match self.book_of(plugin) {
            Ok(book) => book.turns.carry_out(Wish::Rollback, || self.rollback_now(&book).into()),
            Err(error) => error.into(),
        }
    }

    fn rollback_now(&self, book: &Book) -> Result<Answer, Error> {
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
        let moved = self.start_again(&kept, old, limit)?;
        let (before, wanted) = (kept.clone(), in_place(served, old, &kept));
        let wanted = Wanted { served: wanted, fresh: Fresh::none(limit), outdated: &[] };
        match self.publish(wanted) {
            Ok(published) => Ok(self.see_off(began, published, &Vec::from_iter(moved)).into()),
            Err(error) => {
                // It is not published, and stays what it was: kept.
                if let Err(hangs) = stop(&before, limit) {
                    book.pages().pin(&before, hangs.message());
                }
                Err(error)
            }
        }
    }

    fn start_again(
        &self,
        kept: &Arc<Generation>,
        current: &Arc<Generation>,
        limit: Option<std::time::Duration>,
    ) -> Result<Option<Moved>, Error> {
        let _ = current;
        let again = kept.clone();
        deadline::run("start", limit, move |progress| {
            crate::load::loading();
            again.start(progress)
        })?;
        Ok(None)
    }

    fn book_of(&self, plugin: &str) -> Result<Arc<Book>, Error> {
        self.books.served(plugin).ok_or_else(|| self.unknown(plugin))
    }

    fn unknown(&self, plugin: &str) -> Error {
        let books = self.books.all();
        let served = books.iter().filter(|book| book.current().is_some());
        let known: Vec<&str> = served.map(|book| book.name.as_str()).collect();
        let error = Error::usage(format!("no plugin `{plugin}` is served"));
        error.help(format!("there are: {}", crate::suggest::sorted(plugin, &known).join(", ")))
    }
}

/// The same plugins, with `new` in the place of `old`.
fn in_place(mut served: Served, old: &Arc<Generation>, new: &Arc<Generation>) -> Served {
    served.declared.iter_mut().filter(|one| Arc::ptr_eq(one, old)).for_each(|one| *one = new.clone());
    served
}
