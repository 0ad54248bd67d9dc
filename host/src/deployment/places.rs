//! Apps at their places, and the middleware around all of them: loaded, or taken over from the last time.

use crate::app::{Installed, LoadedApp};
use crate::error::{Error, Exit};
use crate::generation::Generation;
use crate::load::Loader;
use crate::spec::{Located, MiddlewareSpec, MountSpec};
use crate::table::Placed;
use std::sync::Arc;

/// An app where the spec wants it.
pub(super) struct Place {
    spec: MountSpec,
    app: Arc<LoadedApp>,
}

/// Middleware of the spec, ready to be put around routes.
pub(super) struct Ring {
    spec: MiddlewareSpec,
    pub(super) installed: Installed,
}

/// What was served before, as far as it may be taken over.
pub(super) struct Before<'a> {
    pub(super) places: &'a [Place],
    pub(super) around: &'a [Ring],
    /// Whether this generation goes on.
    pub(super) goes_on: &'a dyn Fn(&Arc<Generation>) -> bool,
}

fn values<T: Clone>(list: &[Located<T>]) -> Vec<T> {
    list.iter().map(|one| one.value.clone()).collect()
}

impl Place {
    /// Loads the app, unless it was there before and all its plugins go on.
    pub(super) fn load(spec: &MountSpec, before: &Before<'_>, loader: &Loader) -> Result<Self, Error> {
        let same = before.places.iter().find(|place| place.is_for(spec) && place.goes_on(before));
        let app = match same {
            Some(place) => place.app.clone(),
            None => Arc::new(loader.load_app(&spec.target).map_err(|error| spec.target.at.place(&error))?),
        };
        Ok(Self { spec: spec.clone(), app })
    }

    fn is_for(&self, spec: &MountSpec) -> bool {
        self.spec.target.value == spec.target.value && self.spec.at.value == spec.at.value
    }

    fn goes_on(&self, before: &Before<'_>) -> bool {
        self.app.used.iter().all(before.goes_on)
    }

    /// The plugins of the app.
    pub(super) fn used(&self) -> &[Arc<Generation>] {
        &self.app.used
    }

    pub(super) fn placed(&self) -> Placed {
        Placed {
            origin: format!("`{}` ({})", self.spec.target.value, self.spec.target.at),
            prefix: self.spec.at.value.clone(),
            hosts: values(&self.spec.hosts),
            skip: values(&self.spec.skip),
            app: self.app.clone(),
        }
    }

    /// A name in `skip` that no middleware has is a mistake: what was to be left out would go on.
    pub(super) fn check_skip(&self, around: &[Ring]) -> Result<(), Error> {
        let own = self.app.apps.iter().flat_map(|app| &app.middleware);
        let around = around.iter().map(|ring| &ring.installed);
        let mut known: Vec<&str> = around.chain(own).flat_map(|one| [&*one.name, &*one.also]).collect();
        known.dedup();
        let unknown = self.spec.skip.iter().find(|skip| !known.contains(&skip.value.as_str()));
        unknown.map_or(Ok(()), |skip| {
            let message = format!("no middleware `{}` to skip", skip.value);
            Err(skip.at.unknown(message, &skip.value, &known).exiting(Exit::Spec))
        })
    }
}

impl Ring {
    /// Makes the middleware, unless it was there before and its plugin goes on.
    pub(super) fn load(spec: &MiddlewareSpec, before: &Before<'_>, loader: &Loader) -> Result<Self, Error> {
        let same = before.around.iter().find(|ring| ring.is_for(spec) && (before.goes_on)(ring.used()));
        if let Some(ring) = same {
            return Ok(Self { spec: spec.clone(), installed: ring.installed.clone() });
        }
        let target = &spec.target;
        let wrapper = loader.load_middleware(target, spec.config.to_string());
        let wrapper = wrapper.map_err(|error| target.at.place(&error))?;
        let name =
            target.export.as_ref().map_or_else(|| target.library.clone(), |export| export.name.clone());
        Ok(Self { spec: spec.clone(), installed: Installed { name, also: target.to_string(), wrapper } })
    }

    fn is_for(&self, spec: &MiddlewareSpec) -> bool {
        self.spec.target.value == spec.target.value && self.spec.config == spec.config
    }

    /// The plugin that it is of.
    pub(super) fn used(&self) -> &Arc<Generation> {
        self.installed.wrapper.generation()
    }
}
