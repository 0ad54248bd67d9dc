//! New generations: created and started, each on a thread that may hang.

use super::Deployment;
use super::change::Moved;
use super::draft::{Draft, New, placed};
use super::ending::discard;
use super::handover::{From, Planned};
use super::inherited::source_text;
use crate::deadline;
use crate::error::Error;
use crate::generation::Generation;
use crate::library::Library;
use crate::load::open::{self, Identity};
use crate::spec::{Handover, Spec};
use std::sync::Arc;
use std::time::Duration;

/// How much shorter than its deadline a constructor that missed it may seem to have run.
const MOMENT: Duration = Duration::from_millis(100);

/// Generations that are up, and not published yet. Dropping them ends them, on a thread that may hang.
pub(super) struct Fresh {
    generations: Vec<Arc<Generation>>,
    limit: Option<Duration>,
}

impl Fresh {
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

/// Which generations a change wants.
pub(super) enum Declared {
    /// Those that are served when it is published.
    AsServed,
    /// The same, with another one in the place of one.
    InPlaceOf { old: Arc<Generation>, new: Arc<Generation> },
    /// These, in the order of the spec.
    All(Vec<Arc<Generation>>),
}

impl Declared {
    /// The generations, when these are served. Another plugin may have been swapped since the change began.
    pub(super) fn among(self, mut served: Vec<Arc<Generation>>) -> Vec<Arc<Generation>> {
        match self {
            Self::AsServed => {}
            Self::InPlaceOf { old, new } => {
                served.iter_mut().filter(|one| Arc::ptr_eq(one, &old)).for_each(|one| *one = new.clone());
            }
            Self::All(all) => return all,
        }
        served
    }
}

/// The generations of a change.
pub(super) struct Up {
    pub(super) declared: Declared,
    /// Those that are new.
    pub(super) fresh: Fresh,
    /// What became of their states.
    pub(super) moved: Vec<Moved>,
    /// Those that are to take their state over behind a gate, and to be started then.
    pub(super) behind_gate: Vec<BehindGate>,
}

/// A generation that waits for its state, and is not started.
pub(super) struct BehindGate {
    pub(super) new: Arc<Generation>,
    pub(super) planned: Planned,
}

impl Up {
    /// These, and nothing new.
    pub(super) fn unchanged(declared: Declared, limit: Option<Duration>) -> Self {
        let fresh = Fresh { generations: Vec::new(), limit };
        Self { declared, fresh, moved: Vec::new(), behind_gate: Vec::new() }
    }

    /// The one generation that was brought up, in the place of `old`.
    pub(super) fn in_place_of(self, old: &Arc<Generation>) -> Self {
        let new = self.fresh.generations.first().cloned();
        let in_place = |new| Declared::InPlaceOf { old: old.clone(), new };
        Self { declared: new.map_or(Declared::AsServed, in_place), ..self }
    }
}

/// A new generation, started or waiting for its state.
enum One {
    Started(Option<Moved>),
    Waits(Planned),
}

impl Deployment {
    /// Brings up what is new.
    pub(super) fn bring_all_up(&self, drafts: Vec<Draft>, spec: &Spec) -> Result<Up, Error> {
        let (mut up, mut all) = (Up::unchanged(Declared::AsServed, spec.timeouts.load), Vec::new());
        for draft in drafts {
            all.push(match draft {
                Draft::Same(generation) => generation,
                Draft::New(new) => self.bring_up(*new, spec, &mut up)?,
            });
        }
        Ok(Up { declared: Declared::All(all), ..up })
    }

    /// Brings up one generation.
    pub(super) fn bring_up(&self, new: New, spec: &Spec, up: &mut Up) -> Result<Arc<Generation>, Error> {
        let plugin = new.plugin.clone();
        let (generation, one) = self.create(new, spec).map_err(|error| placed(&plugin, &error))?;
        up.fresh.generations.push(generation.clone());
        match one {
            One::Started(moved) => up.moved.extend(moved),
            One::Waits(planned) => up.behind_gate.push(BehindGate { new: generation.clone(), planned }),
        }
        Ok(generation)
    }

    fn create(&self, new: New, spec: &Spec) -> Result<(Arc<Generation>, One), Error> {
        let limit = spec.timeouts.load;
        self.check_loader(limit)?;
        let from = self.books.of(&new.name).current().filter(|_| new.takes_state && !self.setup.rolls);
        let from = from.map(|old| From { old, mode: new.plugin.handover });
        let planned = from.map(|from| from.plan(&new.accepted.manifest)).transpose()?.flatten();
        let number = new.number.unwrap_or_else(|| self.numbers.upcoming(&new.name));
        let is_optional = new.plugin.optional && !spec.has_middleware_of(&new.name);
        let run = self.setup.run.clone();
        let starts = run.starts_plugins();
        let created = deadline::run("load", limit, move |progress| {
            crate::load::loading();
            let New { name, accepted, config_json, plugin, .. } = new;
            let source = source_text(&plugin);
            let identity = Identity { name, number, source, config_json, is_optional };
            let generation = open::create(accepted, identity, run, progress)?;
            let moved = match planned {
                Some(planned) if planned.from.mode == Handover::Gate => {
                    return Ok((generation, One::Waits(planned)));
                }
                Some(planned) => Some(planned.carry_out(&generation, progress)?),
                None => None,
            };
            if starts {
                generation.start(progress)?;
            }
            Ok((generation, One::Started(moved)))
        });
        // Its own error says what this swap needs to know.
        created.inspect_err(|_| drop(self.check_loader(limit)))
    }

    /// A constructor that never returns holds the loader's lock: no library can be opened by this process any more, and another
    /// one has to serve.
    fn check_loader(&self, limit: Option<Duration>) -> Result<(), Error> {
        let hangs = |since: Duration| limit.is_some_and(|limit| since + MOMENT >= limit);
        let Some((file, since)) = Library::opening().filter(|(_, since)| hangs(*since)) else {
            return Ok(());
        };
        let (file, since) = (file.display(), crate::units::duration(since));
        let why = format!("no library can be opened: a constructor of {file} has not returned for {since}");
        if self.running.get().is_some() {
            self.setup.parent.replace_me(&why);
        }
        Err(Error::failed(why).help("another worker takes over: `host ctl status` says when it serves"))
    }
}
