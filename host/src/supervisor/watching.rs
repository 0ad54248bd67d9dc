//! Under `--watch`, where what is served changes with the workers only: what changes on disk is rolled in. Nothing of a plugin is
//! needed for that: the workers say what there is to watch.

use super::Supervisor;
use super::event::{Event, Reply};
use crate::deployment::{Key, Thing, change_of};
use crate::watch::{Settled, Watched, Watcher};

impl Supervisor {
    /// Watches what the set that serves now says.
    pub(super) fn watch(&mut self) {
        let things: Vec<Watched<Key>> =
            self.current.served.things.iter().cloned().map(Thing::watched).collect();
        match &self.watcher {
            Some(watcher) => watcher.set(things),
            None if things.is_empty() => {}
            None => {
                let events = self.sender.clone();
                let settled = move |settled| drop(events.send(Event::Settled(settled)));
                match Watcher::start(things, settled) {
                    Ok(watcher) => self.watcher = Some(watcher),
                    Err(error) => tracing::error!("what changes on disk is not swapped: {error}"),
                }
            }
        }
    }

    pub(super) fn settled(&mut self, settled: &Settled<Key>) {
        if self.stopping.is_some() {
            return;
        }
        if let Some(change) = change_of(settled) {
            self.roll(change, Reply::Log);
        }
    }
}
