//! Optional plugins that cannot be loaded: the app is served without them, and their mounts answer that they are down.

use super::Deployment;
use super::bring_up::{Declared, Up};
use super::change::Wanted;
use super::draft::{Draft, Drafted};
use crate::error::Error;
use crate::spec::{MountSpec, PluginSpec, Source, Spec};
use std::sync::Arc;

/// An optional plugin that could not be loaded.
pub(super) struct Down {
    pub(super) name: String,
    error: Error,
    /// Where its apps would be.
    pub(super) mounts: Vec<MountSpec>,
}

/// A plugin that is to be left out: its place in the spec, and why.
pub(super) struct Missing {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) error: Error,
}

/// The spec without some of its plugins, which are down from now on.
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
    // From the last one on, so that the others keep their places.
    for Missing { index, name, error } in missing.into_iter().rev() {
        if spec.middleware.iter().any(|middleware| middleware.target.library == name) {
            return Err(
                error.help("its middleware is used, so that it has to be loaded though it is optional")
            );
        }
        tracing::error!("optional plugin `{name}` is down: {}", first_line(&error));
        let mounts = rest.take_out(index, &name);
        down.push(Arc::new(Down { name, error, mounts }));
    }
    Ok((Arc::new(rest), down))
}

impl Down {
    /// Why, in a line.
    pub(super) fn why(&self) -> &str {
        first_line(&self.error)
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
        let limit = spec.timeouts.load;
        let mut up = Up::unchanged(Declared::AsServed, limit);
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
            match self.bring_up(*new, limit, &mut up) {
                Ok(generation) => all.push(generation),
                Err(error) if may_be_down => missing.push(Missing { index, name, error }),
                Err(error) => return Err(error),
            }
        }
        let (spec, down) = without(&spec, missing, down)?;
        Ok(Wanted { spec, up: Up { declared: Declared::All(all), ..up }, outdated: &[], down })
    }
}

/// What a plugin is called whose manifest cannot be read.
pub(super) fn presumed_name(plugin: &PluginSpec) -> String {
    if let Some(name) = &plugin.name {
        return name.value.clone();
    }
    let (Source::Crate(path) | Source::Path(path)) = &plugin.source.value;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.strip_prefix("lib").unwrap_or(&stem).to_owned()
}
