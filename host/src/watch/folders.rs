//! The kernel's word that something happened in a folder. It is a hint and no more: what misses it is seen by the next look.
//!
//! Inotify through `rustix`, not through `notify`: that one (8.2) also asks to be told of every file that is opened, which is
//! each one that a compiler reads in a folder of the build; it watches folders below a folder that were left out; and it has
//! a thread of its own, where this has none.

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A folder, and the name in it that matters; none: every one does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interest {
    pub(super) folder: PathBuf,
    pub(super) name: Option<OsString>,
}

/// What was told since it was asked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// Who should look.
    pub(super) who: BTreeSet<usize>,
    /// A folder that was watched is another one now, or gone.
    pub(super) is_moved: bool,
    /// More happened than could be told: all should look.
    pub(super) is_lost: bool,
}

/// The folders that are watched.
pub(super) struct Folders {
    /// None where the system has no more of them.
    inotify: Option<Arc<OwnedFd>>,
    /// By watch: who is interested, and in which name.
    watched: BTreeMap<i32, Vec<(Option<OsString>, usize)>>,
    /// It was said that some folders cannot be watched.
    is_told: bool,
}

/// All that changes what is in a folder. Not who opens, reads or closes a file, and not a change of its permissions.
const CHANGES: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The folder itself.
const SELF: ReadFlags =
    ReadFlags::IGNORED.union(ReadFlags::DELETE_SELF).union(ReadFlags::MOVE_SELF).union(ReadFlags::UNMOUNT);

/// Four times as many as the kernel keeps, unless somebody set that. Whoever writes without end does not keep us for ever.
const EVENTS_MAX: usize = 64 << 10;

/// Room for some hundred events at a time.
const BUFFER_BYTES: usize = 16 << 10;

impl Folders {
    pub(super) fn new() -> Self {
        let made = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        if let Err(cause) = &made {
            tracing::warn!("watching by a look every second: no events: {cause}");
        }
        Self { inotify: made.ok().map(Arc::new), ..Self::without_events() }
    }

    /// Tells nothing.
    pub(super) fn without_events() -> Self {
        Self { inotify: None, watched: BTreeMap::new(), is_told: false }
    }

    /// Readable when there is something to be told.
    pub(super) fn events(&self) -> Option<Arc<OwnedFd>> {
        self.inotify.clone()
    }

    /// Watches these from now on, each for the one who is interested, and no others. Answers with those who are interested
    /// in a folder that was not watched until now: what happened there before was not told.
    pub(super) fn watch<'a>(
        &mut self,
        interests: impl Iterator<Item = (&'a Interest, usize)>,
    ) -> BTreeSet<usize> {
        let Some(fd) = self.inotify.clone() else { return BTreeSet::new() };
        let mut watched: BTreeMap<i32, Vec<(Option<OsString>, usize)>> = BTreeMap::new();
        let mut fresh = BTreeSet::new();
        for (interest, who) in interests {
            // The same folder has the same number, by whatever path.
            match inotify::add_watch(&fd, &interest.folder, CHANGES) {
                Ok(watch) => {
                    if !self.watched.contains_key(&watch) {
                        fresh.insert(who);
                    }
                    watched.entry(watch).or_default().push((interest.name.clone(), who));
                }
                Err(cause) => self.tell(interest, cause),
            }
        }
        for gone in self.watched.keys().filter(|watch| !watched.contains_key(watch)) {
            // A folder that was deleted took its watch with it.
            let _ = inotify::remove_watch(&fd, *gone);
        }
        self.watched = watched;
        fresh
    }

    /// That there is no folder is nothing to be told: it is looked for every second.
    fn tell(&mut self, interest: &Interest, cause: Errno) {
        if [Errno::NOENT, Errno::NOTDIR].contains(&cause) || std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let folder = interest.folder.display();
        let help = if cause == Errno::NOSPC { "; raise fs.inotify.max_user_watches" } else { "" };
        tracing::warn!("watching `{folder}` by a look every second: no events: {cause}{help}");
    }

    /// What was told since the last call.
    pub(super) fn hints(&self) -> Hints {
        let mut hints = Hints::default();
        let Some(fd) = &self.inotify else { return hints };
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut events = Reader::new(fd.as_fd(), &mut buffer);
        let mut left = EVENTS_MAX;
        while left > 0 || !events.is_buffer_empty() {
            left = left.saturating_sub(1);
            match events.next() {
                Ok(event) => self.take(&event, &mut hints),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        hints
    }

    fn take(&self, event: &inotify::Event<'_>, hints: &mut Hints) {
        let what = event.events();
        hints.is_lost |= what.contains(ReadFlags::QUEUE_OVERFLOW);
        hints.is_moved |= what.intersects(SELF);
        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
        let interested = self.watched.get(&event.wd()).into_iter().flatten();
        let interested = interested.filter(|(wanted, _)| {
            what.intersects(SELF) || wanted.as_deref().is_none_or(|wanted| Some(wanted) == name)
        });
        hints.who.extend(interested.map(|(_, who)| *who));
    }
}
