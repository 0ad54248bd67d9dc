//! What a spec asks for, held against what is served: which plugins differ. Nothing of a plugin runs here.

use super::Deployment;
use super::change::Served;
use super::down::{Down, Found, Missing, presumed_name, without};
use super::inherited::Copy;
use crate::cargo_build;
use crate::error::Error;
use crate::generation::Generation;
use crate::load::open::{Accepted, accept, seal};
use crate::manifest::Manifest;
use crate::spec::{PluginSpec, Source, Spec};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One plugin of a spec.
pub(super) enum Draft {
    /// It goes on as it is.
    Same(Arc<Generation>),
    /// It gets a new generation.
    New(Box<New>),
}

/// A generation that is to be.
pub(super) struct New {
    pub(super) name: String,
    pub(super) accepted: Accepted,
    pub(super) config_json: String,
    pub(super) plugin: PluginSpec,
    /// Whether it takes over the state of the generation before, if both can.
    pub(super) takes_state: bool,
    /// The number that it had before; none: the next.
    pub(super) number: Option<u64>,
}

/// A plugin that is not to be loaded: why, and its library, if that could be read.
pub(super) struct Refused {
    pub(super) error: Error,
    found: Option<Box<Found>>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, found: None }
    }
}

/// All plugins of a spec.
pub(super) struct Drafted {
    /// Without those that are down.
    pub(super) spec: Arc<Spec>,
    /// In its order.
    pub(super) drafts: Vec<Draft>,
    pub(super) down: Vec<Arc<Down>>,
}

/// How closely to look whether a plugin differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// What the spec says of it.
    AtSpec,
    /// And whether its file is another.
    AtFiles,
}

impl Deployment {
    /// What each plugin of the spec is to be.
    pub(super) fn draft(
        &self,
        spec: &Arc<Spec>,
        before: Option<&Served>,
        look: Look,
    ) -> Result<Drafted, Error> {
        let (mut drafts, mut missing) = (Vec::new(), Vec::new());
        for (index, plugin) in spec.plugins.iter().enumerate() {
            match self.draft_one(plugin, before, look) {
                Ok(draft) => drafts.push(draft),
                Err(Refused { error, found }) => {
                    let found = found.map(|found| *found);
                    let name = presumed_name(plugin, found.as_ref());
                    if !self.may_be_down(plugin, &name) {
                        return Err(error);
                    }
                    missing.push(Missing { index, name, error, found });
                }
            }
        }
        let (spec, down) = without(spec, missing, Vec::new())?;
        let ids: Vec<String> = drafts.iter().map(Draft::id).collect();
        let names = spec.plugin_names(&ids)?;
        for draft in &drafts {
            if let Draft::New(new) = draft {
                check_config(&new.plugin, &new.accepted.manifest)?;
            }
        }
        let named = drafts.into_iter().zip(names).map(|(draft, name)| match draft {
            Draft::New(new) => self.unless_same(New { name, ..*new }),
            same => same,
        });
        let drafts = named.collect();
        Ok(Drafted { spec, drafts, down })
    }

    fn draft_one(&self, plugin: &PluginSpec, before: Option<&Served>, look: Look) -> Result<Draft, Refused> {
        match before.and_then(|before| same(plugin, before)) {
            Some(same) if look == Look::AtSpec => Ok(Draft::Same(same)),
            Some(same) => Ok(self.draft_by_file(plugin, &same)?),
            None => self.draft_new(plugin).map(|new| Draft::New(Box::new(new))),
        }
    }

    fn draft_by_file(&self, plugin: &PluginSpec, current: &Arc<Generation>) -> Result<Draft, Error> {
        let label = current.label();
        let file = self.library_now(&self.books.of(&label.name), plugin)?;
        let accepted = seal(&file).map_err(|error| plugin.source.at.place(&error))?;
        if accepted.sealed.digest() == label.digest {
            return Ok(Draft::Same(current.clone()));
        }
        let config_json = label.config_json.clone();
        let (name, plugin) = (label.name.clone(), plugin.clone());
        Ok(Draft::New(Box::new(New { name, accepted, config_json, plugin, takes_state: true, number: None })))
    }

    /// What the spec says of a plugin that is new here.
    pub(super) fn draft_new(&self, plugin: &PluginSpec) -> Result<New, Refused> {
        if let Some(new) = self.draft_inherited(plugin)? {
            return Ok(new);
        }
        self.draft_file(plugin, &self.file_of(plugin)?)
    }

    /// The same, with that library.
    pub(super) fn draft_file(&self, plugin: &PluginSpec, file: &Path) -> Result<New, Refused> {
        let accepted = seal(file).map_err(|error| plugin.source.at.place(&error))?;
        if let Err(refusal) = self.setup.run.bans().check(file, accepted.sealed.digest()) {
            let Some(stand_in) = self.setup.inherited.stand_in(plugin) else {
                let found = Some(Box::new(Found::accepted(&accepted)));
                return Err(Refused { error: plugin.source.at.place(&refusal), found });
            };
            tracing::warn!("{}; served instead: {}", refusal.message(), stand_in.published);
            return Ok(draft_copy(plugin, stand_in)?);
        }
        let config_json = plugin.config.to_string();
        let name = accepted.manifest.id.clone();
        Ok(New { name, accepted, config_json, plugin: plugin.clone(), takes_state: true, number: None })
    }

    /// The bytes that the process before served.
    fn draft_inherited(&self, plugin: &PluginSpec) -> Result<Option<New>, Error> {
        let Some(mut copy) = self.setup.inherited.current(plugin) else { return Ok(None) };
        self.books.of(&copy.published.plugin).pages().file = copy.published.by_name.take();
        draft_copy(plugin, copy).map(Some)
    }

    /// The spec says it in other words, and it comes to the same.
    fn unless_same(&self, new: New) -> Draft {
        let current = self.books.of(&new.name).current();
        let same = current.filter(|current| {
            let label = current.label();
            label.digest == new.accepted.sealed.digest() && label.config_json == new.config_json
        });
        match same {
            Some(same) => Draft::Same(same),
            None => Draft::New(Box::new(new)),
        }
    }

    /// The library of a plugin: a file, or what cargo makes of a crate.
    pub(super) fn file_of(&self, plugin: &PluginSpec) -> Result<PathBuf, Error> {
        let folder = match &plugin.source.value {
            Source::Path(path) => return Ok(path.clone()),
            Source::Crate(folder) => folder,
        };
        let built = cargo_build::library_of(folder, self.setup.profile, |progress| self.say(progress));
        Ok(built.map_err(|error| plugin.source.at.place(&error))?.path)
    }

    /// For people, on standard error: standard output is for what a command answers.
    fn say(&self, line: &str) {
        if !self.setup.quiet {
            crate::log::say(&format!("{line}\n"));
        }
    }
}

fn draft_copy(plugin: &PluginSpec, copy: Copy) -> Result<New, Error> {
    let accepted = accept(copy.sealed).map_err(|error| plugin.source.at.place(&error))?;
    let (name, number) = (copy.published.plugin, Some(copy.published.number));
    let config_json = plugin.config.to_string();
    Ok(New { name, accepted, config_json, plugin: plugin.clone(), takes_state: true, number })
}

/// The generation of the same words in the spec before.
fn same(plugin: &PluginSpec, before: &Served) -> Option<Arc<Generation>> {
    let mut old = before.spec.plugins.iter().zip(&before.declared);
    let found = old.find(|(old, _)| is_same(old, plugin));
    found.map(|(_, generation)| generation.clone())
}

fn is_same(old: &PluginSpec, new: &PluginSpec) -> bool {
    let name = |plugin: &PluginSpec| plugin.name.as_ref().map(|name| name.value.clone());
    name(old) == name(new) && old.source.value == new.source.value && old.config == new.config
}

impl Draft {
    /// The id in the manifest.
    fn id(&self) -> String {
        match self {
            Self::Same(generation) => generation.manifest().id.clone(),
            Self::New(new) => new.accepted.manifest.id.clone(),
        }
    }
}

/// A key that the plugin does not know is a mistake, if the plugin says which it knows.
pub(super) fn check_config(plugin: &PluginSpec, manifest: &Manifest) -> Result<(), Error> {
    let Some(known) = &manifest.config else { return Ok(()) };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    plugin.config_at.check(&known)
}

/// The place of a plugin's errors.
pub(super) fn placed(plugin: &PluginSpec, error: &Error) -> Error {
    plugin.at.place(error)
}
