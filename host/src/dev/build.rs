//! Builds crates when their sources change.
//!
//! One crate after the other, each by a run of cargo of its own, as a load of the spec does it: one run for several would unify
//! the features of what they need, and build that again and again. A crate whose sources change while cargo builds it is
//! begun anew, and nothing of the run that was given up is shown.

use super::building::Building;
use super::failure::BuildFailure;
use crate::cargo_build::{Cargo, Output, Profile};
use crate::error::Error;
use crate::watch::{Settled, Watcher};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// What becomes of the crates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEvent {
    /// Cargo runs for it.
    Building {
        /// The crate.
        name: String,
        /// Why: `src/lib.rs changed`.
        because: String,
    },
    /// It is built. Its library settles by itself, for whoever watches that.
    Built {
        /// The crate.
        name: String,
        /// Its folder.
        folder: PathBuf,
        /// Its library.
        library: PathBuf,
        /// It was up to date already.
        is_fresh: bool,
    },
    /// It cannot be built.
    Failed(BuildFailure),
    /// It can be built again: comes before `Built`, and is all that comes of going back to what was built before.
    Recovered {
        /// The crate.
        name: String,
        /// Its folder.
        folder: PathBuf,
    },
    /// There is nothing to be built now.
    Rest {
        /// Some crate cannot be built.
        is_failing: bool,
    },
}

/// Whoever drops a builder waits so long for cargo to be gone.
const END: Duration = Duration::from_secs(3);

/// Builds crates when their sources change, until it is dropped. Cargo does not survive it.
#[derive(Debug)]
pub struct Builder {
    shared: Arc<Shared>,
    /// Disconnected when the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

/// What the thread that builds has to know.
#[derive(Debug)]
pub(super) struct Shared {
    inbox: Mutex<Inbox>,
    wake: OwnedFd,
}

/// What it does not know yet.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// The folders of all crates from now on.
    pub(super) crates: Option<Vec<PathBuf>>,
    /// What was watched and has changed.
    pub(super) changes: Vec<Settled<()>>,
    /// Stays, once it was said.
    pub(super) is_ended: bool,
}

impl Builder {
    /// Watches the crates in these folders from now on, and first builds those that are older than their sources. What a
    /// terminal would show of a build goes to `show` when the build is over, and what became of it to `report`; both are called
    /// on a thread of the builder's, and may take their time.
    ///
    /// # Errors
    /// The process has no descriptor or no thread left.
    pub fn start(
        crates: Vec<PathBuf>,
        profile: Profile,
        show: impl FnMut(&str) + Send + 'static,
        report: impl FnMut(BuildEvent) + Send + 'static,
    ) -> Result<Self, Error> {
        Self::start_with(Cargo::from_env(Output::Kept), crates, profile, show, report)
    }

    pub(super) fn start_with(
        cargo: Cargo,
        crates: Vec<PathBuf>,
        profile: Profile,
        show: impl FnMut(&str) + Send + 'static,
        report: impl FnMut(BuildEvent) + Send + 'static,
    ) -> Result<Self, Error> {
        let fail = |what: &str, cause: std::io::Error| {
            Error::failed(format!("cannot watch crates: {what}: {cause}"))
        };
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = wake.map_err(|cause| fail("no event to wake the thread", cause.into()))?;
        let inbox = Inbox { crates: Some(crates), ..Inbox::default() };
        let shared = Arc::new(Shared { inbox: Mutex::new(inbox), wake });
        let (told, (alive, ended)) = (shared.clone(), mpsc::channel());
        let watcher =
            Watcher::start(Vec::new(), move |settled| told.tell(|inbox| inbox.changes.push(settled)))?;
        let (show, report) = (Box::new(show), Box::new(report));
        let building = Building::new(cargo, profile, watcher, shared.clone(), show, report);
        let thread = std::thread::Builder::new().name("build".into()).spawn(move || {
            building.run();
            drop(alive);
        });
        thread.map_err(|cause| fail("no thread", cause))?;
        Ok(Self { shared, ended: Mutex::new(ended) })
    }

    /// Builds the crates in these folders from now on, and no others. A build of one that is not among them is given up.
    pub fn set(&self, crates: Vec<PathBuf>) {
        self.shared.tell(|inbox| inbox.crates = Some(crates));
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.shared.tell(|inbox| inbox.is_ended = true);
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(END);
    }
}

/// Shows a text on standard error: with its colours if that is a terminal that has them, and without otherwise.
pub fn terminal(text: &str) {
    use std::io::Write;
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, tell: impl FnOnce(&mut Inbox)) {
        tell(&mut self.lock());
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Readable when there is something in the inbox.
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Waits until there is something in the inbox.
    pub(super) fn wait(&self) {
        // Whatever it answers, a look into the inbox follows.
        let _ = poll(&mut [PollFd::new(&self.wake, PollFlags::IN)], None);
    }

    /// Empties the inbox.
    pub(super) fn take(&self) -> Inbox {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        let mut inbox = self.lock();
        let is_ended = inbox.is_ended;
        std::mem::replace(&mut *inbox, Inbox { is_ended, ..Inbox::default() })
    }
}
