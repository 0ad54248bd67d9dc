//! Under `--watch`: what changes on disk is swapped in by itself.

use super::Deployment;
use super::draft::Look;
use super::swap::SwapHow;
use crate::control::Answer;
use crate::error::Error;
use crate::spec::{Source, Spec, SpecFile};
use crate::watch::{Settled, Watched, Watcher, What};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a watched thing belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    /// The library of that plugin.
    Library(String),
    /// A file that the plugin reads.
    Data(String),
    Spec,
}

enum Event {
    Settled(Settled<Key>),
    /// Other things are to be watched.
    Served,
}

/// Tells the thread that watches what is served now; nobody while nothing is watched.
#[derive(Default)]
pub(super) struct Watching(Mutex<Option<Sender<Event>>>);

impl Watching {
    pub(super) fn served(&self) {
        if let Some(events) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = events.send(Event::Served);
        }
    }
}

impl Deployment {
    /// Swaps in what changes on disk from now on, for as long as the deployment lives.
    ///
    /// # Errors
    /// There is no thread left for it.
    pub fn watch(self: &Arc<Self>) -> Result<(), Error> {
        let (events, happens) = channel();
        *self.watching.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(events.clone());
        let watcher = Watcher::start(self.watched(), move |settled| {
            let _ = events.send(Event::Settled(settled));
        })?;
        let deployment = Arc::downgrade(self);
        let work = move || {
            while let Ok(event) = happens.recv() {
                let Some(deployment) = deployment.upgrade() else { return };
                match event {
                    Event::Settled(settled) => deployment.changed(&settled),
                    Event::Served => watcher.set(deployment.watched()),
                }
            }
        };
        let thread = std::thread::Builder::new().name("swap what changes".into()).spawn(work);
        thread.map(drop).map_err(|cause| Error::failed(format!("cannot watch: no thread: {cause}")))
    }

    /// The libraries that are served, what their plugins read, and the spec.
    fn watched(&self) -> Vec<Watched<Key>> {
        let Some(served) = self.served() else { return Vec::new() };
        let mut watched: Vec<Watched<Key>> =
            served.spec.file.iter().map(|file| watched_spec(Key::Spec, file)).collect();
        for (plugin, generation) in served.spec.plugins.iter().zip(&served.declared) {
            let label = generation.label();
            let library = Key::Library(label.name.clone());
            watched.push(Watched::library(library, &label.file).known(label.digest));
            let data = plugin.watch.iter().map(|path| path.value.clone());
            let data = data.chain(label.manifest.watched(&label.file));
            watched.extend(data.map(|path| Watched::data(Key::Data(label.name.clone()), path)));
        }
        watched
    }

    fn changed(&self, settled: &Settled<Key>) {
        let what = settled.changed.display();
        let answer = match (&settled.key, &settled.what) {
            (_, What::Gone) => return tracing::warn!("{what} is gone; what was loaded of it goes on"),
            (_, What::Broken(why)) => return tracing::warn!("{what}: {why}; not swapped"),
            (Key::Library(plugin), What::Changed(_)) => {
                self.swap(plugin, SwapHow { as_is: true, ..SwapHow::default() })
            }
            (Key::Data(plugin), What::Changed(_)) => {
                tracing::info!("{what} has changed");
                self.swap(plugin, SwapHow { as_is: true, force: true, ..SwapHow::default() })
            }
            (Key::Spec, What::Changed(_)) => self.reload_spec(Look::AtSpec),
        };
        match answer {
            // What worked has said so itself.
            Answer { exit: 0, .. } => self.setup.onlooker.taken(&settled.path),
            Answer { text, .. } => {
                tracing::error!("{text}");
                self.setup.onlooker.refused(&settled.path, &text);
            }
        }
    }
}

/// Changes of what a load reads: the spec, the libraries, the sources of the crates.
pub struct Changes {
    _watcher: Watcher<()>,
    happen: Receiver<()>,
}

impl Changes {
    /// From now on: before the load, so that none is missed while it fails. Somebody else may see to the crates.
    ///
    /// # Errors
    /// There is no thread left for it.
    pub fn watch(spec: &Spec, with_crates: bool) -> Result<Self, Error> {
        let mut watched: Vec<Watched<()>> = spec.file.iter().map(|file| watched_spec((), file)).collect();
        watched.extend(spec.plugins.iter().filter_map(|plugin| match &plugin.source.value {
            Source::Path(path) => Some(Watched::library((), path)),
            Source::Crate(folder) if with_crates => {
                Some(Watched::data((), folder).without(written_by_cargo(folder)))
            }
            Source::Crate(_) => None,
        }));
        let (happens, happen) = channel();
        let watcher = Watcher::start(watched, move |_| {
            let _ = happens.send(());
        })?;
        Ok(Self { _watcher: watcher, happen })
    }

    /// Waits for the next one, for that time.
    pub fn next(&self, time: Duration) -> bool {
        self.happen.recv_timeout(time).is_ok()
    }
}

fn watched_spec<K>(key: K, file: &SpecFile) -> Watched<K> {
    Watched::data(key, &file.path).known(file.digest)
}

fn written_by_cargo(folder: &Path) -> [PathBuf; 2] {
    [folder.join("target"), folder.join("Cargo.lock")]
}
