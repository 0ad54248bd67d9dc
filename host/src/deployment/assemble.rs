//! From generations to a table: apps at their places, middleware around them, composed.

use super::Deployment;
use super::down::{Down, Found, Missing, without};
use super::places::{Before, Place, Ring};
use crate::app::Installed;
use crate::deadline;
use crate::error::Error;
use crate::generation::Generation;
use crate::load::{Loader, Sources};
use crate::spec::{MountSpec, Spec};
use crate::table::{Placed, Table, Unavailable, compose};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A spec with its generations, and the table that is composed of them. It is published whole.
pub(super) struct Assembly {
    pub(super) spec: Arc<Spec>,
    /// The plugins of the spec, in its order.
    pub(super) declared: Vec<Arc<Generation>>,
    parts: Parts,
    pub(super) table: Arc<Table>,
    /// What of the spec is down: it has none of it.
    pub(super) down: Vec<Arc<Down>>,
}

/// The plugins of a spec: those that are up, in its order, and those that are not.
pub(super) struct Parted {
    pub(super) declared: Vec<Arc<Generation>>,
    pub(super) down: Vec<Arc<Down>>,
}

/// What plugins gave for a table. Dropping it gives that back, on a thread that may hang.
struct Parts {
    places: Vec<Place>,
    around: Vec<Ring>,
    /// Which holds what middleware made around the handlers.
    table: Option<Arc<Table>>,
    limit: Option<Duration>,
}

impl Parts {
    /// Drops what is of these generations, as the rest is dropped in the end.
    fn give_back_places_of(&mut self, gone: &[Arc<Generation>]) {
        let is_of =
            |place: &Place| place.used().iter().any(|used| gone.iter().any(|gone| Arc::ptr_eq(used, gone)));
        let places: Vec<Place> = self.places.extract_if(.., |place| is_of(place)).collect();
        if !places.is_empty() {
            drop(Self { places, around: Vec::new(), table: None, limit: self.limit });
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let (places, around) = (std::mem::take(&mut self.places), std::mem::take(&mut self.around));
        let table = self.table.take();
        let dropped = deadline::run("dropping a table", self.limit, move |_| {
            crate::load::loading();
            drop((table, around, places));
            Ok(())
        });
        if let Err(error) = dropped {
            tracing::warn!("{error}; its thread was left behind");
        }
    }
}

impl Assembly {
    /// All that it is made of: declared plugins, and libraries that targets name by their paths.
    pub(super) fn generations(&self) -> Vec<Arc<Generation>> {
        let mut all = self.declared.clone();
        let Parts { places, around, .. } = &self.parts;
        let used = places.iter().flat_map(Place::used).chain(around.iter().map(Ring::used));
        for generation in used {
            if !all.iter().any(|known| Arc::ptr_eq(known, generation)) {
                all.push(generation.clone());
            }
        }
        all
    }

    /// Whether no service and no connection has its table at hand.
    pub(super) fn is_unused(&self) -> bool {
        let own = 1 + usize::from(self.parts.table.is_some());
        Arc::strong_count(&self.table) == own
    }

    /// The generations that it has and the other one has not.
    pub(super) fn without(&self, other: Option<&Self>) -> Vec<Arc<Generation>> {
        let others = other.map(Self::generations).unwrap_or_default();
        let mut own = self.generations();
        own.retain(|generation| !others.iter().any(|other| Arc::ptr_eq(other, generation)));
        own
    }
}

impl Deployment {
    /// Loads what differs from what was served before, and composes all of it. `outdated` are libraries of targets that are to
    /// be loaded anew.
    pub(super) fn assemble(
        &self,
        spec: &Arc<Spec>,
        Parted { mut declared, down }: Parted,
        before: Option<&Assembly>,
        outdated: &[Arc<Generation>],
    ) -> Result<Assembly, Error> {
        let wanted = declared.clone();
        let goes_on = |generation: &Arc<Generation>| {
            let among = |list: &[Arc<Generation>]| list.iter().any(|one| Arc::ptr_eq(one, generation));
            among(&wanted) || before.is_some_and(|before| !among(&before.declared)) && !among(outdated)
        };
        let before = Before {
            places: before.map_or(&[], |before| &before.parts.places),
            around: before.map_or(&[], |before| &before.parts.around),
            goes_on: &goes_on,
        };
        let sources =
            Sources::new(declared.clone(), spec.base.clone(), search_path(&spec.base), self.numbers.clone());
        let loader = Loader::new(sources, self.setup.run.clone(), spec.timeouts.load);
        let names: Vec<String> = declared.iter().map(|generation| generation.name().to_owned()).collect();
        let mounts = spec.all_mounts(&names);
        let limit = spec.timeouts.load;
        let mut parts = Parts { places: Vec::new(), around: Vec::new(), table: None, limit };
        let mut missing: Vec<Missing> = Vec::new();
        for mount in &mounts {
            let library = &mount.target.library;
            if missing.iter().any(|missing| missing.name == *library) {
                continue;
            }
            match Place::load(mount, &before, &loader) {
                Ok(place) => parts.places.push(place),
                Err(error) => missing.push(self.missing(spec, &declared, library, error)?),
            }
        }
        missing.sort_by_key(|missing| missing.index);
        let gone: Vec<_> = missing.iter().rev().map(|missing| declared.remove(missing.index)).collect();
        parts.give_back_places_of(&gone);
        let (spec, down) = &without(spec, missing, down)?;
        for middleware in &spec.middleware {
            parts.around.push(Ring::load(middleware, &before, &loader)?);
        }
        parts.places.iter().try_for_each(|place| place.check_skip(&parts.around))?;
        let table = compose_on_a_thread(spec, &parts, down)?;
        parts.table = Some(table.clone());
        Ok(Assembly { spec: spec.clone(), declared, parts, table, down: down.clone() })
    }

    /// The plugin whose app could not be loaded, if the others are served without it.
    pub(super) fn missing(
        &self,
        spec: &Spec,
        declared: &[Arc<Generation>],
        library: &str,
        error: Error,
    ) -> Result<Missing, Error> {
        let mut all = declared.iter().enumerate();
        match all
            .find(|(index, one)| one.name() == library && self.may_be_down(&spec.plugins[*index], library))
        {
            Some((index, generation)) => {
                let found = Some(Found::generation(generation));
                Ok(Missing { index, name: library.to_owned(), error, found })
            }
            None => Err(error),
        }
    }
}

/// Middleware and filters of plugins are at work here, too.
fn compose_on_a_thread(spec: &Spec, parts: &Parts, down: &[Arc<Down>]) -> Result<Arc<Table>, Error> {
    let placed: Vec<Placed> = parts.places.iter().map(Place::placed).collect();
    let around: Vec<Installed> = parts.around.iter().map(|ring| ring.installed.clone()).collect();
    let down: Vec<MountSpec> = down.iter().flat_map(|down| &down.mounts).cloned().collect();
    deadline::run("composing the table", spec.timeouts.load, move |_| {
        crate::load::loading();
        let down: Vec<Unavailable<'_>> = down.iter().map(unavailable).collect();
        compose(&placed, &around, &down).map(Arc::new)
    })
}

fn unavailable(mount: &MountSpec) -> Unavailable<'_> {
    Unavailable { prefix: &mount.at, hosts: mount.hosts.iter().map(|host| host.as_str()).collect() }
}

/// Where `lib<name>.so` is looked for: `HOST_PLUGIN_PATH`, the folder of the spec and its `plugins`, the folder of the
/// program.
fn search_path(base: &Path) -> Vec<PathBuf> {
    let given = std::env::var_os("HOST_PLUGIN_PATH").unwrap_or_default();
    let mut path: Vec<PathBuf> =
        std::env::split_paths(&given).filter(|folder| folder != Path::new("")).collect();
    let base = if base == Path::new("") { Path::new(".") } else { base };
    path.extend([base.to_owned(), base.join("plugins")]);
    path.extend(std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned)));
    path
}
