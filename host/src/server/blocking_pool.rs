//! Threads of the host's own for handlers that block, under a server that must not.

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
        if std::thread::Builder::new().name("blocking".into()).spawn(move || shared.work()).is_ok() {
            state.threads += 1;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let (woken, waited) =
                self.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}
