//! What a signal says, in words.

use crate::scoreboard::Crashed;
use signal_hook::low_level::signal_name;

/// How far from the stack pointer an access may be that was meant for the stack: the frame of a function.
const FRAME_BYTES: u64 = 64 << 10;

/// A signal that somebody sent, and not the process itself: then no code of it has gone wrong.
pub(super) fn is_sent_by_another(crashed: &Crashed) -> bool {
    is_sent(crashed) && crashed.address != u64::from(crashed.pid)
}

/// Codes of the kernel for faults are above 0.
fn is_sent(crashed: &Crashed) -> bool {
    crashed.code <= 0
}

/// `SIGSEGV`.
pub(super) fn name(signal: i32) -> String {
    signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// What happened, as far as the kernel says; none: its name says it all. `has_stack`: what the stack pointer points to could be read.
pub(super) fn reason(crashed: &Crashed, has_stack: bool) -> Option<String> {
    let address = crashed.address;
    Some(match (crashed.signal, crashed.code) {
        _ if is_sent_by_another(crashed) => format!("sent by process {address}"),
        (libc::SIGABRT, _) => "it aborted".to_owned(),
        _ if is_sent(crashed) => "it sent that to itself".to_owned(),
        (libc::SIGSEGV | libc::SIGBUS, _) if is_stack_overflow(crashed, has_stack) => {
            "stack overflow".to_owned()
        }
        (libc::SIGSEGV, SEGV_MAPERR) => format!("nothing is mapped at {address:#x}"),
        (libc::SIGSEGV, SEGV_ACCERR) => format!("no right to do that at {address:#x}"),
        (libc::SIGSEGV, _) => "no address at all".to_owned(),
        (libc::SIGBUS, BUS_ADRALN) => format!("{address:#x} is not aligned"),
        (libc::SIGBUS, _) => {
            format!("nothing is behind {address:#x}: a file became shorter, or memory is bad")
        }
        (libc::SIGFPE, FPE_INTDIV) => "a division by zero".to_owned(),
        (libc::SIGILL, _) => "no instruction, or one that is there to trap".to_owned(),
        (libc::SIGSYS, _) => "a system call that is forbidden".to_owned(),
        _ => return None,
    })
}

/// Memory below the stack pointer is there, unless the stack has no more of it; that above is part of the stack, or else the pointer
/// itself is past its end. What lies above the whole stack is somebody else's.
fn is_stack_overflow(crashed: &Crashed, has_stack: bool) -> bool {
    let is_near = crashed.address.abs_diff(crashed.stack) <= FRAME_BYTES;
    crashed.stack != 0 && is_near && (crashed.address < crashed.stack || !has_stack)
}

// The same on every Linux that there is; the crate `libc` has them not for all.
const SEGV_MAPERR: i32 = 1;
const SEGV_ACCERR: i32 = 2;
const BUS_ADRALN: i32 = 1;
const FPE_INTDIV: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn said(signal: i32, code: i32, address: u64) -> String {
        let crashed =
            Crashed { signal, code, pid: 7, address, stack: 0x7f00_0000_1000, ..Crashed::default() };
        reason(&crashed, true).unwrap_or_default()
    }

    #[test]
    fn what_the_kernel_says_is_said_in_words() {
        assert_eq!(said(libc::SIGSEGV, SEGV_MAPERR, 8), "nothing is mapped at 0x8");
        assert_eq!(said(libc::SIGSEGV, SEGV_ACCERR, 0x1000), "no right to do that at 0x1000");
        assert_eq!(said(libc::SIGSEGV, SEGV_ACCERR, 0x7f00_0000_0ff8), "stack overflow");
        assert_eq!(said(libc::SIGSEGV, 128, 0), "no address at all");
        assert_eq!(said(libc::SIGFPE, FPE_INTDIV, 0x1000), "a division by zero");
        assert_eq!(said(libc::SIGFPE, 3, 0x1000), "");
        assert_eq!(said(libc::SIGABRT, -6, 7), "it aborted");
    }

    #[test]
    fn memory_above_a_stack_that_is_there_is_not_the_stacks() {
        let stack = 0x7f00_0000_1000;
        let crashed = |address| Crashed {
            signal: libc::SIGSEGV,
            code: SEGV_ACCERR,
            address,
            stack,
            ..Crashed::default()
        };
        let [below, above] = [crashed(stack - 8), crashed(stack + 0x2000)];
        assert_eq!(reason(&below, true).as_deref(), Some("stack overflow"));
        assert_eq!(reason(&above, true).as_deref(), Some("no right to do that at 0x7f0000003000"));
        assert_eq!(
            reason(&above, false).as_deref(),
            Some("stack overflow"),
            "a frame that begins past the end"
        );
    }

    #[test]
    fn who_sent_a_signal_counts() {
        assert_eq!(said(libc::SIGABRT, 0, 1), "sent by process 1");
        assert_eq!(said(libc::SIGSEGV, 0, 8), "sent by process 8");
        assert_eq!(said(libc::SIGSEGV, -6, 7), "it sent that to itself");
    }
}
