//! Under `--watch`: what changes on disk is swapped in by itself.

use super::Change;
use super::Deployment;
use super::down::Down;
use crate::control::{Answer, Command};
use crate::error::Error;
use crate::library::Digest;
use crate::spec::{Source, Spec, SpecFile};
use crate::watch::{Settled, Watched, Watcher, What};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a watched thing belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Key {
    /// The library of that plugin.
    Library(String),
    /// A file that the plugin reads.
    Data(String),
    /// The library of an optional plugin that is down.
    Down(String),
    /// The crate of one, which could not be built.
    Crate(String),
    Spec,
}

/// Something to be watched in another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    key: Key,
    path: PathBuf,
    /// Of what is served.
    digest: Option<Digest>,
}

impl Thing {
    pub(crate) fn watched(self) -> Watched<Key> {
        let watched = match self.key {
            Key::Library(_) | Key::Down(_) => Watched::library(self.key, self.path),
            Key::Data(_) | Key::Spec => Watched::data(self.key, self.path),
            Key::Crate(_) => {
                let by_cargo = written_by_cargo(&self.path);
                Watched::data(self.key, self.path).without(by_cargo)
            }
        };
        match self.digest {
            Some(digest) => watched.known(digest),
            None => watched,
        }
    }
}

/// What follows a change on disk; none: nothing, and the log says why.
pub(crate) fn change_of(settled: &Settled<Key>) -> Option<Change> {
    let what = settled.changed.display();
    match (&settled.key, &settled.what) {
        (Key::Down(_) | Key::Crate(_), What::Gone) => {}
        (Key::Down(plugin), What::Broken(why)) => {
            tracing::warn!("{what}: {why}; plugin `{plugin}` stays down");
        }
        (_, What::Gone) => tracing::warn!("{what} is gone; what was loaded of it goes on"),
        (_, What::Broken(why)) => tracing::warn!("{what}: {why}; not swapped"),
        (Key::Library(plugin), What::Changed(_)) => {
            return Some(Change::Settled { plugin: plugin.clone(), force: false });
        }
        (Key::Down(plugin), What::Changed(_)) => {
            tracing::info!("{what} has changed: plugin `{plugin}`, which is down, is tried again");
            return Some(Change::Settled { plugin: plugin.clone(), force: false });
        }
        (Key::Data(plugin) | Key::Crate(plugin), What::Changed(_)) => {
            tracing::info!("{what} has changed");
            return Some(Change::Settled { plugin: plugin.clone(), force: true });
        }
        (Key::Spec, What::Changed(_)) => return Some(Change::Asked { command: Command::ReloadSpec }),
    }
    None
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

    fn watched(&self) -> Vec<Watched<Key>> {
        self.things().into_iter().map(Thing::watched).collect()
    }

    /// The libraries that are served or down, what their plugins read, and the spec.
    pub fn things(&self) -> Vec<Thing> {
        let Some(served) = self.served() else { return Vec::new() };
        let thing = |key, path: &Path, digest| Thing { key, path: path.to_owned(), digest };
        let of_spec = served.spec.file.iter().map(|file| thing(Key::Spec, &file.path, Some(file.digest)));
        let mut things: Vec<Thing> = of_spec.collect();
        for (plugin, generation) in served.spec.plugins.iter().zip(&served.declared) {
            let label = generation.label();
            let library = Key::Library(label.name.clone());
            things.push(thing(library, &label.file, Some(label.digest)));
            let data = plugin.watch.iter().map(|path| path.value.clone());
            let data = data.chain(label.manifest.watched(&label.file));
            things.extend(data.map(|path| thing(Key::Data(label.name.clone()), &path, None)));
        }
        things.extend(served.down.iter().flat_map(|down| things_of_down(down)));
        things
    }

    fn changed(&self, settled: &Settled<Key>) {
        if self.check_serving().is_err() {
            return;
        }
        let Some(change) = change_of(settled) else { return };
        match self.carry_out_change(change) {
            // What worked has said so itself.
            Answer { exit: 0, .. } => self.setup.onlooker.taken(&settled.path),
            Answer { text, .. } => {
                tracing::error!("{text}");
                self.setup.onlooker.refused(&settled.path, &text);
            }
        }
    }
}

/// What may bring a plugin back that is down.
fn things_of_down(down: &Down) -> Vec<Thing> {
    let (name, plugin) = (|| down.name.clone(), down.plugin());
    let (key, path, digest) = match (&down.found, &plugin.source.value) {
        (Some(found), _) => (Key::Down(name()), found.file.clone(), Some(found.digest)),
        // Whatever is there by now is another one than could not be read.
        (None, Source::Path(path)) => (Key::Down(name()), path.clone(), Some(Digest::of(b""))),
        (None, Source::Crate(folder)) => (Key::Crate(name()), folder.clone(), None),
    };
    let data = plugin.watch.iter().map(|path| path.value.clone());
    let data = data.chain(down.found.iter().flat_map(|found| found.data.clone()));
    let data = data.map(|path| Thing { key: Key::Data(name()), path, digest: None });
    std::iter::once(Thing { key, path, digest }).chain(data).collect()
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
