//! Threads of this process, as the kernel knows them.
#![allow(unsafe_code, reason = "tgkill without a signal")]

/// The number of this thread.
pub(super) fn current() -> u32 {
    // SAFETY: always succeeds, and touches no memory.
    let tid = unsafe { libc::gettid() };
    tid.cast_unsigned()
}

/// Whether the thread has not ended. A number that was given to another thread meanwhile is alive too.
pub(super) fn is_alive(tid: u32) -> bool {
    // SAFETY: signal 0 is none: the kernel only looks whether the thread is there.
    let code = unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), tid, 0) };
    code == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Its name; empty if it cannot be known.
pub(super) fn name(tid: u32) -> String {
    let name = std::fs::read(format!("/proc/self/task/{tid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(&name).trim_end().to_owned()
}
