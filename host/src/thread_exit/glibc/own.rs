//! Thread-locals of the executable, kept here as those of plugins are.
//!
//! The C library takes the lock of its loader for each thread-local with a destructor, although the executable is never
//! unmapped. The constructors of a library run under that lock, for as long as they like: each new thread of the host would
//! wait for them, and with it the client whose connection it is.
#![allow(unsafe_code, reason = "a list in memory of the C library; calls destructors")]

use super::{Destructor, purge, ranges};
use libc::c_void;
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// A destructor that waits for the end of its thread.
struct Node {
    destructor: Destructor,
    object: *mut c_void,
    next: *mut Node,
}

thread_local! {
    /// The last one that was asked for, on this thread.
    static LAST: Cell<*mut Node> = const { Cell::new(null_mut()) };
}

/// Whether a library may be loaded at all. Before, nothing here may be asked: allocators begin then.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// From now on. To be called before a library is loaded, with its lock free.
pub fn keep_own_thread_locals() {
    if !IS_ON.load(SeqCst) {
        super::next::resolve();
        ranges::is_executable(0);
        IS_ON.store(true, SeqCst);
    }
}

/// Keeps a destructor of the executable's; `false`: it is none, or cannot be kept. On the main thread nobody will run it: that
/// thread ends with the process, and nothing in there may rely on it.
pub(super) fn defer(destructor: Destructor, object: *mut c_void) -> bool {
    IS_ON.load(SeqCst)
        && ranges::is_executable(destructor as usize)
        && purge::arm()
        && push(destructor, object)
}

/// In memory of the C library, as there: whoever asks may be the allocator of the program.
fn push(destructor: Destructor, object: *mut c_void) -> bool {
    // SAFETY: any size may be asked for; null is the answer when there is no memory.
    let node: *mut Node = unsafe { libc::malloc(size_of::<Node>()) }.cast();
    if node.is_null() {
        return false;
    }
    // SAFETY: a place of that size, aligned for anything, which nobody else knows.
    unsafe { node.write(Node { destructor, object, next: LAST.get() }) };
    LAST.set(node);
    true
}

/// Runs what waits, the last first, and what comes meanwhile. For the end of a thread.
pub(super) fn run() {
    while let Some(node) = pop() {
        // SAFETY: the executable asked for this call, on this thread, once.
        unsafe { (node.destructor)(node.object) };
    }
}

fn pop() -> Option<Node> {
    let last = LAST.get();
    if last.is_null() {
        return None;
    }
    // SAFETY: `push` made it, on this thread, and it is in the list once.
    let node = unsafe { last.read() };
    LAST.set(node.next);
    // SAFETY: as above; it is in no list any more.
    unsafe { libc::free(last.cast()) };
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::fixture::{self, Folder};
    use crate::library::{Library, Sealed};
    use std::cell::RefCell;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    struct Tells(Sender<&'static str>, &'static str);

    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }

    thread_local! {
        static FIRST: RefCell<Option<Tells>> = const { RefCell::new(None) };
        static SECOND: RefCell<Option<Tells>> = const { RefCell::new(None) };
    }

    /// Starts a thread that has thread-locals with destructors, and ends: what these said.
    fn thread_with_locals() -> Vec<&'static str> {
        let (tell, told) = channel();
        std::thread::spawn(move || {
            FIRST.set(Some(Tells(tell.clone(), "first")));
            SECOND.set(Some(Tells(tell, "second")));
        });
        let next = || told.recv_timeout(Duration::from_secs(10)).unwrap_or("nothing");
        vec![next(), next()]
    }

    #[test]
    fn thread_locals_are_destroyed_once_the_last_first() {
        keep_own_thread_locals();
        assert_eq!(thread_with_locals(), ["second", "first"]);
    }

    #[test]
    fn a_constructor_that_does_not_return_keeps_no_thread_from_starting_and_ending() {
        let folder = Folder::new();
        let gate = folder.path().join("gate");
        let source = format!(
            "#include <unistd.h>\n__attribute__((constructor)) static void wait_(void) {{ \
             while (access(\"{}\", F_OK)) usleep(1000); }}\n",
            gate.display()
        );
        let file = folder.library(&(source + &fixture::good()), &[]);
        keep_own_thread_locals();
        let loading = std::thread::spawn(move || Library::open(Sealed::copy(&file).unwrap()).map(drop));
        while Library::opening().is_none_or(|(_, since)| since < Duration::from_millis(100)) {
            std::thread::yield_now();
        }
        assert_eq!(thread_with_locals(), ["second", "first"]);
        std::fs::write(gate, "").unwrap();
        loading.join().unwrap().unwrap();
    }
}
