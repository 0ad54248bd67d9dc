//! The signal handler. All of it is stores, and calls that POSIX lets a handler make.
#![allow(unsafe_code, reason = "sigaction, and what the kernel hands to a signal handler")]

use super::whose;
use crate::error::Error;
use crate::scoreboard::{Claim, CrashRecord, CrashRecords, Crashed, Crashing, STACK_WORDS};
use libc::{c_int, c_void, iovec, siginfo_t, ucontext_t};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

/// The signals that say that code has gone wrong, and end a process with a core dump.
const SIGNALS: [c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGTRAP, libc::SIGSYS];

/// Where what is seen is written, and the process that said so: others are its children.
static RECORDS: OnceLock<(&'static CrashRecords, u32)> = OnceLock::new();

/// How often, and how long each time, a thread that crashes waits for another one that is writing.
const WAITS: (u32, c_int) = (100, 1);

/// A crash of this process, and of those that it forks, is written there from now on. To be called once, after the standard library has set up what it does
/// about stack overflows (that is before `main`): its threads keep their second stacks, and its message is the supervisor's to give.
pub(crate) fn watch(records: &'static CrashRecords) -> Result<(), Error> {
    if RECORDS.set((records, std::process::id())).is_err() {
        return Ok(());
    }
    SIGNALS.iter().try_for_each(|signal| install(*signal))
}

fn install(signal: c_int) -> Result<(), Error> {
    let handle: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = handle;
    set_action(signal, handle as *const () as libc::sighandler_t, libc::SA_SIGINFO | libc::SA_ONSTACK)
        .map_err(|cause| Error::failed(format!("cannot watch for crashes: {cause}")))
}

fn set_action(signal: c_int, action: libc::sighandler_t, flags: c_int) -> std::io::Result<()> {
    let mut new = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeros is a value of it: the system's own action, no flag, no signal in the mask.
    let new = unsafe { new.assume_init_mut() };
    (new.sa_sigaction, new.sa_flags) = (action, flags);
    // SAFETY: the handler is one for the flags, or the system's own action; it is in the executable, which stays.
    match unsafe { libc::sigaction(signal, &raw const *new, null_mut()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Writes the crash down, puts the system's own action back, and has the signal come again.
extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some((records, worker)) = RECORDS.get() else { return };
    // SAFETY: the kernel's, for this call.
    let info = unsafe { &*info };
    match whose_crash(*worker).map(|who| records.claim(std::process::id(), who)) {
        Some(Claim::Yours(record)) => write(record, signal, info, context),
        Some(Claim::Anothers(record)) => wait_for(record),
        Some(Claim::Full) | None => {}
    }
    let _ = set_action(signal, libc::SIG_DFL, 0);
    // What was no fault of an instruction does not come again by itself. It is blocked until this returns.
    if info.si_code <= 0 || signal == libc::SIGTRAP || signal == libc::SIGSYS {
        // SAFETY: a signal to this thread, with its default action.
        unsafe { libc::raise(signal) };
    }
}

/// None: it is a process that a plugin forked in one of those, and nobody would read what it writes.
fn whose_crash(worker: u32) -> Option<Crashing> {
    match (std::process::id(), std::os::unix::process::parent_id()) {
        (pid, _) if pid == worker => Some(Crashing::Worker),
        (_, parent) if parent == worker => Some(Crashing::Child),
        _ => None,
    }
}

fn write(record: &CrashRecord, signal: c_int, info: &siginfo_t, context: *const c_void) {
    // SAFETY: with SA_SIGINFO the third argument of a handler is one, and the kernel's for this call.
    let (instruction, stack) = registers(unsafe { &*context.cast::<ucontext_t>() });
    let crashed = Crashed {
        signal,
        code: info.si_code,
        pid: std::process::id(),
        thread: thread(),
        address: address(info),
        instruction,
        stack,
        generation: whose::life(),
        origin: whose::origin() as u64,
    };
    record.write(crashed, |words| copy_stack(stack, words));
}

/// Another thread crashed first: what it is writing is not to be cut off by the end that is this thread's to bring about.
fn wait_for(record: &CrashRecord) {
    for _ in 0..WAITS.0 {
        if record.is_written() {
            return;
        }
        // SAFETY: waits, and looks at nothing.
        unsafe { libc::poll(null_mut(), 0, WAITS.1) };
    }
}

fn thread() -> u32 {
    // SAFETY: always succeeds, and touches no memory.
    unsafe { libc::gettid() }.cast_unsigned()
}

/// What was accessed; who sent it, where it was sent.
fn address(info: &siginfo_t) -> u64 {
    if info.si_code > 0 {
        // SAFETY: reads a part of the kernel's memory that every signal has; it is an address for those of the table.
        unsafe { info.si_addr() as u64 }
    } else {
        // SAFETY: as above; signals that were sent have the number of a process there.
        u64::from(unsafe { info.si_pid() }.cast_unsigned())
    }
}

/// By the kernel, who looks what is there: a stack pointer may be anything by now, and reading past the end of the stack would be
/// another crash. Where that call is forbidden, the words stay zeros.
fn copy_stack(from: u64, to: &[AtomicU64]) {
    debug_assert_eq!(to.len(), STACK_WORDS);
    let bytes = size_of_val(to);
    let local = iovec { iov_base: to.as_ptr().cast_mut().cast(), iov_len: bytes };
    // A part that ends with a page each: what is there is copied up to the first one that is not.
    let parts = parts(from as usize, bytes);
    let own = std::process::id().cast_signed();
    // SAFETY: writes to atomics, which nobody reads before they are said to be written, and reads whatever there is.
    unsafe { libc::process_vm_readv(own, &raw const local, 1, parts.as_ptr(), PARTS as u64, 0) };
}

const PAGE_BYTES: usize = 4096;
/// Pages that so many bytes can touch.
const PARTS: usize = STACK_WORDS * size_of::<u64>() / PAGE_BYTES + 1;

fn parts(from: usize, bytes: usize) -> [iovec; PARTS] {
    let (mut at, end) = (from, from.saturating_add(bytes));
    std::array::from_fn(|_| {
        let page_end = at.saturating_add(1).checked_next_multiple_of(PAGE_BYTES);
        let until = page_end.map_or(end, |page_end| page_end.min(end));
        let part = iovec { iov_base: std::ptr::without_provenance_mut(at), iov_len: until - at };
        at = until;
        part
    })
}

/// The instruction and the stack pointer.
#[cfg(target_arch = "x86_64")]
fn registers(context: &ucontext_t) -> (u64, u64) {
    let register = |name: c_int| context.uc_mcontext.gregs[name as usize].cast_unsigned();
    (register(libc::REG_RIP), register(libc::REG_RSP))
}

#[cfg(target_arch = "aarch64")]
fn registers(context: &ucontext_t) -> (u64, u64) {
    (context.uc_mcontext.pc, context.uc_mcontext.sp)
}

/// Elsewhere only the request of the thread says whose it was.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn registers(_: &ucontext_t) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn the_stack_is_copied_as_far_as_there_is_one() {
        let words: Vec<AtomicU64> = (0..STACK_WORDS).map(|_| AtomicU64::new(0)).collect();
        let stack: Vec<u64> = (1..=STACK_WORDS as u64).collect();
        copy_stack(stack.as_ptr() as u64, &words);
        assert!(words.iter().zip(&stack).all(|(word, want)| word.load(Ordering::Relaxed) == *want));

        // A page, and nothing behind it.
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new memory.
        let pages = unsafe { libc::mmap(null_mut(), 2 * PAGE_BYTES, protection, flags, -1, 0) };
        assert_ne!(pages, libc::MAP_FAILED);
        // SAFETY: the second page of the two.
        let code = unsafe { libc::munmap(pages.wrapping_byte_add(PAGE_BYTES), PAGE_BYTES) };
        assert_eq!(code, 0);
        let last = pages.wrapping_byte_add(PAGE_BYTES - 8).cast::<u64>();
        // SAFETY: the last word of the page that is there.
        unsafe { last.write(7) };
        copy_stack(last as u64, &words);
        assert_eq!([0, 1].map(|index| words[index].load(Ordering::Relaxed)), [7, 2], "the rest stays");
        copy_stack(3, &words);
        assert_eq!(words[0].load(Ordering::Relaxed), 7, "nothing is there");
    }

    #[test]
    fn the_table_has_the_signals_that_end_a_process_with_a_core_dump_for_its_own_fault() {
        let named = SIGNALS.map(|signal| signal_hook::low_level::signal_name(signal).unwrap_or("?"));
        assert_eq!(named, ["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"]);
    }
}
