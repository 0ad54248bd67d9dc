//! What a process writes to standard error, collected on a thread: it never waits for its reader, and a test can wait for
//! a line of it.

use super::PATIENCE;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Clone)]
pub(super) struct Stderr(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Stderr {
    pub(super) fn of(mut pipe: ChildStderr) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let writer = shared.clone();
        std::thread::spawn(move || {
            let mut buf = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buf) {
                writer.change(|state| state.bytes.extend_from_slice(&buf[..count]));
            }
            writer.change(|state| state.ended = true);
        });
        Self(shared)
    }

    /// All so far.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().bytes).into_owned()
    }

    /// Waits until `found` gives something of the whole lines so far; none when it never will, or not in time.
    pub(super) fn wait<T>(&self, patience: Duration, mut found: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let until = Instant::now() + patience;
        let mut state = self.0.lock();
        loop {
            let text = String::from_utf8_lossy(&state.bytes);
            let whole_lines = text.rfind('\n').map_or("", |end| &text[..=end]);
            if let Some(found) = found(whole_lines) {
                return Some(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.0.wait(state, left);
        }
    }

    /// Waits until the process closed it, and gives all of it.
    pub(super) fn whole(&self) -> String {
        self.wait(PATIENCE, |_| None::<()>);
        self.text()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}
