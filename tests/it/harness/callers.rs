//! Clients that call all the time, and are strict: whatever is not the answer that they asked for is a failure, and nothing
//! is tried again.

use super::{Address, Client, eventually};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many failures are kept.
const SHOWN_MAX: usize = 10;

/// Between two calls of a client. Two processes that do nothing but wake each other may keep all others from the cores: with many
/// such pairs and no pause, a kernel let even its own threads wait for a minute.
const PAUSE: Duration = Duration::from_millis(1);

/// A number of clients, each with a connection that it keeps until an answer says that it was the last one.
pub(crate) struct Callers {
    address: Address,
    path: &'static str,
    answers: AtomicUsize,
    failures: AtomicUsize,
    shown: Mutex<Vec<String>>,
    texts: Mutex<BTreeSet<String>>,
    is_over: AtomicBool,
}

impl Callers {
    pub(crate) fn of(address: Address, path: &'static str) -> Self {
        Self {
            address,
            path,
            answers: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            shown: Mutex::default(),
            texts: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Has so many clients call while something happens.
    ///
    /// # Panics
    /// One of them saw a failure.
    #[track_caller]
    pub(crate) fn call<T>(&self, clients: usize, meanwhile: impl FnOnce() -> T) -> T {
        let done = std::thread::scope(|threads| {
            for _ in 0..clients {
                threads.spawn(|| self.call_again_and_again());
            }
            // Also when it panics: the scope waits for its threads.
            let _over = Over(self);
            meanwhile()
        });
        let (failures, answers) =
            (self.failures.load(Ordering::Relaxed), self.answers.load(Ordering::Relaxed));
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(failures == 0, "{failures} of {} calls failed: {shown:#?}", answers + failures);
        done
    }

    /// Waits until so many more calls were answered.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, count: usize) {
        let before = self.answers.load(Ordering::Relaxed);
        eventually("calls are answered", || self.answers.load(Ordering::Relaxed) >= before + count);
    }

    /// The bodies that came, each once.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn call_again_and_again(&self) {
        let mut kept = None;
        while !self.is_over.load(Ordering::Relaxed) {
            let Some(mut client) = kept.take().or_else(|| Client::try_connect(&self.address)) else {
                self.fail("refused".to_owned());
                continue;
            };
            match client.try_get(self.path) {
                Ok(answer) if answer.status == 200 => {
                    self.answers.fetch_add(1, Ordering::Relaxed);
                    let is_last = answer.header("connection").is_some_and(|value| value == "close");
                    let text = answer.text().to_owned();
                    self.texts.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
                    kept = (!is_last).then_some(client);
                }
                Ok(answer) => self.fail(format!("{answer:?}")),
                Err(why) => self.fail(format!("{why:?}")),
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn fail(&self, why: String) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.len() < SHOWN_MAX {
            shown.push(why);
        }
    }
}

struct Over<'a>(&'a Callers);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}
