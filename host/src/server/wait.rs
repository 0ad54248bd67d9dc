//! Waiting, with a deadline, for one of several descriptors.

use crate::error::Error;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::Wake;
use std::time::{Duration, Instant};

/// A moment that a wait ends at; none: never.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) const NEVER: Self = Self(None);

    /// From now on; no timeout is never.
    pub(super) fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// At that moment; none: never.
    pub(super) fn at(moment: Option<Instant>) -> Self {
        Self(moment)
    }

    pub(super) fn is_over(self) -> bool {
        self.0.is_some_and(|at| Instant::now() >= at)
    }

    fn left(self) -> Option<Timespec> {
        let left = self.0?.saturating_duration_since(Instant::now());
        Some(Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() })
    }
}

/// Which of the descriptors are ready, by their places; empty when the deadline is over.
pub(super) fn wait<const N: usize>(
    fds: [(BorrowedFd<'_>, PollFlags); N],
    deadline: Deadline,
) -> [PollFlags; N] {
    let mut polled = fds.map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags));
    loop {
        match poll(&mut polled, deadline.left().as_ref()) {
            Ok(_) => return polled.map(|fd| fd.revents()),
            Err(rustix::io::Errno::INTR) => {}
            // Out of memory in the kernel: there is nothing to do but to look again.
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// Waits until one of them is readable, or the deadline is over.
pub(super) fn wait_for_any(fds: &[BorrowedFd<'_>], deadline: Deadline) {
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    // A signal ends the wait, too: whoever waits looks what there is to do.
    if poll(&mut polled, deadline.left().as_ref()).is_err() {
        std::thread::yield_now();
    }
}

/// Wakes a thread that waits in `poll`.
pub(super) struct Wakeup(OwnedFd);

impl Wakeup {
    pub(super) fn new() -> Result<Arc<Self>, Error> {
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map(|event| Arc::new(Self(event)))
            .map_err(|cause| Error::failed(format!("cannot make an event: {cause}")))
    }

    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Makes the event ready for the next wake-up.
    pub(super) fn clear(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}
