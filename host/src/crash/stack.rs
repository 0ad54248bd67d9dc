//! A second stack for each thread that a plugin starts: a handler for an overflow of the first one needs it.
#![allow(unsafe_code, reason = "sigaltstack, and the memory for it")]

use libc::{c_void, stack_t};
use std::cell::Cell;
use std::ptr::null_mut;

/// More than the kernel needs for the registers of any processor of today (11 KiB with AMX), and the handler for itself.
const STACK_BYTES: usize = 32 << 10;

thread_local! {
    /// The stack that this thread was given, or null.
    static OURS: Cell<*mut c_void> = const { Cell::new(null_mut()) };
}

/// Gives this thread a second stack, unless it has one. Without memory for it there is none: then an overflow ends the process as
/// ever, without a report.
pub(crate) fn take_stack() {
    if has_one() {
        return;
    }
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: new memory, wherever there is room.
    let memory = unsafe { libc::mmap(null_mut(), STACK_BYTES, protection, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return;
    }
    let stack = stack_t { ss_sp: memory, ss_flags: 0, ss_size: STACK_BYTES };
    // SAFETY: the memory is ours, of that size, and given back only when it is no thread's stack any more.
    if unsafe { libc::sigaltstack(&raw const stack, null_mut()) } == 0 {
        OURS.set(memory);
    } else {
        give_back(memory);
    }
}

/// At the end of this thread. A stack that it has set itself is left alone.
pub(crate) fn give_back_stack() {
    let ours = OURS.replace(null_mut());
    if ours.is_null() {
        return;
    }
    let none = stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: STACK_BYTES };
    let is_ours = current().is_some_and(|stack| stack.ss_sp == ours);
    // SAFETY: takes a stack away that no handler runs on: this is the end of a thread, and not in one.
    if !is_ours || unsafe { libc::sigaltstack(&raw const none, null_mut()) } == 0 {
        give_back(ours);
    }
}

fn give_back(memory: *mut c_void) {
    // SAFETY: `take_stack` made it, of that size, and it is no thread's stack.
    unsafe { libc::munmap(memory, STACK_BYTES) };
}

fn has_one() -> bool {
    current().is_none_or(|stack| stack.ss_flags & libc::SS_DISABLE == 0)
}

fn current() -> Option<stack_t> {
    let mut stack = stack_t { ss_sp: null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: asks only; `stack` is a place for the answer.
    let code = unsafe { libc::sigaltstack(std::ptr::null(), &raw mut stack) };
    (code == 0).then_some(stack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_a_second_stack_keeps_it() {
        // A thread of the standard library.
        let before = current().expect("an answer");
        assert!(has_one());
        take_stack();
        give_back_stack();
        let after = current().expect("an answer");
        assert_eq!((before.ss_sp, before.ss_flags), (after.ss_sp, after.ss_flags));
    }

    #[test]
    fn a_thread_without_one_gets_one_and_gives_it_back() {
        std::thread::spawn(|| {
            let theirs = current().expect("an answer");
            let none = stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: STACK_BYTES };
            // SAFETY: takes the standard library's away for a moment.
            assert_eq!(unsafe { libc::sigaltstack(&raw const none, null_mut()) }, 0);
            assert!(!has_one());
            take_stack();
            let ours = current().expect("an answer");
            assert_eq!((ours.ss_size, ours.ss_flags), (STACK_BYTES, 0));
            give_back_stack();
            assert!(!has_one());
            // SAFETY: puts it back: the standard library takes it down at the end of the thread.
            assert_eq!(unsafe { libc::sigaltstack(&raw const theirs, null_mut()) }, 0);
        })
        .join()
        .expect("no panic");
    }
}
