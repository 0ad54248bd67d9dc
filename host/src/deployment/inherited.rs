//! What the process before served: when a worker dies, the next one serves the same bytes, whatever has become of the files.

use super::parent::{Published, Standing};
use crate::library::Sealed;
use crate::spec::{PluginSpec, Source};
use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Generations of the process before, by plugin.
#[derive(Default)]
pub struct Inherited {
    plugins: Mutex<HashMap<String, Plugin>>,
    /// The plugins that were served.
    served: HashSet<String>,
}

#[derive(Default)]
struct Plugin {
    current: Option<Copy>,
    /// The oldest first.
    kept: Vec<Copy>,
    stand_in: Option<Copy>,
}

/// A generation, without its instance.
pub(super) struct Copy {
    pub(super) published: Published,
    pub(super) sealed: Sealed,
}

/// Where a plugin of a spec comes from, as a text to compare.
pub fn source_text(plugin: &PluginSpec) -> String {
    match &plugin.source.value {
        Source::Crate(folder) => format!("crate {}", folder.display()),
        Source::Path(path) => format!("path {}", path.display()),
    }
}

impl Inherited {
    /// What the process before served and kept, the oldest first. A copy that cannot be read, or is not what it is said to
    /// be, is as if it had never been: the file is loaded.
    pub fn of(generations: impl IntoIterator<Item = (Published, OwnedFd)>) -> Self {
        let mut plugins = HashMap::<String, Plugin>::new();
        for (published, copy) in generations {
            let sealed = match Sealed::handed(&published.path, copy.into()) {
                Ok(sealed) if sealed.digest().to_string() == published.digest => sealed,
                _ => {
                    tracing::warn!(
                        "plugin `{}`: its last copy is lost, its file is loaded",
                        published.plugin
                    );
                    continue;
                }
            };
            let plugin = plugins.entry(published.plugin.clone()).or_default();
            match published.standing {
                Standing::Current => plugin.current = Some(Copy { published, sealed }),
                Standing::Kept => plugin.kept.push(Copy { published, sealed }),
                Standing::StandIn => plugin.stand_in = Some(Copy { published, sealed }),
            }
        }
        let served = plugins.iter().filter(|(_, plugin)| plugin.current.is_some());
        let served = served.map(|(name, _)| name.clone()).collect();
        Self { plugins: Mutex::new(plugins), served }
    }

    /// Whether the process before served that plugin.
    pub(super) fn has_served(&self, plugin: &str) -> bool {
        self.served.contains(plugin)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Plugin>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The generation that served this plugin.
    pub(super) fn current(&self, plugin: &PluginSpec) -> Option<Copy> {
        self.take(plugin, |plugin| &mut plugin.current)
    }

    /// The one that takes the place of its file, if that is in quarantine.
    pub(super) fn stand_in(&self, plugin: &PluginSpec) -> Option<Copy> {
        self.take(plugin, |plugin| &mut plugin.stand_in)
    }

    fn take(&self, plugin: &PluginSpec, which: impl Fn(&mut Plugin) -> &mut Option<Copy>) -> Option<Copy> {
        let source = source_text(plugin);
        let is_it = |copy: &Copy| match &plugin.name {
            Some(name) => copy.published.plugin == name.value,
            None => copy.published.source == source,
        };
        let mut plugins = self.lock();
        let mut all = plugins.values_mut().map(which);
        all.find(|copy| copy.as_ref().is_some_and(is_it))?.take()
    }

    /// Those that were kept for a rollback of the plugin, the oldest first.
    pub(super) fn kept(&self, plugin: &str) -> Vec<Copy> {
        self.lock().get_mut(plugin).map(|plugin| std::mem::take(&mut plugin.kept)).unwrap_or_default()
    }
}
