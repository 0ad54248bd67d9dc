//! What a spec mounts, and by which names.

use super::{Located, MountSpec, PluginSpec, Spec, read};
use crate::error::Error;
use crate::target::Target;

impl Spec {
    /// The final names of the plugins: the one that is written, else the id in the manifest (`ids`, one for each plugin).
    ///
    /// # Errors
    /// Two plugins have the same name.
    pub fn plugin_names(&self, ids: &[String]) -> Result<Vec<String>, Error> {
        let names = self.plugins.iter().zip(ids).map(|(plugin, id)| match &plugin.name {
            Some(name) => name.clone(),
            None => Located::new(id.clone(), plugin.at.clone()),
        });
        let names: Vec<Located<String>> = names.collect();
        read::no_duplicates(&names)?;
        Ok(names.into_iter().map(|name| name.value).collect())
    }

    /// Everything that is mounted: the plugins that are mounted by themselves, then each `[[mount]]`. The names are those
    /// of [`Spec::plugin_names`].
    pub fn all_mounts(&self, names: &[String]) -> Vec<MountSpec> {
        let own = self
            .plugins
            .iter()
            .zip(names)
            .filter(|(plugin, name)| plugin.is_placed() || !self.is_named(name));
        own.map(|(plugin, name)| plugin.own_mount(name)).chain(self.mounts.iter().cloned()).collect()
    }

    /// Takes a plugin out, and what is mounted of it.
    pub(crate) fn take_out(&mut self, index: usize, name: &str) -> Vec<MountSpec> {
        let is_named = self.is_named(name);
        let plugin = self.plugins.remove(index);
        let mut mounts: Vec<MountSpec> =
            self.mounts.extract_if(.., |mount| mount.target.library == name).collect();
        if plugin.is_placed() || !is_named {
            mounts.push(plugin.own_mount(name));
        }
        mounts
    }

    /// Whether middleware of that plugin is around routes.
    pub(crate) fn has_middleware_of(&self, name: &str) -> bool {
        self.middleware.iter().any(|middleware| middleware.target.library == name)
    }

    /// Whether a target of the spec names this plugin.
    fn is_named(&self, plugin: &str) -> bool {
        let targets = self.mounts.iter().map(|mount| &mount.target);
        targets
            .chain(self.middleware.iter().map(|middleware| &middleware.target))
            .any(|target| target.library == plugin)
    }
}

impl PluginSpec {
    /// Whether a key says how its default app is mounted.
    fn is_placed(&self) -> bool {
        self.mount.is_some() || !self.hosts.is_empty() || !self.skip.is_empty()
    }

    fn own_mount(&self, name: &str) -> MountSpec {
        MountSpec {
            at: self.mount.clone().unwrap_or_else(|| Located::new("/".into(), self.at.clone())),
            hosts: self.hosts.clone(),
            target: Located::new(Target::default_app(name), self.at.clone()),
            skip: self.skip.clone(),
        }
    }
}
