//! A new process that goes on where this one is.
#![allow(unsafe_code, reason = "fork")]

use rustix::process::Pid;
use std::io;

/// The child, in the parent; none in the child. To be called when there is no other thread: see [`super::Errands::check_alone`].
pub(super) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: there is no other thread whose locks or half-done work the child could have a copy of.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}
