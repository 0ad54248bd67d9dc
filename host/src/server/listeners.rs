//! All the listeners of a server whose threads accept for themselves, whenever they have nothing else to do.

use super::accept::{CannotAccept, has_given_up};
use super::listening::{Accepts, Bound};
use super::socket::Socket;
use crate::error::Error;
use rustix::event::epoll;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What became of looking for a connection.
pub(super) enum Accepted<S> {
    One(S),
    None,
    /// One waits, and there is no descriptor for it.
    Cannot,
}

/// See the module.
pub(super) struct Listeners {
    /// The next one to look at is the first.
    queue: Mutex<VecDeque<Arc<Bound>>>,
    /// Readable while a connection waits at any of them.
    event: OwnedFd,
    cannot: Arc<CannotAccept>,
}

impl Listeners {
    pub(super) fn new() -> Result<Self, Error> {
        let event = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(cannot_wait)?;
        Ok(Self { queue: Mutex::default(), event, cannot: CannotAccept::new() })
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Arc<Bound>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Readable while a connection waits.
    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// The next connection that waits, taking the listeners in turn.
    pub(super) fn accept(&self) -> Accepted<Arc<Socket>> {
        let (mut queue, mut nothing) = (self.queue(), Accepted::None);
        for _ in 0..queue.len() {
            queue.rotate_left(1);
            let Some(bound) = queue.front() else { break };
            match Socket::accept(bound.listener()) {
                Ok(socket) => return Accepted::One(Arc::new(socket)),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock || has_given_up(&cause) => {}
                Err(cause) => {
                    self.cannot.say(bound.listener(), &cause);
                    nothing = Accepted::Cannot;
                }
            }
        }
        nothing
    }
}

fn cannot_wait(cause: Errno) -> Error {
    Error::failed(format!("cannot wait for connections: {cause}"))
}

impl Accepts for Listeners {
    fn begin(&self, bound: &Arc<Bound>) -> Result<(), Error> {
        let (data, flags) = (epoll::EventData::new_u64(0), epoll::EventFlags::IN);
        epoll::add(&self.event, bound.listener().as_fd(), data, flags).map_err(cannot_wait)?;
        self.queue().push_back(bound.clone());
        Ok(())
    }

    fn end(&self, bound: &Arc<Bound>) {
        // By hand: what is waited for is the socket, which stays open while another process has it.
        let _ = epoll::delete(&self.event, bound.listener().as_fd());
        self.queue().retain(|known| !Arc::ptr_eq(known, bound));
    }
}
