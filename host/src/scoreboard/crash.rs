//! What a process died of.

use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

/// Written by a signal handler, with stores alone.
#[repr(C)]
pub(crate) struct CrashRecord {
    /// 0: nothing yet, 1: it is being written, 2: written.
    state: AtomicU32,
    signal: AtomicI32,
    code: AtomicI32,
    thread: AtomicU32,
    pid: AtomicU32,
    _reserved: AtomicU32,
    address: AtomicU64,
    instruction: AtomicU64,
}

/// A crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crashed {
    /// The signal.
    pub(crate) signal: i32,
    /// Its `si_code`.
    pub(crate) code: i32,
    /// The process, which may be one that the worker forked.
    pub(crate) pid: u32,
    /// The thread.
    pub(crate) thread: u32,
    /// What was accessed, for signals that have an address.
    pub(crate) address: u64,
    /// Where in the code.
    pub(crate) instruction: u64,
}

const WRITING: u32 = 1;
const WRITTEN: u32 = 2;

impl CrashRecord {
    /// Writes the first crash; of two at once, one. For signal handlers.
    pub(crate) fn write(&self, crashed: Crashed) -> bool {
        if self.state.compare_exchange(0, WRITING, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return false;
        }
        self.signal.store(crashed.signal, Ordering::Relaxed);
        self.code.store(crashed.code, Ordering::Relaxed);
        self.pid.store(crashed.pid, Ordering::Relaxed);
        self.thread.store(crashed.thread, Ordering::Relaxed);
        self.address.store(crashed.address, Ordering::Relaxed);
        self.instruction.store(crashed.instruction, Ordering::Relaxed);
        self.state.store(WRITTEN, Ordering::Release);
        true
    }

    pub(super) fn read(&self) -> Option<Crashed> {
        (self.state.load(Ordering::Acquire) == WRITTEN).then(|| Crashed {
            signal: self.signal.load(Ordering::Relaxed),
            code: self.code.load(Ordering::Relaxed),
            pid: self.pid.load(Ordering::Relaxed),
            thread: self.thread.load(Ordering::Relaxed),
            address: self.address.load(Ordering::Relaxed),
            instruction: self.instruction.load(Ordering::Relaxed),
        })
    }

    /// Makes room for another one: of a process that was forked, and is not this one.
    pub(super) fn clear(&self) {
        self.state.store(0, Ordering::Release);
    }
}
