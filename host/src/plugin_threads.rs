//! The threads of the host that run plugins' code and go on: each can be asked to let go of a library.
//!
//! A thread that ran a plugin may hold something of it: a thread-local with a destructor, the value of a key. Before the
//! library is unmapped the thread itself has to end that (see `thread_exit`). A thread that ends does it by itself; one that
//! goes on [joins](join) here, and does its [work](Joined::work) whenever no plugin is on its stack: while it waits for a client, it waits
//! in a way that `wake` ends.

use crate::thread_exit::{self, Id};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static THREADS: Mutex<Vec<Arc<Thread>>> = Mutex::new(Vec::new());

struct Thread {
    tid: u32,
    wants_refresh: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
    jobs: Mutex<Vec<Job>>,
}

#[derive(Clone, Copy)]
enum Job {
    /// There is a new table: what is cached of old ones goes.
    Refresh,
    /// Let go of the library.
    Purge(Id),
}

impl Thread {
    fn jobs(&self) -> MutexGuard<'_, Vec<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, job: Job) {
        self.jobs().push(job);
        (self.wake)();
    }
}

fn threads() -> MutexGuard<'static, Vec<Arc<Thread>>> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This thread's membership, until it is dropped. It cannot leave the thread.
pub(crate) struct Joined {
    thread: Arc<Thread>,
    here: PhantomData<*const ()>,
}

/// This thread runs plugins from now on. `wake` ends a wait of its, from any thread.
pub(crate) fn join(wake: impl Fn() + Send + Sync + 'static) -> Joined {
    let tid = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
    let wants_refresh = AtomicBool::new(false);
    let thread = Arc::new(Thread { tid, wants_refresh, wake: Box::new(wake), jobs: Mutex::default() });
    threads().push(thread.clone());
    Joined { thread, here: PhantomData }
}

/// A thread wants to know of new tables.
pub(crate) struct Wanted<'a>(&'a Thread);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.wants_refresh.store(false, SeqCst);
    }
}

impl Joined {
    /// For as long as the answer lives, the thread is woken when a table is published. Look afterwards whether one was
    /// published just before.
    pub(crate) fn wants_refresh(&self) -> Wanted<'_> {
        self.thread.wants_refresh.store(true, SeqCst);
        Wanted(&self.thread)
    }

    /// The thread is woken whenever a table is published.
    pub(crate) fn always_wants_refresh(&self) {
        self.thread.wants_refresh.store(true, SeqCst);
    }

    /// Whether there is anything to do.
    pub(crate) fn has_work(&self) -> bool {
        !self.thread.jobs().is_empty()
    }

    /// Does what was asked for. `refresh` drops what is cached of old tables. Call it when no plugin is on the stack.
    pub(crate) fn work(&self, mut refresh: impl FnMut()) {
        let jobs = std::mem::take(&mut *self.thread.jobs());
        for job in jobs {
            match job {
                Job::Refresh => refresh(),
                Job::Purge(id) => {
                    refresh();
                    purge_here(id);
                }
            }
        }
    }
}

#[allow(unsafe_code, reason = "runs what a library left in this thread")]
fn purge_here(id: Id) {
    // SAFETY: whoever asks for a purge does so before it closes the library, and closes it only when this thread holds nothing of
    // it any more; by then a purge that comes late finds nothing. `work` is called with no plugin on the stack, and the
    // library is in no table that a request could find.
    unsafe { thread_exit::purge_this_thread(id) };
}

impl Drop for Joined {
    fn drop(&mut self) {
        threads().retain(|known| !Arc::ptr_eq(known, &self.thread));
    }
}

/// Asks the threads that want to know to let go of old tables. The others do so with their next request.
pub(crate) fn refresh() {
    let all = threads();
    all.iter()
        .filter(|thread| thread.wants_refresh.load(SeqCst))
        .for_each(|thread| thread.post(Job::Refresh));
}

/// Asks the threads that hold something of the library to let go of it.
pub(crate) fn purge(id: Id) {
    let holding: Vec<u32> = thread_exit::leftovers(id).unpurged.iter().map(|thread| thread.tid).collect();
    let all = threads();
    all.iter().filter(|thread| holding.contains(&thread.tid)).for_each(|thread| thread.post(Job::Purge(id)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_thread_that_joined_is_woken_and_does_its_work_and_one_that_left_is_not() {
        let (woken, wakes) = channel();
        let joined = join(move || woken.send(()).unwrap_or_default());
        let wanted = joined.wants_refresh();
        refresh();
        assert!(wakes.recv().is_ok());
        let mut refreshed = 0;
        joined.work(|| refreshed += 1);
        joined.work(|| refreshed += 1);
        assert!(refreshed >= 1, "other tests may settle, too");
        drop(wanted);
        drop(joined);
        while wakes.try_recv().is_ok() {}
        refresh();
        assert!(wakes.try_recv().is_err());
    }
}
