//! A change: new generations, a new table, and the old generations seen off. Whatever fails before the table is published,
//! nothing has changed.

use super::assemble::{Assembly, Parted};
use super::books::{Copied, Kept};
use super::bring_up::{BehindGate, Declared, Up};
use super::down::{Down, without};
use super::draft::Look;
use super::ending::discard;
use super::handover::Gate;
use super::inherited::Copy;
use super::retire::{Left, Limits};
use super::self_test::self_test;
use super::{Deployment, Receipt, parent};
use crate::error::Error;
use crate::generation::Generation;
use crate::load::open::accept;
use crate::scoreboard::board;
use crate::service::Settings;
use crate::spec::Spec;
use crate::usage::Count;
use std::sync::Arc;
use std::time::Instant;

/// What is served: a spec, and the generations of its plugins in its order.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) spec: Arc<Spec>,
    pub(super) declared: Vec<Arc<Generation>>,
    pub(super) down: Vec<Arc<Down>>,
}

impl Served {
    /// The same spec, with other generations.
    pub(super) fn wants(&self, up: Up) -> Wanted<'static> {
        Wanted { spec: self.spec.clone(), up, outdated: &[], down: self.down.clone() }
    }
}

/// A change that has begun.
pub(super) struct Began {
    at: Instant,
    /// What the generations that it may replace had answered.
    counts: Vec<(Arc<Generation>, Count)>,
}

/// What a change is to publish.
pub(super) struct Wanted<'a> {
    pub(super) spec: Arc<Spec>,
    pub(super) up: Up,
    /// Libraries that targets name by their paths, to be loaded anew.
    pub(super) outdated: &'a [Arc<Generation>],
    /// What of the spec is down.
    pub(super) down: Vec<Arc<Down>>,
}

/// A table was published.
pub(super) struct Published {
    /// Its number.
    version: u64,
    at: Instant,
    /// The generations that it has and the one before had not.
    came: Vec<Arc<Generation>>,
    /// The other way round.
    left: Vec<Arc<Generation>>,
    /// What became of states.
    moved: Vec<Moved>,
}

impl Deployment {
    pub(super) fn first_load(&self, spec: Arc<Spec>) -> Result<(), Error> {
        let drafted = self.draft(&spec, None, Look::AtSpec)?;
        // Nobody is to mistake a new generation for one that crashed.
        let banned = self.setup.run.bans().all();
        banned.iter().for_each(|ban| self.numbers.used(&ban.plugin, ban.number));
        self.setup.run.stores().set_limit(spec.limits.store_bytes);
        let wanted = self.bring_spec_up(drafted)?;
        if let Declared::All(all) = &wanted.up.declared {
            all.iter().for_each(|generation| self.inherit_kept(generation.name()));
        }
        self.publish(wanted)?;
        Ok(())
    }

    /// If this process dies, the next one serves the same.
    pub(super) fn hand_to_parent(&self, generation: &Generation) {
        match generation.copy() {
            Some(copy) => {
                let by_name = self.books.of(generation.name()).pages().file.clone();
                let published = parent::Published::current(generation.label(), by_name);
                self.setup.parent.published(published, copy);
            }
            None => tracing::warn!("{}: no descriptor left for the next process", generation.label()),
        }
    }

    /// The others of a set serve the same spec, whatever its file is by then.
    fn hand_spec_to_parent(&self, spec: &Spec) {
        if let Some(file) = spec.file.as_ref().filter(|_| self.setup.rolls) {
            self.setup.parent.spec(&file.text);
        }
    }

    /// What the process before kept of a plugin can be rolled back to in this one, too.
    fn inherit_kept(&self, plugin: &str) {
        for Copy { published, sealed } in self.setup.inherited.kept(plugin) {
            let (number, copy) = (published.number, sealed.file().try_clone());
            let Ok(accepted) = accept(sealed) else { continue };
            self.numbers.used(plugin, number);
            let config_json = published.config_json.clone();
            if let Ok(copy) = copy {
                self.setup.parent.published(published, copy);
            }
            let copied = Arc::new(Copied { number, config_json, accepted });
            self.books.of(plugin).pages().kept.push(Kept::Copied(copied));
        }
    }

    /// What is served now.
    pub(super) fn served(&self) -> Option<Served> {
        let current = self.current();
        let assembly = current.as_ref()?;
        let Assembly { spec, declared, down, .. } = assembly;
        Some(Served { spec: spec.clone(), declared: declared.clone(), down: down.clone() })
    }

    /// What is down now.
    pub(super) fn down(&self) -> Vec<Arc<Down>> {
        self.served().map(|served| served.down).unwrap_or_default()
    }

    /// A change begins that may replace these.
    pub(super) fn begin(&self, generations: &[Arc<Generation>]) -> Began {
        let counts = generations.iter().map(|generation| (generation.clone(), self.count(generation)));
        Began { at: Instant::now(), counts: counts.collect() }
    }

    /// Composes, tests and publishes.
    pub(super) fn publish(&self, wanted: Wanted<'_>) -> Result<Published, Error> {
        let Wanted { spec, up: Up { declared, fresh, mut moved, behind_gate }, outdated, down } = wanted;
        let mut current = self.current();
        // Where this fails, they open: who waited goes on with the table before.
        let mut gates = Vec::new();
        for BehindGate { new, planned } in behind_gate {
            gates.push(self.close_gate(&planned.from.old, &spec.timeouts)?);
            moved.push(self.take_over_and_start(&new, planned, &spec.timeouts)?);
        }
        let served = current.as_ref().map(|current| current.declared.clone()).unwrap_or_default();
        let declared = declared.among(served);
        let assembly = self.assemble_tested(spec, Parted { declared, down }, current.as_ref(), outdated)?;
        let spec = assembly.spec.clone();
        let came = assembly.without(current.as_ref());
        let left = current.as_ref().map(|current| current.without(Some(&assembly))).unwrap_or_default();
        let (table, settings) = (assembly.table.clone(), Settings::of(&spec));
        let version = self.service().map_or(0, |service| service.publish(table, settings));
        gates.into_iter().flatten().for_each(Gate::leads_to_the_new_table);
        self.setup.onlooker.published(&spec);
        self.hand_spec_to_parent(&spec);
        let at = Instant::now();
        self.book(&came, &left);
        self.discard_those_without_a_place(fresh.keep(), &assembly);
        mark_optional(&assembly);
        if let Some(old) = current.replace(assembly) {
            self.reaper.drop_later(old);
        }
        Ok(Published { version, at, came, left, moved })
    }

    /// Assembles, and tests what is new. An optional plugin that fails its test is left out, and the rest is assembled again.
    fn assemble_tested(
        &self,
        mut spec: Arc<Spec>,
        mut parted: Parted,
        current: Option<&Assembly>,
        outdated: &[Arc<Generation>],
    ) -> Result<Assembly, Error> {
        loop {
            let assembly = self.assemble(&spec, parted, current, outdated)?;
            let Err((name, error)) = self_tests(&assembly, &assembly.without(current)) else {
                return Ok(assembly);
            };
            let missing = self.missing(&assembly.spec, &assembly.declared, &name, error)?;
            let mut declared = assembly.declared.clone();
            declared.remove(missing.index);
            let (rest, down) = without(&assembly.spec, vec![missing], assembly.down.clone())?;
            (spec, parted) = (rest, Parted { declared, down });
        }
    }

    /// Optional plugins that failed when they registered, or were tested.
    fn discard_those_without_a_place(&self, fresh: Vec<Arc<Generation>>, assembly: &Assembly) {
        let all = assembly.generations();
        let mut unused = fresh;
        unused.retain(|generation| !all.iter().any(|one| Arc::ptr_eq(one, generation)));
        if !unused.is_empty() {
            discard(unused, assembly.spec.timeouts.load);
        }
    }

    /// Who is current from now on, and who is not any more. A plugin that goes on has a current generation at every moment.
    fn book(&self, came: &[Arc<Generation>], left: &[Arc<Generation>]) {
        for generation in left {
            let book = self.books.of(generation.name());
            let mut pages = book.pages();
            pages.draining.push(generation.clone());
            if pages.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, generation)) {
                pages.current = came.iter().rfind(|new| new.name() == generation.name()).cloned();
            }
        }
        for generation in came {
            let label = generation.label();
            self.numbers.used(&label.name, label.number);
            let book = self.books.of(&label.name);
            let mut pages = book.pages();
            pages.forget(generation);
            pages.kept.retain(|kept| kept.number() != label.number);
            pages.current = Some(generation.clone());
            drop(pages);
            self.hand_to_parent(generation);
        }
    }

    /// Sees the old generations off, all at the same time: a receipt for each plugin that changed.
    pub(super) fn see_off(&self, began: &Began, published: Published) -> Vec<Receipt> {
        let Some(Served { spec, .. }) = self.served() else { return Vec::new() };
        let limits = Limits { drain: spec.timeouts.drain, step: spec.timeouts.load, keep: spec.swap.keep };
        let Published { version, at, came, left, moved } = published;
        let left = pair(came, left).into_iter().map(|(old, new)| {
            let of = |generation: &Arc<Generation>| {
                began.counts.iter().find(|(one, _)| Arc::ptr_eq(one, generation))
            };
            let before = old.as_ref().and_then(of).map(|(_, count)| *count).unwrap_or_default();
            let moved = moved.iter().find(|moved| new.as_ref().is_some_and(|new| new.name() == moved.plugin));
            let state = moved.map(|moved| moved.said.clone());
            Left { old, new, version, before, began: began.at, published: at, state }
        });
        let left: Vec<Left> = left.collect();
        let receipts = std::thread::scope(|threads| {
            let retire = |left| threads.spawn(move || self.retire(left, limits));
            let retiring: Vec<_> = left.into_iter().map(retire).collect();
            retiring.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        self.reaper.drop_unused();
        self.watching.served();
        receipts
    }

    /// The error of a change that did not come about: what was before goes on.
    pub(super) fn still(old: &Generation, error: Error, what: &str) -> Error {
        let error = error.context(format!("{}: {what}", old.name()));
        error.help(format!("still served: {}", old.label()))
    }
}

/// What became of a plugin's state.
pub(super) struct Moved {
    pub(super) plugin: String,
    pub(super) said: String,
}

/// Whoever looks at a crash of this process knows which plugins the app can do without.
fn mark_optional(assembly: &Assembly) {
    let Some(board) = board() else { return };
    for (plugin, generation) in assembly.spec.plugins.iter().zip(&assembly.declared) {
        let is_optional = plugin.optional && !assembly.spec.has_middleware_of(generation.name());
        generation.on_board().into_iter().for_each(|index| board.set_optional(index, is_optional));
    }
}

/// The self-tests of the plugins that are new; the error with the name of the plugin.
fn self_tests(assembly: &Assembly, came: &[Arc<Generation>]) -> Result<(), (String, Error)> {
    let declared = assembly.spec.plugins.iter().zip(&assembly.declared);
    let mut new = declared.filter(|(_, generation)| came.iter().any(|new| Arc::ptr_eq(new, generation)));
    new.try_for_each(|(plugin, generation)| {
        let tested = self_test(&assembly.spec, &assembly.table, plugin);
        tested.map_err(|error| (generation.name().to_owned(), error))
    })
}

/// Which old generation makes room for which new one; a plugin may come or leave, too.
type Pairs = Vec<(Option<Arc<Generation>>, Option<Arc<Generation>>)>;

fn pair(came: Vec<Arc<Generation>>, left: Vec<Arc<Generation>>) -> Pairs {
    let mut came: Vec<Option<Arc<Generation>>> = came.into_iter().map(Some).collect();
    let mut pairs: Pairs = Vec::new();
    for old in left {
        let new = came.iter_mut().find(|new| new.as_ref().is_some_and(|new| new.name() == old.name()));
        pairs.push((Some(old), new.and_then(Option::take)));
    }
    pairs.extend(came.into_iter().flatten().map(|new| (None, Some(new))));
    pairs
}
