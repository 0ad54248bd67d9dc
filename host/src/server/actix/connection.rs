//! What actix does not watch of a connection.
//!
//! actix-http has a deadline for the first head of a connection and one for a quiet connection between two requests, but
//! none for a later head that drips in: its first byte ends the one, and the other is never set again. And it waits for
//! ever for a client that does not read, or that never ends a body which nobody wants. Here a task on each worker ends
//! such connections.
#![allow(unsafe_code, reason = "a connection is known to the watching task by the number of its descriptor")]

use crate::clock::coarse_ms;
use crate::spec::Timeouts;
use crate::stop::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::Shutdown;
use std::cell::{Cell, RefCell};
use std::os::fd::{BorrowedFd, RawFd};
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

/// What one connection is at. The connection has it, and its requests do.
pub(super) struct Guard {
    /// None once the connection has ended.
    fd: Cell<Option<RawFd>>,
    timeouts: Timeouts,
    stop: Stop,
    at: Cell<At>,
    /// When the connection is ended, unless something happens before.
    due_ms: Cell<Option<u64>>,
}

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing of a request is here.
    Quiet,
    /// A part of a request is.
    Receiving,
    /// A request is being answered.
    Busy,
    /// Nothing more is read: what is here is answered, and that is all.
    LetGo,
}

impl Guard {
    /// A connection begins.
    pub(super) fn begin(fd: RawFd, timeouts: Timeouts, stop: &Stop) -> Rc<Self> {
        let (fd, at, due_ms) = (Cell::new(Some(fd)), Cell::new(At::Quiet), Cell::new(None));
        let guard = Rc::new(Self { fd, timeouts, stop: stop.clone(), at, due_ms });
        guard.quiet();
        watch(Rc::downgrade(&guard));
        guard
    }

    /// The connection is about to be closed.
    pub(super) fn has_ended(&self) {
        self.fd.set(None);
    }

    /// The number of its descriptor, for the length of a call to a handler.
    pub(super) fn fd(&self) -> Option<RawFd> {
        self.fd.get()
    }

    /// Bytes came.
    pub(super) fn receiving(&self) {
        if self.at.get() == At::Quiet {
            self.at.set(At::Receiving);
        }
    }

    /// A request is here: its own deadlines count.
    pub(super) fn busy(&self) {
        self.now_at(At::Busy);
        self.due_ms.set(None);
    }

    /// A part of an answer goes out; the next one is asked for when the client has read enough.
    pub(super) fn writing(&self) {
        self.end_after(self.timeouts.write);
    }

    /// The answer was handed over, and the next head may come.
    pub(super) fn quiet(&self) {
        self.now_at(At::Quiet);
        if self.stop.is_requested() {
            self.let_go();
        }
        let (head, keep_alive) = (self.timeouts.head, self.timeouts.keep_alive);
        self.end_after(head.and_then(|head| head.checked_add(keep_alive?)));
    }

    /// The client was refused, and nothing more is expected of it.
    pub(super) fn refused(&self) {
        self.end_after(Some(LINGER));
    }

    fn now_at(&self, at: At) {
        if self.at.get() != At::LetGo {
            self.at.set(at);
        }
    }

    /// Whether the client has sent its last: it is gone, or has half closed. Nobody waits for it then. actix polls what is
    /// pending when that happens.
    pub(super) fn has_left(&self) -> bool {
        self.at.get() != At::LetGo && self.polls(PollFlags::RDHUP)
    }

    /// Whether bytes wait to be read.
    fn has_sent(&self) -> bool {
        self.polls(PollFlags::IN) && !self.polls(PollFlags::RDHUP)
    }

    fn polls(&self, flags: PollFlags) -> bool {
        let Some(fd) = self.descriptor() else { return false };
        let mut fds = [PollFd::from_borrowed_fd(fd, flags)];
        matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
    }

    /// Ends the connection.
    pub(super) fn end(&self) {
        self.shut_down(Shutdown::Both);
    }

    /// Ends the connection, unless something has come meanwhile: who has asked is answered, whoever asks later sees the end.
    fn let_go(&self) {
        if !self.has_sent() {
            self.at.set(At::LetGo);
            self.shut_down(Shutdown::Read);
        }
    }

    fn shut_down(&self, how: Shutdown) {
        if let Some(fd) = self.descriptor() {
            let _ = rustix::net::shutdown(fd, how);
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: the connection takes the number back before it closes the descriptor, and all that has a guard runs on the
        // thread of its connection: while this borrows, the descriptor is open and the connection's.
        self.fd.get().map(|fd| unsafe { BorrowedFd::borrow_raw(fd) })
    }

    fn end_after(&self, time: Option<Duration>) {
        self.due_ms.set(time.map(|time| coarse_ms().saturating_add(time.as_millis() as u64)));
    }

    fn is_late(&self) -> bool {
        self.due_ms.get().is_some_and(|due| due <= coarse_ms())
    }
}

fn watch(guard: Weak<Guard>) {
    CONNECTIONS.with_borrow_mut(|connections| {
        if connections.is_none() {
            actix_web::rt::spawn(look_again_and_again());
        }
        connections.get_or_insert_default().push(guard);
    });
}

/// The server stops: connections of this worker on which nothing happens end.
pub(super) fn let_go_of_quiet_ones() {
    CONNECTIONS.with_borrow(|connections| {
        let guards = connections.iter().flatten().filter_map(Weak::upgrade);
        guards.filter(|guard| guard.at.get() == At::Quiet).for_each(|guard| guard.let_go());
    });
}

async fn look_again_and_again() {
    loop {
        actix_web::rt::time::sleep(TICK).await;
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
