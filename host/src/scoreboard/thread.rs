//! The number of this thread, without a system call each time.
#![allow(unsafe_code, reason = "asks to be called after a fork")]

use std::cell::Cell;
use std::sync::Once;

thread_local! {
    /// 0: not known yet.
    static ID: Cell<u32> = const { Cell::new(0) };
}

/// The system's number of this thread, as debuggers know it.
pub(crate) fn thread_id() -> u32 {
    match ID.get() {
        0 => asked(),
        known => known,
    }
}

#[cold]
fn asked() -> u32 {
    static FORKS: Once = Once::new();
    FORKS.call_once(|| {
        // SAFETY: the function may be called after a fork: it stores a number in memory of the thread's own.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
    });
    let id = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
    ID.set(id);
    id
}

/// The thread that forked is another one in the new process.
extern "C" fn forget() {
    ID.set(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_a_number_of_its_own_which_stays() {
        let (here, there) = (thread_id(), std::thread::spawn(thread_id).join().expect("a number"));
        assert_eq!(here, thread_id());
        assert_ne!(here, there);
        assert!(std::path::Path::new(&format!("/proc/self/task/{here}")).exists());
    }
}
