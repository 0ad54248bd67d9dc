//! Threads that call handlers, behind a queue of limited length: what begins is refused when the queue is full, and what has
//! begun goes before it.

use super::now_and_then::NowAndThen;
use super::threads;
use super::watch::{Crew, Slot, Watch};
use crate::error::Error;
use crate::plugin_threads;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it is said that requests are refused.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// So often in a row goes what has begun before what has not: a handler that can always go on keeps no other from its turn.
const BEGUN_IN_A_ROW: usize = 4;

/// Something to do on one of the threads, with the thread's slot.
pub(super) trait Job: Send {
    fn run(self: Box<Self>, slot: &Slot);
}

/// All threads, and what waits for them. Clones are the same ones.
#[derive(Clone)]
pub(super) struct HandlerThreads(Arc<Shared>);

struct Shared {
    threads: usize,
    queue_max: usize,
    says: NowAndThen,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What goes on with a request.
    begun: VecDeque<Box<dyn Job>>,
    /// What begins with one.
    fresh: VecDeque<Box<dyn Job>>,
    /// How many in a row went before those.
    in_a_row: usize,
    /// Threads that have nothing to do, or have not noticed yet that they have.
    idle: usize,
    is_closed: bool,
    refused: u64,
}

impl HandlerThreads {
    /// Starts them.
    pub(super) fn start(watch: &Watch, threads: usize, queue_max: usize) -> Result<Self, Error> {
        let (says, state, changed) = (NowAndThen::every(SAY_AGAIN), Mutex::default(), Condvar::new());
        let all = Self(Arc::new(Shared { threads, queue_max, says, state, changed }));
        for _ in 0..threads {
            let (shared, of_thread) = (all.0.clone(), watch.clone());
            threads::spawn("handler", watch, move || work(&shared, &of_thread))?;
        }
        Ok(all)
    }

    /// Has a thread begin with a request, in its turn; the job again, when too many wait already.
    pub(super) fn begin<J: Job + 'static>(&self, job: Box<J>) -> Result<(), Box<J>> {
        let mut state = self.0.lock();
        if state.fresh.len() >= self.0.queue_max + state.idle {
            self.0.refuse(state);
            return Err(job);
        }
        state.fresh.push_back(job);
        drop(state);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Has a thread go on with a request that has begun: before those that have not.
    pub(super) fn go_on(&self, job: Box<dyn Job>) {
        self.0.lock().begun.push_back(job);
        self.0.changed.notify_one();
    }

    /// Nobody has anything more for them: they end when they have done what there is.
    pub(super) fn close(&self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl State {
    /// Whose turn it is.
    fn next(&mut self) -> Option<Box<dyn Job>> {
        let begun = if self.in_a_row < BEGUN_IN_A_ROW { self.begun.pop_front() } else { None };
        self.in_a_row = if begun.is_some() { self.in_a_row + 1 } else { 0 };
        begun.or_else(|| self.fresh.pop_front()).or_else(|| self.begun.pop_front())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, mut state: MutexGuard<'_, State>) {
        state.refused += 1;
        let (refused, waiting, threads) = (state.refused, state.fresh.len(), self.threads);
        drop(state);
        if self.says.is_time() {
            tracing::warn!(
                refused,
                "requests are answered with 503: {waiting} wait already for one of {threads} handler threads"
            );
        }
    }

    /// Has every thread look what there is to do.
    fn wake_all(&self) {
        // With the lock: a thread that has looked and does not wait yet would miss it.
        let _state = self.lock();
        self.changed.notify_all();
    }
}

/// What one thread does, until they are closed.
fn work(shared: &Arc<Shared>, watch: &Watch) {
    let wakes = shared.clone();
    let joined = plugin_threads::join(move || wakes.wake_all());
    let slot = watch.slot(Crew::Handlers, None);
    let mut state = shared.lock();
    loop {
        if joined.has_work() {
            drop(state);
            joined.work(|| {});
            state = shared.lock();
        } else if let Some(job) = state.next() {
            drop(state);
            run(job, &slot);
            state = shared.lock();
        } else if state.is_closed {
            return;
        } else {
            state.idle += 1;
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

/// A panic of the host's own costs a request and no thread.
fn run(job: Box<dyn Job>, slot: &Slot) {
    if catch_unwind(AssertUnwindSafe(|| job.run(slot))).is_err() {
        let _ = slot.leave_if_called();
        tracing::error!("a request was given up: the host panicked while it was handled");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::AccessLog;
    use crate::server::{Listening, Serving};
    use crate::service::Service;
    use crate::stop::Stop;
    use std::sync::mpsc::{Sender, channel};

    struct Says(Sender<&'static str>, &'static str);

    impl Job for Says {
        fn run(self: Box<Self>, _: &Slot) {}
    }

    impl Drop for Says {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }

    /// A watch over nothing.
    fn watch() -> Watch {
        let serving = Serving {
            service: Arc::new(Service::of_nothing()),
            listening: Listening::of([]).expect("none"),
            workers: 1,
            threads: None,
            options: toml::Table::new(),
            stop: Stop::new().expect("a stop"),
            access_log: AccessLog::quiet(),
            unfit: Arc::new(|_| {}),
            errands: None,
        };
        Watch::start(&serving, |_| usize::MAX)
    }

    /// Goes on so often, and then has run.
    struct Rounds(HandlerThreads, usize, Sender<usize>);

    impl Job for Rounds {
        fn run(self: Box<Self>, _: &Slot) {
            let Self(threads, left, done) = *self;
            match left {
                0 => drop(done.send(0)),
                left => threads.clone().go_on(Box::new(Self(threads, left - 1, done))),
            }
        }
    }

    #[test]
    fn every_job_is_run_to_its_end_or_comes_back_whoever_else_begins_at_the_same_time() {
        const EACH: usize = 500;
        let threads = HandlerThreads::start(&watch(), 3, 4).expect("threads");
        let (done, ended) = channel();
        let refused: usize = std::thread::scope(|scope| {
            let begin = || {
                let job = |number| Box::new(Rounds(threads.clone(), number % 7, done.clone()));
                (0..EACH).filter(|number| threads.begin(job(*number)).is_err()).count()
            };
            let all: Vec<_> = (0..4).map(|_| scope.spawn(begin)).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).sum()
        });
        drop(done);
        // It ends when no job is left that could still be run.
        assert_eq!(ended.iter().count() + refused, 4 * EACH);
        assert_eq!(threads.0.lock().refused, refused as u64);
        threads.close();
    }

    #[test]
    fn what_has_begun_goes_first_but_not_for_ever() {
        let (said, heard) = channel();
        let mut state = State::default();
        for _ in 0..6 {
            state.begun.push_back(Box::new(Says(said.clone(), "begun")));
        }
        for _ in 0..2 {
            state.fresh.push_back(Box::new(Says(said.clone(), "fresh")));
        }
        while let Some(job) = state.next() {
            drop(job);
        }
        drop(said);
        let order: Vec<&str> = heard.iter().collect();
        assert_eq!(order, ["begun", "begun", "begun", "begun", "fresh", "begun", "begun", "fresh"]);
    }
}
