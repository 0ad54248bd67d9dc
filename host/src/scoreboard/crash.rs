//! What processes died of: the worker, and those that it forked.

use std::array;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

/// So many words of the stack are kept: what leads from `abort` back to whoever called it is within them, also through the runtime
/// of C++.
pub(crate) const STACK_WORDS: usize = 1024;

/// So many processes that a worker forked can have crashed until the supervisor has read what they wrote down.
pub(super) const CHILDREN: usize = 128;

/// All records of a board.
#[repr(C)]
pub(crate) struct CrashRecords {
    worker: CrashRecord,
    children: [CrashRecord; CHILDREN],
}

/// Written by a signal handler, with stores alone.
#[repr(C)]
pub(crate) struct CrashRecord {
    /// The process that has it; 0: none.
    pid: AtomicU32,
    /// 0: it is being written, 1: written.
    is_written: AtomicU32,
    signal: AtomicI32,
    code: AtomicI32,
    thread: AtomicU32,
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

/// Whose crash it is, for the place where it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crashing {
    /// The worker's own.
    Worker,
    /// A process's that the worker forked.
    Child,
}

/// What became of the wish to write a crash down.
pub(crate) enum Claim<'r> {
    /// It is for the caller to write.
    Yours(&'r CrashRecord),
    /// Another thread of the same process crashed first.
    Anothers(&'r CrashRecord),
    /// There is no room.
    Full,
}

impl CrashRecords {
    /// A record for a crash of that process. Of two threads one gets it, but for the moment that both look: then both do, and the
    /// first of their records counts. For signal handlers.
    pub(crate) fn claim(&self, pid: u32, who: Crashing) -> Claim<'_> {
        let records = match who {
            Crashing::Worker => std::slice::from_ref(&self.worker),
            Crashing::Child => &self.children,
        };
        if let Some(record) = records.iter().find(|record| record.is_of(pid)) {
            return Claim::Anothers(record);
        }
        match records.iter().find(|record| record.take(pid)) {
            Some(record) => Claim::Yours(record),
            None => records.iter().find(|record| record.is_of(pid)).map_or(Claim::Full, Claim::Anothers),
        }
    }

    fn all(&self) -> impl Iterator<Item = &CrashRecord> {
        std::iter::once(&self.worker).chain(&self.children)
    }

    /// What that process wrote down.
    pub(super) fn of(&self, pid: u32) -> Option<&CrashRecord> {
        self.all().find(|record| record.is_of(pid) && record.is_written())
    }

    /// That process has ended, and what it wrote down was read, if it wrote anything.
    pub(super) fn forget(&self, pid: u32) {
        self.all().filter(|record| record.is_of(pid)).for_each(CrashRecord::clear);
    }
}

impl CrashRecord {
    fn is_of(&self, pid: u32) -> bool {
        self.pid.load(Ordering::Acquire) == pid
    }

    fn take(&self, pid: u32) -> bool {
        self.pid.compare_exchange(0, pid, Ordering::AcqRel, Ordering::Relaxed).is_ok()
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
        self.is_written.store(1, Ordering::Release);
    }

    /// Whether all of it is there.
    pub(crate) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Acquire) != 0
    }

    pub(super) fn read(&self) -> Crashed {
        Crashed {
            signal: self.signal.load(Ordering::Relaxed),
            code: self.code.load(Ordering::Relaxed),
            pid: self.pid.load(Ordering::Relaxed),
            thread: self.thread.load(Ordering::Relaxed),
            generation: self.generation.load(Ordering::Relaxed),
            address: self.address.load(Ordering::Relaxed),
            instruction: self.instruction.load(Ordering::Relaxed),
            stack: self.stack.load(Ordering::Relaxed),
            origin: self.origin.load(Ordering::Relaxed),
        }
    }

    /// The top of the stack, the innermost word first; zeros where it could not be read.
    pub(super) fn words(&self) -> [u64; STACK_WORDS] {
        array::from_fn(|index| self.words[index].load(Ordering::Relaxed))
    }

    /// Makes room for another one.
    fn clear(&self) {
        self.words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.is_written.store(0, Ordering::Relaxed);
        self.pid.store(0, Ordering::Release);
    }
}
