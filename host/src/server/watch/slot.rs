//! What one thread that calls handlers is at.
#![allow(unsafe_code, reason = "a slot points to the route that its thread is calling")]

use super::stuck::Crew;
use crate::clock::coarse_ms;
use crate::request_id;
use crate::server::socket::Socket;
use crate::table::Route;
use std::io::IoSlice;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// How far the owner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// In no handler.
    Idle,
    /// In a handler.
    Calling,
    /// The watcher looks: the owner waits with leaving, so that what the slot points to stays.
    Looking,
    /// In a handler that is late: the watcher answered in its place.
    Cut,
}

const IDLE: u8 = Stage::Idle as u8;
const CALLING: u8 = Stage::Calling as u8;
const CUT: u8 = Stage::Cut as u8;

const LATE_HEAD: &str = "HTTP/1.1 504 Gateway Timeout\r\ncontent-type: text/plain; charset=utf-8\r\n\
content-length: 55\r\nconnection: close\r\n";
const LATE_BODY: &str = "\r\n504 Gateway Timeout\nthe handler did not answer in time\n";

/// See the module.
pub(in crate::server) struct Slot {
    stage: AtomicU8,
    since_ms: AtomicU64,
    route: AtomicPtr<Route>,
    /// The number in the id of the request; 0: it has none.
    number: AtomicU64,
    /// The connection of this call, where it is another one each time; -1: none.
    fd: AtomicI32,
    /// Where a late answer goes; none: the client is cut off without one.
    socket: Option<Arc<Socket>>,
    /// A part of the answer went out: there can be no other.
    has_begun: AtomicBool,
    pub(super) crew: Crew,
}

/// A handler returned after its client was cut off.
pub(in crate::server) struct TooLate;

impl Slot {
    pub(super) fn new(crew: Crew, socket: Option<Arc<Socket>>) -> Self {
        Self {
            stage: AtomicU8::new(IDLE),
            since_ms: AtomicU64::new(0),
            route: AtomicPtr::new(null_mut()),
            number: AtomicU64::new(0),
            fd: AtomicI32::new(-1),
            socket,
            has_begun: AtomicBool::new(false),
            crew,
        }
    }

    /// Says whether a part of the answer went out, and more of it is asked for.
    pub(in crate::server) fn answer_has_begun(&self, has_begun: bool) {
        self.has_begun.store(has_begun, Ordering::Relaxed);
    }

    /// Says which request the next call is for.
    pub(in crate::server) fn is_for(&self, number: u64) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// The id of the request that is called for; to be asked while it is looked at.
    pub(super) fn id(&self) -> Option<request_id::Text> {
        let number = Some(self.number.load(Ordering::Relaxed)).filter(|number| *number != 0);
        number.map(|number| request_id::text(request_id::process(), number))
    }

    /// As `enter`, for the connection with that descriptor, which is open until `leave`.
    pub(in crate::server) fn enter_on(&self, route: &Route, fd: Option<RawFd>) {
        self.fd.store(fd.unwrap_or(-1), Ordering::Relaxed);
        self.enter(route);
    }

    /// Says that a handler is called from here on.
    pub(in crate::server) fn enter(&self, route: &Route) {
        self.route.store(std::ptr::from_ref(route).cast_mut(), Ordering::Relaxed);
        self.since_ms.store(coarse_ms(), Ordering::Relaxed);
        self.stage.store(CALLING, Ordering::Release);
    }

    /// Says that the handler returned.
    pub(in crate::server) fn leave(&self) -> Result<(), TooLate> {
        loop {
            match self.stage.compare_exchange(CALLING, IDLE, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(CUT) if self.leave_late() => return Err(TooLate),
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    /// As `leave`, where it is not known how far the owner came.
    pub(in crate::server) fn leave_if_called(&self) -> Result<(), TooLate> {
        match self.stage.load(Ordering::Relaxed) {
            IDLE => Ok(()),
            _ => self.leave(),
        }
    }

    fn leave_late(&self) -> bool {
        self.stage.compare_exchange(CUT, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether its handler is late and has not returned.
    pub(in crate::server) fn is_stuck(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == CUT
    }

    /// Calls back with the route and the time since the call, if the owner is at that stage; the answer is its next one.
    pub(super) fn look(&self, at: Stage, then: impl FnOnce(&Route, Duration) -> Stage) {
        let (at, looking) = (at as u8, Stage::Looking as u8);
        if self.stage.compare_exchange(at, looking, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        let since = Duration::from_millis(coarse_ms().saturating_sub(self.since_ms.load(Ordering::Relaxed)));
        // SAFETY: the owner stored a route of the table that it holds, and does not leave the call while this looks.
        let next = match unsafe { self.route.load(Ordering::Relaxed).as_ref() } {
            Some(route) => then(route, since) as u8,
            None => at,
        };
        self.stage.store(next, Ordering::Release);
    }

    /// Answers the client in the owner's place, if that can be, and ends its connection. The answer has the request's id in
    /// the header of that name.
    pub(super) fn cut_off(&self, id_header: Option<&str>) {
        let Some(socket) = &self.socket else { return self.cut_off_descriptor() };
        if self.has_begun.load(Ordering::Relaxed) {
            return socket.shutdown(Shutdown::Both);
        }
        let id = id_header.zip(self.id()).map(|(name, id)| format!("{name}: {id}\r\n")).unwrap_or_default();
        let _ = socket.write(&[LATE_HEAD, &id, LATE_BODY].map(|part| IoSlice::new(part.as_bytes())));
        socket.shutdown(Shutdown::Write);
    }

    /// No answer here: what a server's own buffer holds for the connection may come before it.
    fn cut_off_descriptor(&self) {
        let fd = self.fd.load(Ordering::Relaxed);
        if fd >= 0 {
            // SAFETY: the owner is in the call while this looks, and keeps the connection open until it leaves.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            let _ = rustix::net::shutdown(fd, rustix::net::Shutdown::Both);
        }
    }

    /// Ends the connection that the owner has alone.
    pub(super) fn end(&self) {
        self.socket.iter().for_each(|socket| socket.shutdown(Shutdown::Both));
    }
}
