//! What actix does not watch of a connection.
//!
//! actix-http has a deadline for the first head of a connection and one for a quiet connection between two requests, but
//! none for a later head that drips in: its first byte ends the one, and the other is never set again. And it waits for
//! ever for a client that does not read, or that never ends a body which nobody wants. Here a task on each worker ends
//! such connections.
#![allow(unsafe_code, reason = "a connection is known to the watching task by the number of its descriptor")]

use super::service::Shared;
use crate::server::clock::coarse_ms;
use crate::spec::Timeouts;
use actix_http::Extensions;
use actix_rt::net::{TcpStream, UnixStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::Shutdown;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How long a client that was refused may go on sending, so that it reads the answer before the connection is reset.
const LINGER: Duration = Duration::from_secs(1);

/// How often the task looks.
const TICK: Duration = Duration::from_millis(250);

thread_local! {
    /// The connections of this worker; none before its task runs.
    static CONNECTIONS: RefCell<Option<Vec<Weak<Guard>>>> = const { RefCell::new(None) };
}

/// What one connection is at. Owned by the connection's extensions, which its requests share.
pub(super) struct Guard {
    pub(super) fd: RawFd,
    timeouts: Timeouts,
    /// When the connection is ended, unless something happens before.
    due_ms: Cell<Option<u64>>,
}

impl Guard {
    /// A request is here: its own deadlines count.
    pub(super) fn busy(&self) {
        self.due_ms.set(None);
    }

    /// A part of an answer goes out; the next one is asked for when the client has read enough.
    pub(super) fn writing(&self) {
        self.end_after(self.timeouts.write);
    }

    /// The answer was handed over, and the next head may come.
    pub(super) fn quiet(&self) {
        let (head, keep_alive) = (self.timeouts.head, self.timeouts.keep_alive);
        self.end_after(head.and_then(|head| head.checked_add(keep_alive?)));
    }

    /// The client was refused, and nothing more is expected of it.
    pub(super) fn refused(&self) {
        self.end_after(Some(LINGER));
    }

    /// Whether the client has sent its last: it is gone, or has half closed. Nobody waits for it then. actix polls what is
    /// pending when that happens.
    pub(super) fn has_left(&self) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(self.descriptor(), PollFlags::RDHUP)];
        matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
    }

    /// Whether bytes wait to be read.
    fn has_sent(&self) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(self.descriptor(), PollFlags::IN)];
        let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        matches!(ready, Ok(1)) && !self.has_left()
    }

    /// Ends the connection.
    pub(super) fn end(&self) {
        let _ = rustix::net::shutdown(self.descriptor(), Shutdown::Both);
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: the guard belongs to the extensions of the connection, which its worker drops together with the socket
        // in one go; all that has a guard runs on that worker, so while it is there the descriptor is the connection's.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }

    fn end_after(&self, time: Option<Duration>) {
        self.due_ms.set(time.map(|time| coarse_ms().saturating_add(time.as_millis() as u64)));
    }

    fn is_late(&self) -> bool {
        self.due_ms.get().is_some_and(|due| due <= coarse_ms())
    }
}

/// Called by actix for each connection, on the worker that serves it.
pub(super) fn begin(shared: &Shared, io: &dyn Any, extensions: &mut Extensions) {
    let timeouts = shared.serving.service.timeouts;
    let fd = if let Some(stream) = io.downcast_ref::<TcpStream>() {
        let _ = stream.set_nodelay(true);
        stream.as_raw_fd()
    } else if let Some(stream) = io.downcast_ref::<UnixStream>() {
        stream.as_raw_fd()
    } else {
        return;
    };
    let guard = Rc::new(Guard { fd, timeouts, due_ms: Cell::new(None) });
    guard.quiet();
    watch(Rc::downgrade(&guard));
    extensions.insert(guard);
}

fn watch(guard: Weak<Guard>) {
    CONNECTIONS.with_borrow_mut(|connections| {
        if connections.is_none() {
            actix_rt::spawn(look_again_and_again());
        }
        connections.get_or_insert_default().push(guard);
    });
}

async fn look_again_and_again() {
    loop {
        actix_rt::time::sleep(TICK).await;
        CONNECTIONS.with_borrow_mut(|connections| {
            if let Some(connections) = connections {
                connections.retain(|guard| guard.upgrade().is_some_and(|guard| look(&guard)));
            }
        });
    }
}

/// Ends a connection that is late; true if it is to be looked at again.
fn look(guard: &Guard) -> bool {
    // What the client sent in time may lie unread, because a handler kept the worker from reading it.
    if !guard.is_late() || guard.has_sent() {
        return true;
    }
    guard.end();
    false
}
