//! All the listeners of a server whose threads accept for themselves, whenever they have nothing else to do.

use super::listening::{Accepts, Bound};
use super::socket::Socket;
use crate::error::Error;
use rustix::event::epoll;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module.
pub(super) struct Listeners {
    /// The next one to look at is the first.
    queue: Mutex<VecDeque<Arc<Bound>>>,
    /// Readable while a connection waits at any of them.
    event: OwnedFd,
}

impl Listeners {
    pub(super) fn new() -> Result<Self, Error> {
        let event = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(cannot_wait)?;
        Ok(Self { queue: Mutex::default(), event })
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Arc<Bound>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Readable while a connection waits.
    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// The next connection that waits, taking the listeners in turn.
    pub(super) fn accept(&self) -> Option<Arc<Socket>> {
        let mut queue = self.queue();
        for _ in 0..queue.len() {
            queue.rotate_left(1);
            match Socket::accept(queue.front()?.listener()) {
                Ok(socket) => return Some(Arc::new(socket)),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
                Err(cause) => tracing::error!("cannot accept a connection: {cause}"),
            }
        }
        None
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
