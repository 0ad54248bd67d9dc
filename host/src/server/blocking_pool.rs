//! Threads of the host's own for handlers that block, under a server that must not.

use crate::plugin_threads;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A thread that had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// A pool that grows to its limit while jobs wait, and shrinks when none do.
#[derive(Clone)]
pub(super) struct BlockingPool(Arc<Shared>);

struct Shared {
    threads_max: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl BlockingPool {
    pub(super) fn new(threads_max: usize) -> Self {
        Self(Arc::new(Shared { threads_max, state: Mutex::default(), changed: Condvar::new() }))
    }

    /// Runs the job on one of the threads, in its turn.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.0.lock();
        state.jobs.push_back(Box::new(job));
        if state.idle >= state.jobs.len() || state.threads >= self.0.threads_max {
            self.0.changed.notify_one();
            return;
        }
        let shared = self.0.clone();
        if std::thread::Builder::new().name("blocking".into()).spawn(move || work(&shared)).is_ok() {
            state.threads += 1;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has every thread look what there is to do.
    fn wake_all(&self) {
        // With the lock: a thread that has looked and does not wait yet would miss it.
        let _state = self.lock();
        self.changed.notify_all();
    }
}

/// What a thread of the pool does.
fn work(shared: &Arc<Shared>) {
    let wakes = shared.clone();
    let joined = plugin_threads::join(move || wakes.wake_all());
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            job();
            state = shared.lock();
            continue;
        }
        if joined.has_work() {
            drop(state);
            joined.work(|| {});
            state = shared.lock();
            continue;
        }
        state.idle += 1;
        let (woken, waited) =
            shared.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
        state = woken;
        state.idle -= 1;
        if waited.timed_out() && state.jobs.is_empty() && !joined.has_work() {
            state.threads -= 1;
            return;
        }
    }
}
