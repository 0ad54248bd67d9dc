//! Calls into a plugin's life (`create`, `start`, `stop`, ...) that must return in time.
//!
//! Native code cannot be interrupted. Each of these calls is made on a thread of its own, and whoever waits for it
//! waits no longer than the deadline: a call that hangs keeps its thread and what it holds, and nothing else.

use crate::error::Error;
use crate::thread_exit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How many threads work at the moment, those that were left behind among them.
static WORKING: AtomicUsize = AtomicUsize::new(0);

/// Whether a thread may still run the code of a plugin.
pub(crate) fn is_any_at_work() -> bool {
    WORKING.load(Ordering::SeqCst) > 0
}

/// Counted as long as it lives.
struct Working;

impl Working {
    fn begin() -> Self {
        WORKING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        WORKING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What stands for no limit.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the thread does at the moment: for the message when it does not return.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<Option<(String, Instant)>>>);

impl Progress {
    /// The work from here on, with a deadline of its own.
    pub(crate) fn step(&self, what: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((what, Instant::now()));
    }

    fn current(&self) -> Option<(String, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs `work` on a thread of its own and waits for it: each step that it reports may take `limit`.
///
/// # Errors
/// What `work` answers; or that a step did not return in time, or that the thread panicked. The thread of a step that
/// did not return is left behind, with all that it holds.
pub(crate) fn run<T: Send + 'static>(
    thread: &str,
    limit: Option<Duration>,
    work: impl FnOnce(&Progress) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    // Whoever waits here must be able to, while a constructor of a library holds the lock of the loader.
    thread_exit::keep_own_thread_locals();
    let progress = Progress::default();
    progress.step(thread.to_owned());
    let seen = progress.clone();
    let (answer, answers) = mpsc::sync_channel(1);
    let working = Working::begin();
    std::thread::Builder::new()
        .name(thread.to_owned())
        .spawn(move || {
            let done = work(&seen);
            drop(working);
            answer.send(done)
        })
        .map_err(|cause| Error::failed(format!("cannot start a thread for {thread}: {cause}")))?;
    wait(&answers, &progress, limit)
}

fn wait<T>(
    answers: &mpsc::Receiver<Result<T, Error>>,
    progress: &Progress,
    limit: Option<Duration>,
) -> Result<T, Error> {
    let limit = limit.unwrap_or(NEVER);
    loop {
        let Some((step, since)) = progress.current() else { continue };
        match answers.recv_timeout(limit.saturating_sub(since.elapsed())) {
            Ok(answer) => return answer,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Error::failed(format!("{step}: panicked")));
            }
            Err(mpsc::RecvTimeoutError::Timeout)
                if progress.current().is_some_and(|(_, now)| now != since) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let error =
                    Error::spec(format!("{step}: did not return within {}", crate::units::duration(limit)));
                return Err(error.help("raise `load` in [timeouts] if it needs longer"));
            }
        }
    }
}
