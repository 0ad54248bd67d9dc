//! The thread that watches.

use super::folders::Folders;
use super::lookout::Lookout;
use super::{Settled, Watched};
use crate::error::Error;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// Events of a burst are taken together: the first wakes us, and those of so long afterwards are taken with it.
const BURST: Duration = Duration::from_millis(2);

/// Whoever drops a watcher waits so long for a report that is under way.
const END: Duration = Duration::from_secs(1);

/// Watches until it is dropped. Reports come one after the other, on one thread of its own; a report may take its time, and
/// what changes meanwhile is reported afterwards, once.
#[derive(Debug)]
pub struct Watcher<K> {
    shared: Arc<Shared<K>>,
    thread: ThreadId,
    /// Disconnected when the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

struct Shared<K> {
    lookout: Mutex<Lookout<K>>,
    wake: OwnedFd,
    events: Option<Arc<OwnedFd>>,
    is_ended: AtomicBool,
    wakeups: AtomicU64,
}

impl<K> std::fmt::Debug for Shared<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("wakeups", &self.wakeups).finish_non_exhaustive()
    }
}

impl<K: Clone + PartialEq + Send + 'static> Watcher<K> {
    /// Watches from now on: what changes after this returns is reported.
    ///
    /// # Errors
    /// The process has no descriptor or no thread left. That the system has no events left is none: then everything is
    /// looked at each second, and the log says so.
    pub fn start(
        set: Vec<Watched<K>>,
        report: impl FnMut(Settled<K>) + Send + 'static,
    ) -> Result<Self, Error> {
        let fail =
            |what: &str, cause: std::io::Error| Error::failed(format!("cannot watch files: {what}: {cause}"));
        let now = Instant::now();
        let mut lookout = Lookout::new(Folders::new(), now);
        lookout.set(set, now);
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let shared = Arc::new(Shared {
            events: lookout.folders.events(),
            lookout: Mutex::new(lookout),
            wake: wake.map_err(|cause| fail("no event to wake the thread", cause.into()))?,
            is_ended: AtomicBool::new(false),
            wakeups: AtomicU64::new(0),
        });
        let (alive, ended) = mpsc::channel();
        let its = shared.clone();
        let thread = std::thread::Builder::new().name("watch".into()).spawn(move || {
            its.run(report);
            drop(alive);
        });
        let thread = thread.map_err(|cause| fail("no thread", cause))?.thread().id();
        Ok(Self { shared, thread, ended: Mutex::new(ended) })
    }

    /// Watches these from now on, and nothing else. What was watched before, by the same key, goes on as it was: nothing of it
    /// is lost. It may be called while a report is under way, and by it; that one report may be of something that is not watched
    /// any more.
    pub fn set(&self, set: Vec<Watched<K>>) {
        self.shared.lock().set(set, Instant::now());
        self.shared.wake();
    }
}

impl<K> Watcher<K> {
    /// How often its thread was woken up so far: about once a second while nothing happens.
    pub fn wakeups(&self) -> u64 {
        self.shared.wakeups.load(Ordering::Relaxed)
    }
}

impl<K> Drop for Watcher<K> {
    /// No report begins any more. One that is under way is waited for, but not for long, and not by itself.
    fn drop(&mut self) {
        self.shared.is_ended.store(true, Ordering::SeqCst);
        self.shared.wake();
        if std::thread::current().id() != self.thread {
            let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
            let _ = ended.recv_timeout(END);
        }
    }
}

impl<K> Shared<K> {
    fn lock(&self) -> MutexGuard<'_, Lookout<K>> {
        self.lookout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Waits for an event, for `wake`, or for that time.
    fn wait(&self, until: Instant) {
        let mut fds = vec![PollFd::new(&self.wake, PollFlags::IN)];
        fds.extend(self.events.as_ref().map(|events| PollFd::new(events, PollFlags::IN)));
        poll_until(&mut fds, until);
        self.wakeups.fetch_add(1, Ordering::Relaxed);
        if fds.get(1).is_some_and(|events| !events.revents().is_empty()) {
            poll_until(&mut fds[..1], Instant::now() + BURST);
        }
        let _ = rustix::io::read(self.wake.as_fd(), &mut [0; 8]);
    }
}

fn poll_until(fds: &mut [PollFd<'_>], until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
    // Whatever it answers, a look follows.
    let _ = poll(fds, Some(&left));
}

impl<K: Clone + PartialEq> Shared<K> {
    fn run(&self, mut report: impl FnMut(Settled<K>)) {
        loop {
            let (settled, due) = {
                let mut lookout = self.lock();
                (lookout.turn(Instant::now()), lookout.due())
            };
            if self.is_ended.load(Ordering::SeqCst) {
                return;
            }
            match settled {
                Some(settled) => tell(&mut report, settled),
                None => self.wait(due),
            }
        }
    }
}

/// A report that panics is not the end of watching.
fn tell<K>(report: &mut impl FnMut(Settled<K>), settled: Settled<K>) {
    let path = settled.path.display().to_string();
    if catch_unwind(AssertUnwindSafe(|| report(settled))).is_err() {
        tracing::error!("the report that `{path}` changed panicked");
    }
}
