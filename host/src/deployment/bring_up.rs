//! New generations: created and started, each on a thread that may hang.

use super::Deployment;
use super::change::Moved;
use super::draft::{Draft, New, placed};
use super::ending::discard;
use crate::deadline;
use crate::error::Error;
use crate::generation::Generation;
use crate::library::Library;
use crate::load::open;
use std::sync::Arc;
use std::time::Duration;

/// Generations that are up, and not published yet. Dropping them ends them, on a thread that may hang.
pub(super) struct Fresh {
    generations: Vec<Arc<Generation>>,
    limit: Option<Duration>,
}

impl Fresh {
    pub(super) fn none(limit: Option<Duration>) -> Self {
        Self { generations: Vec::new(), limit }
    }

    pub(super) fn push(&mut self, generation: Arc<Generation>) {
        self.generations.push(generation);
    }

    /// They are published: nobody drops them.
    pub(super) fn keep(mut self) -> Vec<Arc<Generation>> {
        std::mem::take(&mut self.generations)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let generations = std::mem::take(&mut self.generations);
        if !generations.is_empty() {
            discard(generations, self.limit);
        }
    }
}

/// The generations of a spec.
pub(super) struct Up {
    /// In the order of the spec.
    pub(super) declared: Vec<Arc<Generation>>,
    /// Those of them that are new.
    pub(super) fresh: Fresh,
    /// What became of their states.
    pub(super) moved: Vec<Moved>,
}

impl Deployment {
    /// Brings up what is new.
    pub(super) fn bring_all_up(&self, drafts: Vec<Draft>, limit: Option<Duration>) -> Result<Up, Error> {
        let mut up = Up { declared: Vec::new(), fresh: Fresh::none(limit), moved: Vec::new() };
        for draft in drafts {
            let generation = match draft {
                Draft::Same(generation) => generation,
                Draft::New(new) => {
                    let old = self.books.of(&new.name).current();
                    let (generation, moved) = self.bring_up(new, old.as_ref(), limit)?;
                    up.fresh.push(generation.clone());
                    up.moved.extend(moved);
                    generation
                }
            };
            up.declared.push(generation);
        }
        Ok(up)
    }

    /// One generation, ready to be published.
    pub(super) fn bring_up(
        &self,
        new: New,
        old: Option<&Arc<Generation>>,
        limit: Option<Duration>,
    ) -> Result<(Arc<Generation>, Option<Moved>), Error> {
        let plugin = new.plugin.clone();
        loader_is_free(limit)?;
        let number = self.numbers.upcoming(&new.name);
        let run = self.run.clone();
        let up = deadline::run("load", limit, move |progress| {
            crate::load::loading();
            let New { name, accepted, config_json, .. } = new;
            let generation = open::create(accepted, &name, number, &config_json, run, progress)?;
            generation.start(progress)?;
            Ok(generation)
        });
        let _ = old;
        Ok((up.map_err(|error| placed(&plugin, &error))?, None))
    }
}

/// A constructor that never returns holds the loader's lock: no library can be opened by this process any more.
fn loader_is_free(limit: Option<Duration>) -> Result<(), Error> {
    let Some((file, since)) =
        Library::opening().filter(|(_, since)| limit.is_some_and(|limit| *since > limit))
    else {
        return Ok(());
    };
    let error = Error::failed(format!(
        "no library can be opened: a constructor of {} has not returned for {}",
        file.display(),
        crate::units::duration(since)
    ));
    Err(error.help("start the worker again: `host ctl restart`"))
}
