//! What a process died of.

use std::array;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

/// So many words of the stack are kept: what leads from `abort` back to whoever called it is within them, also through the runtime
/// of C++.
pub(crate) const STACK_WORDS: usize = 1024;

/// Written by a signal handler, with stores alone.
#[repr(C)]
pub(crate) struct CrashRecord {
    /// 0: nothing yet, 1: it is being written, 2: written.
    state: AtomicU32,
    signal: AtomicI32,
    code: AtomicI32,
    thread: AtomicU32,
    pid: AtomicU32,
    generation: AtomicU32,
    address: AtomicU64,
    instruction: AtomicU64,
    stack: AtomicU64,
    origin: AtomicU64,
    words: [AtomicU64; STACK_WORDS],
}

/// A crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Crashed {
    /// The signal.
    pub(crate) signal: i32,
    /// Its `si_code`.
    pub(crate) code: i32,
    /// The process, which may be one that the worker forked.
    pub(crate) pid: u32,
    /// The thread.
    pub(crate) thread: u32,
    /// What was accessed, for signals that have an address; for one that was sent, the process that sent it.
    pub(crate) address: u64,
    /// Where in the code.
    pub(crate) instruction: u64,
    /// The stack pointer.
    pub(crate) stack: u64,
    /// The generation whose life the thread was in, as its number on the board plus one; 0: none.
    pub(crate) generation: u32,
    /// An address of the library that started the thread; 0: it is the host's.
    pub(crate) origin: u64,
}

const WRITING: u32 = 1;
const WRITTEN: u32 = 2;

impl CrashRecord {
    /// Takes the record, for a crash of that process: the first one gets it, and of two at once, one. What a process that the worker
    /// forked has left gives way to the worker's own. For signal handlers.
    pub(crate) fn claim(&self, pid: u32, worker: u32) -> bool {
        let take =
            |from| self.state.compare_exchange(from, WRITING, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        take(0) || pid == worker && self.pid.load(Ordering::Relaxed) != worker && take(WRITTEN)
    }

    /// Writes a crash to the record that was claimed for it. `copy_stack` copies the top of the stack to where it is told.
    pub(crate) fn write(&self, crashed: Crashed, copy_stack: impl FnOnce(&[AtomicU64])) {
        self.signal.store(crashed.signal, Ordering::Relaxed);
        self.code.store(crashed.code, Ordering::Relaxed);
        self.pid.store(crashed.pid, Ordering::Relaxed);
        self.thread.store(crashed.thread, Ordering::Relaxed);
        self.generation.store(crashed.generation, Ordering::Relaxed);
        self.address.store(crashed.address, Ordering::Relaxed);
        self.instruction.store(crashed.instruction, Ordering::Relaxed);
        self.stack.store(crashed.stack, Ordering::Relaxed);
        self.origin.store(crashed.origin, Ordering::Relaxed);
        copy_stack(&self.words);
        self.state.store(WRITTEN, Ordering::Release);
    }

    /// Whether another thread is writing at this moment.
    pub(crate) fn is_being_written(&self) -> bool {
        self.state.load(Ordering::Acquire) == WRITING
    }

    pub(super) fn read(&self) -> Option<Crashed> {
        (self.state.load(Ordering::Acquire) == WRITTEN).then(|| Crashed {
            signal: self.signal.load(Ordering::Relaxed),
            code: self.code.load(Ordering::Relaxed),
            pid: self.pid.load(Ordering::Relaxed),
            thread: self.thread.load(Ordering::Relaxed),
            generation: self.generation.load(Ordering::Relaxed),
            address: self.address.load(Ordering::Relaxed),
            instruction: self.instruction.load(Ordering::Relaxed),
            stack: self.stack.load(Ordering::Relaxed),
            origin: self.origin.load(Ordering::Relaxed),
        })
    }

    /// The top of the stack, the innermost word first; zeros where it could not be read.
    pub(super) fn words(&self) -> [u64; STACK_WORDS] {
        array::from_fn(|index| self.words[index].load(Ordering::Relaxed))
    }

    /// Makes room for another one: of a process that was forked, and is not this one.
    pub(super) fn clear(&self) {
        self.words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.state.store(0, Ordering::Release);
    }
}
