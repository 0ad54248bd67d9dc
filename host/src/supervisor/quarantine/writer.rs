//! A thread that writes the list down: the main thread of a supervisor waits for no disk.

use super::store::{Change, Store};
use crate::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long the end of a host waits for the disk.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// What is done when a change is on disk, or cannot be.
type Done = Box<dyn FnOnce(Result<(), Error>) + Send>;

type Job = (Change, Done);

pub(super) struct Writer {
    store: Option<Store>,
    /// Once there was something to write.
    thread: Option<Thread>,
}

struct Thread {
    jobs: Sender<Job>,
    /// Closed at its end.
    ended: Receiver<()>,
}

impl Writer {
    pub(super) fn new(store: Option<Store>) -> Self {
        Self { store, thread: None }
    }

    /// Writes a change down, after those before it.
    pub(super) fn write(&mut self, change: Change, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let Some(store) = self.store.clone() else {
            let nowhere =
                Error::failed("there is no folder for it").help("name one: `state` in [supervisor]");
            // Where nothing was written, nothing has to be taken back.
            return done(if matches!(change, Change::Remove(_)) { Ok(()) } else { Err(nowhere) });
        };
        if self.thread.is_none() {
            self.thread = start(store);
        }
        let job: Job = (change, Box::new(done));
        let refused = match &self.thread {
            Some(thread) => thread.jobs.send(job).err().map(|refused| refused.0),
            None => Some(job),
        };
        if let Some((_, done)) = refused {
            done(Err(Error::failed("there is no thread left for it")));
        }
    }

    /// Waits until all of it is on disk.
    pub(super) fn finish(&mut self) {
        if let Some(Thread { jobs, ended }) = self.thread.take() {
            drop(jobs);
            let _ = ended.recv_timeout(FINISH_MAX);
        }
    }
}

fn start(store: Store) -> Option<Thread> {
    let (jobs, all) = channel::<Job>();
    let (end, ended) = channel();
    let work = move || {
        for (change, done) in all {
            done(store.change(change).map(drop));
        }
        drop(end);
    };
    std::thread::Builder::new().name("quarantine".into()).spawn(work).ok()?;
    Some(Thread { jobs, ended })
}
