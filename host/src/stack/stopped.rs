//! A thread that is stopped, for a moment.

use super::maps::{self, Mapping};
use super::why::why_not;
use crate::error::Error;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// How long a thread may take to stop: it has to be given a core first. One that waits for a disk cannot be stopped at all.
const STOP_MAX: Duration = Duration::from_secs(1);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_micros(200);
/// How much of a stack is copied: of one that is deeper the outermost calls are missing.
const STACK_BYTES_MAX: u64 = 1 << 20;
/// Below its end a function may have values that it needs.
const RED_ZONE: u64 = 128;

/// What a thread was at.
pub(super) struct Snapshot {
    pub(super) registers: Registers,
    stack_at: u64,
    stack: Vec<u8>,
}

/// Those that unwinding begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registers {
    pub(super) instruction: u64,
    pub(super) stack: u64,
    pub(super) frame: u64,
    /// Where the processor keeps it in a register.
    #[cfg(target_arch = "aarch64")]
    pub(super) link: u64,
}

impl Snapshot {
    /// Stops the thread, copies what it takes, and has it go on.
    ///
    /// # Errors
    /// The system does not let us, the thread has ended, or does not stop.
    pub(super) fn take(process: u32, thread: u32, mappings: &[Mapping]) -> Result<Self, Error> {
        let stopped = Stopped::stop(process, thread)?;
        let fail =
            |cause: String| Error::failed(format!("cannot read the stack of thread {thread}: {cause}"));
        let registers = ptrace::getregs(stopped.thread).map_err(|cause| fail(cause.to_string()))?;
        let registers = Registers::of(&registers);
        let Range { start: from, end: to } = part_of_stack(process, registers.stack, mappings);
        let mut stack = vec![0; (to - from) as usize];
        let memory = File::open(format!("/proc/{process}/mem")).map_err(|cause| fail(cause.to_string()))?;
        memory.read_exact_at(&mut stack, from).map_err(|cause| fail(cause.to_string()))?;
        Ok(Self { registers, stack_at: from, stack })
    }

    /// A word of the stack.
    pub(super) fn word(&self, address: u64) -> Result<u64, ()> {
        let at = usize::try_from(address.checked_sub(self.stack_at).ok_or(())?).map_err(drop)?;
        let bytes = self.stack.get(at..).and_then(|rest| rest.first_chunk()).ok_or(())?;
        Ok(u64::from_ne_bytes(*bytes))
    }
}

/// Which part of a stack is copied; nothing of one that is nowhere.
fn part_of_stack(process: u32, pointer: u64, mappings: &[Mapping]) -> Range<u64> {
    let is_it = |mapping: &&Mapping| mapping.range.contains(&pointer);
    let known = mappings.iter().find(is_it).map(|mapping| mapping.range.clone());
    // It may have grown since they were listed.
    let grown = || maps::mappings(process).ok()?.iter().find(is_it).map(|mapping| mapping.range.clone());
    let whole = known.or_else(grown).unwrap_or(pointer..pointer);
    let from = whole.start.max(pointer.saturating_sub(RED_ZONE));
    from..whole.end.min(from.saturating_add(STACK_BYTES_MAX))
}

#[cfg(target_arch = "x86_64")]
impl Registers {
    fn of(all: &nix::libc::user_regs_struct) -> Self {
        Self { instruction: all.rip, stack: all.rsp, frame: all.rbp }
    }
}

#[cfg(target_arch = "aarch64")]
impl Registers {
    fn of(all: &nix::libc::user_regs_struct) -> Self {
        Self { instruction: all.pc, stack: all.sp, frame: all.regs[29], link: all.regs[30] }
    }
}

/// Goes on when this is dropped. Should this process end before, the system has it go on, too.
struct Stopped {
    thread: Pid,
    /// Came just when it was to stop, and is handed on.
    signal: Option<Signal>,
}

impl Stopped {
    fn stop(process: u32, thread: u32) -> Result<Self, Error> {
        let pid = Pid::from_raw(thread.cast_signed());
        let fail = |cause: Errno| match cause {
            Errno::ESRCH => Error::failed(format!("thread {thread} has ended")),
            Errno::EPERM => why_not(process, thread),
            cause => Error::failed(format!("cannot stop thread {thread}: {cause}")),
        };
        ptrace::seize(pid, Options::empty()).map_err(fail)?;
        ptrace::interrupt(pid).map_err(fail)?;
        let until = Instant::now() + STOP_MAX;
        loop {
            match waitpid(pid, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)).map_err(fail)? {
                WaitStatus::StillAlive if Instant::now() < until => std::thread::sleep(LOOK),
                WaitStatus::StillAlive => {
                    let error =
                        format!("thread {thread} does not stop: it waits for the system, for a disk say");
                    return Err(Error::failed(error));
                }
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return Err(fail(Errno::ESRCH)),
                WaitStatus::Stopped(_, signal) => return Ok(Self { thread: pid, signal: Some(signal) }),
                _ => return Ok(Self { thread: pid, signal: None }),
            }
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = ptrace::detach(self.thread, self.signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(range: Range<u64>) -> Mapping {
        Mapping { range, offset: 0, is_code: false, inode: 0, path: String::new() }
    }

    #[test]
    fn so_much_of_a_stack_is_copied_and_nothing_around_it() {
        let mappings = [mapping(0x1000..0x2000), mapping(0x10_0000..0x90_0000)];
        let part = |pointer| part_of_stack(std::process::id(), pointer, &mappings);
        assert_eq!(part(0x1800), 0x1800 - RED_ZONE..0x2000);
        assert_eq!(part(0x1010), 0x1000..0x2000, "there is nothing below it");
        assert_eq!(part(0x20_0000), 0x20_0000 - RED_ZONE..0x30_0000 - RED_ZONE);
        assert_eq!(part(8), 8..8, "no stack is there");
        assert_eq!(part(u64::MAX), u64::MAX..u64::MAX, "nor there");
    }
}
