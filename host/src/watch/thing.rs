//! One watched thing, and when it has settled. The time is the caller's: nothing here waits.

use super::content::{self, Content, Files};
use super::folders::Interest;
use super::places::places;
use super::seen::Seen;
use super::tree::ENTRIES_MAX;
use super::{Settled, Watched, What};
use crate::library::Digest;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Unchanged for so long is settled.
pub(super) const QUIET: Duration = Duration::from_millis(30);

/// A library that is not all there gets so much time, without a change, before it is taken for what it is.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// A watched thing.
pub(super) struct Thing<K> {
    pub(super) watched: Watched<K>,
    seen: Seen,
    /// Which folders tell of a change.
    pub(super) interests: Vec<Interest>,
    /// They are not the same as before.
    pub(super) is_moved: bool,
    /// It was said that a folder has too many files.
    is_cut_told: bool,
    phase: Phase,
    /// It was told that it changed, and not looked at since then.
    is_seen_late: bool,
    /// What the caller has, or was told last.
    known: Option<Digest>,
    /// The caller was told that it is gone.
    is_gone: bool,
    /// The flaw that the caller was told of.
    flaw: Option<Digest>,
    files: Files,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Settled,
    /// It changed then, or may have.
    Changing(Instant),
    /// It had a flaw when it was read, and has not changed since then.
    Flawed(Instant, Digest),
}

impl<K: Clone + PartialEq> Thing<K> {
    /// A first look: its folders are to be watched before it is read.
    pub(super) fn new(watched: Watched<K>) -> Self {
        let known = watched.known;
        let mut thing = Self {
            watched,
            seen: Seen::Gone,
            interests: Vec::new(),
            is_moved: false,
            is_cut_told: false,
            phase: Phase::Settled,
            is_seen_late: false,
            known,
            is_gone: false,
            flaw: None,
            files: Files::new(),
        };
        thing.see();
        thing
    }

    /// Watches from now on. What is there now is what the caller has, unless he said what he has.
    pub(super) fn begin(&mut self, now: Instant) {
        self.see();
        match self.known {
            Some(_) => self.phase = Phase::Changing(now),
            None => self.take_as_known(now),
        }
    }

    /// It is in the next set, too, and perhaps other things in it are left out.
    pub(super) fn again(mut self, without: Vec<PathBuf>, now: Instant) -> Self {
        if self.watched.without != without {
            self.watched.without = without;
            self.hint(now);
        }
        self
    }

    fn take_as_known(&mut self, now: Instant) {
        match self.read() {
            Content::Gone => self.is_gone = true,
            Content::Whole(digest, files) => (self.known, self.files) = (Some(digest), files),
            Content::Flawed(digest, _) => (self.known, self.flaw) = (Some(digest), Some(digest)),
            Content::Moving => self.phase = Phase::Changing(now),
        }
    }

    /// Says that it may have changed. A file is looked at here, too: somebody may go on writing it by another name, of which
    /// nothing is told. Of a folder all is told, and looking at each event of a burst would take long.
    pub(super) fn hint(&mut self, now: Instant) {
        self.phase = Phase::Changing(now);
        self.is_seen_late = matches!(self.seen, Seen::Folder(_));
        if !self.is_seen_late {
            self.see();
        }
    }

    /// Looks whether it changed. What is to be read soon need not be read later for having been seen too early.
    pub(super) fn look(&mut self, now: Instant) {
        let before = self.see();
        let is_same = match self.phase {
            Phase::Changing(_) => self.is_seen_late || before.is_equal(&self.seen),
            Phase::Settled | Phase::Flawed(..) => before.is_surely(&self.seen),
        };
        if !is_same {
            self.phase = Phase::Changing(now);
        }
        self.is_seen_late = false;
    }

    /// The look before it is read: whether it is still as it was when it began to be quiet.
    pub(super) fn is_quiet(&mut self, now: Instant) -> bool {
        self.look(now);
        self.is_due(now)
    }

    /// Looks; answers with what was seen before.
    fn see(&mut self) -> Seen {
        let seen = Seen::at(&self.watched.path, &self.watched.without);
        let interests = interests(&self.watched.path, &seen);
        self.is_moved |= interests != self.interests;
        self.interests = interests;
        let is_cut = matches!(&seen, Seen::Folder(tree) if tree.is_cut);
        if is_cut && !std::mem::replace(&mut self.is_cut_told, true) {
            let path = self.watched.path.display();
            tracing::warn!(
                "watching `{path}`: more than {ENTRIES_MAX} files and folders; the rest is not seen"
            );
        }
        std::mem::replace(&mut self.seen, seen)
    }

    /// When it has to be read, if nothing happens until then.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Settled => None,
            Phase::Changing(since) => Some(since + QUIET),
            Phase::Flawed(since, _) => Some(since + PATIENCE),
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now)
    }

    pub(super) fn read(&self) -> Content {
        content::read(&self.watched.path, self.watched.kind, &self.seen, &self.files)
    }

    /// Takes what was read when it was due; answers when that is news.
    pub(super) fn take(&mut self, content: Content, now: Instant) -> Option<Settled<K>> {
        match content {
            Content::Moving => {
                self.phase = Phase::Changing(now);
                None
            }
            Content::Gone => self.take_gone(),
            Content::Whole(digest, files) => self.take_whole(digest, files),
            Content::Flawed(digest, flaw) => match self.phase {
                Phase::Flawed(_, before) if before == digest && flaw.certain => {
                    self.take_broken(digest, flaw.why)
                }
                Phase::Flawed(_, before) if before == digest => self.take_whole(digest, Files::new()),
                _ => {
                    self.phase = Phase::Flawed(now, digest);
                    None
                }
            },
        }
    }

    fn take_gone(&mut self) -> Option<Settled<K>> {
        self.phase = Phase::Settled;
        let is_news = !std::mem::replace(&mut self.is_gone, true);
        is_news.then(|| self.settled(None, What::Gone))
    }

    fn take_whole(&mut self, digest: Digest, files: Files) -> Option<Settled<K>> {
        self.phase = Phase::Settled;
        (self.is_gone, self.flaw) = (false, None);
        let changed = content::difference(&self.files, &files);
        self.files = files;
        let is_news = self.known.replace(digest) != Some(digest);
        is_news.then(|| self.settled(changed, What::Changed(digest)))
    }

    fn take_broken(&mut self, digest: Digest, why: String) -> Option<Settled<K>> {
        self.phase = Phase::Settled;
        self.is_gone = false;
        let is_news = self.flaw.replace(digest) != Some(digest);
        is_news.then(|| self.settled(None, What::Broken(why)))
    }

    fn settled(&self, changed: Option<PathBuf>, what: What) -> Settled<K> {
        let path = self.watched.path.clone();
        let changed = changed.map_or_else(|| path.clone(), |below| path.join(below));
        Settled { key: self.watched.key.clone(), path, changed, what }
    }
}

/// The names on the way to what was seen, and every name below it.
fn interests(path: &Path, seen: &Seen) -> Vec<Interest> {
    let places = places(path).into_iter().map(|(folder, name)| Interest { folder, name: Some(name) });
    let inside = if let Seen::Folder(tree) = seen { Some(tree.folders.iter().cloned()) } else { None };
    places.chain(inside.into_iter().flatten().map(|folder| Interest { folder, name: None })).collect()
}
