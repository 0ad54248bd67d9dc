//! Watching synchronous handlers: native code cannot be interrupted, but its client need not wait for ever.
//!
//! Each thread that calls handlers owns a slot and writes to it around a call, and nobody else does, unless the call takes
//! longer than its deadline. Then the watcher answers the client in its place, cuts the connection off, and says so.
#![allow(unsafe_code, reason = "a slot points to the route that its thread is calling")]

use super::clock::coarse_ms;
use super::socket::Socket;
use crate::table::Route;
use std::io::IoSlice;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nobody is in a handler.
const IDLE: u8 = 0;
/// The owner is in a handler.
const CALLING: u8 = 1;
/// The watcher looks: the owner waits with leaving, so that what the slot points to stays.
const LOOKING: u8 = 2;
/// The watcher answered in the owner's place.
const CUT: u8 = 3;

const LATE: &[u8] = b"HTTP/1.1 504 Gateway Timeout\r\ncontent-type: text/plain; charset=utf-8\r\n\
content-length: 55\r\nconnection: close\r\n\r\n504 Gateway Timeout\nthe handler did not answer in time\n";

/// How often the watcher looks, at most and at least.
const TICK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What one thread, or one connection, is at.
pub(super) struct Slot {
    state: AtomicU8,
    since_ms: AtomicU64,
    route: AtomicPtr<Route>,
    /// The connection of this call, where it is another one each time; -1: none.
    fd: AtomicI32,
    /// Where a late answer goes; none: the client is cut off without one.
    socket: Option<Arc<Socket>>,
    /// Whether the late answer may be written: nothing of this answer went out, and nothing of another waits to.
    quiet: bool,
}

/// A handler returned after its client was cut off.
pub(super) struct TooLate;

impl Slot {
    /// As `enter`, for the connection with that descriptor, which is open until `leave`.
    pub(super) fn enter_on(&self, route: &Route, fd: Option<RawFd>) {
        self.fd.store(fd.unwrap_or(-1), Ordering::Relaxed);
        self.enter(route);
    }

    /// Says that a handler is called from here on.
    pub(super) fn enter(&self, route: &Route) {
        self.route.store(std::ptr::from_ref(route).cast_mut(), Ordering::Relaxed);
        self.since_ms.store(coarse_ms(), Ordering::Relaxed);
        self.state.store(CALLING, Ordering::Release);
    }

    /// Says that the handler returned.
    pub(super) fn leave(&self) -> Result<(), TooLate> {
        loop {
            match self.state.compare_exchange(CALLING, IDLE, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(CUT) => {
                    self.state.store(IDLE, Ordering::Release);
                    return Err(TooLate);
                }
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    /// Calls back with the route and the time since the call, if a handler is being called; the answer is the next state.
    fn look(&self, then: impl FnOnce(&Route, Duration) -> u8) {
        if self.state.compare_exchange(CALLING, LOOKING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        let since = Duration::from_millis(coarse_ms().saturating_sub(self.since_ms.load(Ordering::Relaxed)));
        // SAFETY: the owner stored a route of the table that it holds, and does not leave the call while this looks.
        let next = match unsafe { self.route.load(Ordering::Relaxed).as_ref() } {
            Some(route) => then(route, since),
            None => CALLING,
        };
        self.state.store(next, Ordering::Release);
    }

    fn cut_off(&self) {
        let Some(socket) = &self.socket else { return self.cut_off_descriptor() };
        if self.quiet {
            let _ = socket.write(&[IoSlice::new(LATE)]);
        }
        socket.shutdown(if self.quiet { Shutdown::Write } else { Shutdown::Both });
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
}

/// All slots of a server.
#[derive(Clone)]
pub(super) struct Watch(Arc<Shared>);

struct Shared {
    slots: Mutex<Vec<Arc<Slot>>>,
    changed: Condvar,
    closed: AtomicBool,
}

impl Watch {
    /// Watches for handlers that take longer than `limit`; none: they may take for ever.
    pub(super) fn start(limit: Option<Duration>) -> Self {
        let shared = Arc::new(Shared {
            slots: Mutex::default(),
            changed: Condvar::new(),
            closed: AtomicBool::new(false),
        });
        if let Some(limit) = limit {
            let watched = shared.clone();
            // Without its thread late handlers are not cut off: better than no server.
            let _ = std::thread::Builder::new().name("watch".into()).spawn(move || watched.run(limit));
        }
        Self(shared)
    }

    /// A slot for a thread that answers on `socket` alone.
    pub(super) fn slot(&self, socket: Option<Arc<Socket>>, quiet: bool) -> Arc<Slot> {
        let slot = Arc::new(Slot {
            state: AtomicU8::new(IDLE),
            since_ms: AtomicU64::new(0),
            route: AtomicPtr::new(null_mut()),
            fd: AtomicI32::new(-1),
            socket,
            quiet,
        });
        self.0.lock().push(slot.clone());
        self.0.changed.notify_all();
        slot
    }

    /// Forgets a slot.
    pub(super) fn remove(&self, slot: &Arc<Slot>) {
        self.0.lock().retain(|known| !Arc::ptr_eq(known, slot));
        self.0.changed.notify_all();
    }

    /// Waits until every slot is gone; false when `deadline` comes first.
    pub(super) fn wait_empty(&self, deadline: Option<Duration>) -> bool {
        let until = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let mut slots = self.0.lock();
        while !slots.is_empty() {
            slots = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    self.0.changed.wait_timeout(slots, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.0.changed.wait(slots).unwrap_or_else(PoisonError::into_inner),
            };
        }
        true
    }

    /// Waits until there are fewer slots than `max`, or a moment has passed.
    pub(super) fn wait_below(&self, max: usize, moment: Duration) -> bool {
        let slots = self.0.lock();
        if slots.len() < max {
            return true;
        }
        let slots = self.0.changed.wait_timeout(slots, moment).unwrap_or_else(PoisonError::into_inner).0;
        slots.len() < max
    }

    /// Ends every connection, whatever it is at.
    pub(super) fn cut_all(&self) {
        for slot in self.0.lock().iter() {
            if let Some(socket) = &slot.socket {
                socket.shutdown(Shutdown::Both);
            }
        }
    }

    /// The handlers that are being called: how long already, and which.
    pub(super) fn in_handlers(&self) -> Vec<String> {
        let mut stuck = Vec::new();
        for slot in self.0.lock().iter() {
            slot.look(|route, since| {
                stuck.push(format!("{} for {}", name(route), crate::units::duration(since)));
                CALLING
            });
        }
        stuck
    }

    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, limit: Duration) {
        let tick = (limit / 8).clamp(TICK.0, TICK.1);
        while !self.closed.load(Ordering::Relaxed) {
            std::thread::park_timeout(tick);
            let slots: Vec<_> = self.lock().iter().cloned().collect();
            for slot in slots {
                slot.look(|route, since| if since < limit { CALLING } else { late(&slot, route, since) });
            }
        }
    }
}

fn late(slot: &Slot, route: &Route, since: Duration) -> u8 {
    let since = crate::units::duration(since);
    tracing::error!(
        plugin = route.plugin.name(),
        "handler of {} has not returned for {since}: its client was cut off, its thread is stuck until it returns",
        name(route)
    );
    slot.cut_off();
    CUT
}

fn name(route: &Route) -> String {
    let plugin = &route.plugin;
    format!("{} {} (plugin {} {})", route.method, route.rule, plugin.name(), plugin.manifest().version)
}
