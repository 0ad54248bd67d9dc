//! The worker's end of the channel where there is no other thread: a process that forks must have none. Whoever serves reads it.

use super::message::ToWorker;
use super::wire::Reader;
use crate::error::Error;
use std::collections::VecDeque;
use std::io::Read;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

type Heard = (ToWorker, Option<OwnedFd>);

/// See the module.
pub(super) struct Alone {
    socket: Arc<UnixStream>,
    reader: Mutex<Reader>,
    /// What came while an answer was waited for.
    later: Mutex<VecDeque<Heard>>,
    /// Readable when a signal came.
    signals: UnixStream,
    is_let_go: AtomicBool,
}

impl Alone {
    pub(super) fn new(socket: Arc<UnixStream>, reader: Reader, signals: UnixStream) -> Self {
        let is_let_go = AtomicBool::new(false);
        Self { socket, reader: Mutex::new(reader), later: Mutex::default(), signals, is_let_go }
    }

    fn later(&self) -> MutexGuard<'_, VecDeque<Heard>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn events(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.socket.as_fd(), self.signals.as_fd()]
    }

    pub(super) fn clear_signals(&self) {
        while matches!((&self.signals).read(&mut [0; 64]), Ok(1..)) {}
    }

    /// What was said and is not done yet. The process ends with the channel.
    pub(super) fn next(&self) -> Option<Heard> {
        if self.is_let_go.load(Ordering::SeqCst) {
            return None;
        }
        if let Some(heard) = self.later().pop_front() {
            return Some(heard);
        }
        match self.reader().next_here() {
            Ok(heard) => heard,
            Err(_) => signal_hook::low_level::exit(1),
        }
    }

    /// Waits for the answer of that number. What else comes is for later.
    pub(super) fn answer_to(&self, listen: u64, until: Instant) -> Result<Heard, Error> {
        loop {
            let heard = self.reader().next_until(Some(until))?;
            let heard = heard.ok_or_else(|| Error::failed("the supervisor ended"))?;
            match &heard.0 {
                ToWorker::Listener { listen: Some(number), .. }
                | ToWorker::NotBound { listen: number, .. }
                    if *number == listen =>
                {
                    return Ok(heard);
                }
                _ => self.later().push_back(heard),
            }
        }
    }

    /// Whether this process may say anything.
    pub(super) fn is_let_go(&self) -> bool {
        self.is_let_go.load(Ordering::SeqCst)
    }

    /// In a child: the channel is its parent's.
    pub(super) fn let_go(&self) {
        self.is_let_go.store(true, Ordering::SeqCst);
        put_nothing_at(&*self.socket);
        put_nothing_at(&self.signals);
    }
}

/// Closes a descriptor that is open in the parent, too, and cannot be used by mistake any more: its number is that of an end of
/// a pair that is closed.
#[allow(unsafe_code, reason = "dup2 to a descriptor that others own")]
fn put_nothing_at(descriptor: &impl AsRawFd) {
    let Ok((one, _)) = UnixStream::pair() else { return };
    let _ = one.shutdown(Shutdown::Both);
    // SAFETY: both are open sockets of this process, and whoever has the second one goes on owning its number.
    unsafe { libc::dup3(one.as_raw_fd(), descriptor.as_raw_fd(), libc::O_CLOEXEC) };
}
