//! All that is watched. The time is the caller's: nothing here waits.

use super::folders::Folders;
use super::thing::Thing;
use super::{Settled, Watched};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How often everything is looked at, whether or not anything was told.
pub(super) const SLOW: Duration = Duration::from_secs(1);

/// Looking at everything may take one part in so many of the time.
const SHARE: u32 = 100;

/// All that is watched.
pub(super) struct Lookout<K> {
    things: Vec<Thing<K>>,
    pub(super) folders: Folders,
    next_look: Instant,
}

impl<K: Clone + PartialEq> Lookout<K> {
    pub(super) fn new(folders: Folders, now: Instant) -> Self {
        Self { things: Vec::new(), folders, next_look: now + SLOW }
    }

    /// Watches these, and nothing else. What was watched before goes on as it was.
    pub(super) fn set(&mut self, set: Vec<Watched<K>>, now: Instant) {
        let mut before = std::mem::take(&mut self.things);
        let mut new = Vec::new();
        for watched in set {
            let watched = watched.absolute();
            let kept = before.iter().position(|thing| thing.watched.is_same(&watched));
            new.push(kept.is_none());
            let thing = match kept {
                Some(index) => before.swap_remove(index).again(watched.without, now),
                None => Thing::new(watched),
            };
            self.things.push(thing);
        }
        self.watch_folders(now);
        let new = self.things.iter_mut().zip(new).filter(|(_, is_new)| *is_new);
        new.for_each(|(thing, _)| thing.begin(now));
    }

    /// When there is something to do, if nothing is told before.
    pub(super) fn due(&self) -> Instant {
        self.things.iter().filter_map(Thing::due).fold(self.next_look, Instant::min)
    }

    /// Takes what was told and does what is due: reads one thing at most, and answers if that is news. There may be more to
    /// do when it is not.
    pub(super) fn turn(&mut self, now: Instant) -> Option<Settled<K>> {
        self.take_hints(now);
        if self.next_look <= now {
            self.look_at_all(now);
        }
        let index = self.things.iter().position(|thing| thing.is_due(now))?;
        let thing = self.things.get_mut(index)?;
        let content = thing.is_quiet(now).then(|| thing.read());
        // What was told while it was read, or happened in a folder that was not watched yet: it is to be read again.
        self.follow(now);
        self.take_hints(now);
        let thing = self.things.get_mut(index).filter(|thing| thing.is_due(now))?;
        thing.take(content?, now)
    }

    fn take_hints(&mut self, now: Instant) {
        let hints = self.folders.hints();
        let all = || (0..self.things.len()).collect();
        self.hint(&if hints.is_lost { all() } else { hints.who }, now);
        if hints.is_moved || hints.is_lost {
            self.watch_folders(now);
        } else {
            self.follow(now);
        }
    }

    fn hint(&mut self, who: &BTreeSet<usize>, now: Instant) {
        let things = self.things.iter_mut().enumerate();
        things.filter(|(index, _)| who.contains(index)).for_each(|(_, thing)| thing.hint(now));
    }

    /// The net for what is not told: files written by another name or from another machine, folders put in place of others.
    fn look_at_all(&mut self, now: Instant) {
        let begun = Instant::now();
        self.things.iter_mut().for_each(|thing| thing.look(now));
        self.watch_folders(now);
        self.next_look = now + SLOW.max(begun.elapsed() * SHARE);
    }

    /// Watches other folders if a thing is to be found elsewhere now.
    fn follow(&mut self, now: Instant) {
        if self.things.iter().any(|thing| thing.is_moved) {
            self.watch_folders(now);
        }
    }

    /// Watches the folders of all things, and no others.
    fn watch_folders(&mut self, now: Instant) {
        self.things.iter_mut().for_each(|thing| thing.is_moved = false);
        let things = self.things.iter().enumerate();
        let wanted = things.flat_map(|(index, thing)| thing.interests.iter().map(move |one| (one, index)));
        let fresh = self.folders.watch(wanted);
        self.hint(&fresh, now);
    }
}
