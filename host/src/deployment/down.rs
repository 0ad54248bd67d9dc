//! Optional plugins that cannot be loaded: the app is served without them, and their mounts answer that they are down.

use super::Deployment;
use super::bring_up::{Declared, Up};
use super::change::Wanted;
use super::draft::{Draft, Drafted};
use crate::error::Error;
use crate::generation::Generation;
use crate::library::Digest;
use crate::load::open::Accepted;
use crate::manifest::Manifest;
use crate::spec::{MountSpec, PluginSpec, Source, Spec};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// An optional plugin that could not be loaded.
pub(super) struct Down {
    pub(super) name: String,
    /// Why, as far as is known: it may have been tried again.
    error: Mutex<Error>,
    /// Where its apps would be.
    pub(super) mounts: Vec<MountSpec>,
    /// Its library, if that could be read.
    pub(super) found: Option<Found>,
    /// The spec with all of its plugins, and which of them it is.
    whole: Arc<Spec>,
    index: usize,
}

/// A library that was read, and what its manifest says.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) file: PathBuf,
    pub(super) digest: Digest,
    /// Files that it reads.
    pub(super) data: Vec<PathBuf>,
    id: String,
}

/// A plugin that is to be left out: its place in the spec, and why.
pub(super) struct Missing {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) error: Error,
    pub(super) found: Option<Found>,
}

/// The spec without some of its plugins, which are down from now on, besides those that are already.
///
/// # Errors
/// Middleware of one of them is around routes: without it they would be open.
pub(super) fn without(
    spec: &Arc<Spec>,
    missing: Vec<Missing>,
    mut down: Vec<Arc<Down>>,
) -> Result<(Arc<Spec>, Vec<Arc<Down>>), Error> {
    if missing.is_empty() {
        return Ok((spec.clone(), down));
    }
    let mut rest = Spec::clone(spec);
    let whole = down.first().map_or(spec, |down| &down.whole).clone();
    // From the last one on, so that the others keep their places.
    for Missing { index, name, error, found } in missing.into_iter().rev() {
        if spec.has_middleware_of(&name) {
            return Err(
                error.help("its middleware is used, so that it has to be loaded though it is optional")
            );
        }
        tracing::error!("optional plugin `{name}` is down: {}", first_line(&error));
        let mounts = rest.take_out(index, &name);
        let is_up = |index: &usize| !down.iter().any(|down| down.index == *index);
        let index = (0..).filter(is_up).nth(index).unwrap_or(index);
        let (error, whole) = (Mutex::new(error), whole.clone());
        down.push(Arc::new(Down { name, error, mounts, found, whole, index }));
    }
    Ok((Arc::new(rest), down))
}

impl Down {
    /// Why, in a line.
    pub(super) fn why(&self) -> String {
        first_line(&self.error()).to_owned()
    }

    /// Why, with all that was said.
    pub(super) fn error(&self) -> Error {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It was tried again, and this came of it.
    pub(super) fn fails_again(&self, error: &Error) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error.clone();
    }

    /// What the spec says of it.
    pub(super) fn plugin(&self) -> &PluginSpec {
        &self.whole.plugins[self.index]
    }

    /// The spec without those that are down besides, and its place in that.
    pub(super) fn beside(&self, others: &[Arc<Self>]) -> (Arc<Spec>, usize) {
        let mut spec = Spec::clone(&self.whole);
        let mut others: Vec<&Arc<Self>> = others.iter().collect();
        others.sort_by_key(|other| std::cmp::Reverse(other.index));
        for other in &others {
            spec.take_out(other.index, &other.name);
        }
        let before = others.iter().filter(|other| other.index < self.index).count();
        (Arc::new(spec), self.index - before)
    }
}

impl Found {
    /// Of a library whose manifest could be read.
    pub(super) fn accepted(accepted: &Accepted) -> Self {
        Self::of(accepted.sealed.path(), accepted.sealed.digest(), &accepted.manifest)
    }

    /// Of a generation that does not come up.
    pub(super) fn generation(generation: &Generation) -> Self {
        let label = generation.label();
        Self::of(&label.file, label.digest, &label.manifest)
    }

    fn of(file: &Path, digest: Digest, manifest: &Manifest) -> Self {
        let data = manifest.watched(file).into_iter().collect();
        Self { file: file.to_owned(), digest, data, id: manifest.id.clone() }
    }
}

/// Without the lines of the spec.
fn first_line(error: &Error) -> &str {
    error.message().lines().next().unwrap_or_default()
}

impl Deployment {
    /// Whether the app may be served without this plugin. One that is up is not taken down by a change that fails.
    pub(super) fn may_be_down(&self, plugin: &PluginSpec, name: &str) -> bool {
        plugin.optional && self.books.served(name).is_none()
    }

    /// Brings up what is new of a spec.
    pub(super) fn bring_spec_up(&self, drafted: Drafted) -> Result<Wanted<'static>, Error> {
        let Drafted { spec, drafts, down } = drafted;
        let mut up = Up::unchanged(Declared::AsServed, spec.timeouts.load);
        let (mut all, mut missing) = (Vec::new(), Vec::new());
        for (index, draft) in drafts.into_iter().enumerate() {
            let new = match draft {
                Draft::Same(generation) => {
                    all.push(generation);
                    continue;
                }
                Draft::New(new) => new,
            };
            let (name, may_be_down) = (new.name.clone(), self.may_be_down(&new.plugin, &new.name));
            let found = Some(Found::accepted(&new.accepted));
            match self.bring_up(*new, &spec, &mut up) {
                Ok(generation) => all.push(generation),
                Err(error) if may_be_down => missing.push(Missing { index, name, error, found }),
                Err(error) => return Err(error),
            }
        }
        let (spec, down) = without(&spec, missing, down)?;
        Ok(Wanted { spec, up: Up { declared: Declared::All(all), ..up }, outdated: &[], down })
    }
}

/// What a plugin is called whose manifest may not have been read.
pub(super) fn presumed_name(plugin: &PluginSpec, found: Option<&Found>) -> String {
    let known = plugin.name.as_ref().map(|name| &name.value).or(found.map(|found| &found.id));
    if let Some(name) = known {
        return name.clone();
    }
    let (Source::Crate(path) | Source::Path(path)) = &plugin.source.value;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.strip_prefix("lib").unwrap_or(&stem).to_owned()
}
