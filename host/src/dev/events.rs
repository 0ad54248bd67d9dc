//! What browsers are told while one develops: that plugins were swapped, that a build failed, that all build again.
//!
//! Everybody who listens is told the state, and then each change of it; changes that nobody took yet become one. So nothing
//! is kept for a listener but how far he is, and none is ever behind.

use super::build::BuildEvent;
use super::failure::BuildFailure;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// More listeners are refused: a browser opens six connections to one host, and tabs that are not seen let go of theirs.
pub const LISTENERS_MAX: usize = 256;

/// What a listener is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Comes first: which version of the app is being served.
    Hello {
        /// Another one after each swap, and in each process.
        version: String,
        /// Something fails: what, comes next.
        is_failing: bool,
    },
    /// Another version is being served now.
    Swap {
        /// See `Hello`.
        version: String,
    },
    /// Crates cannot be built.
    Error {
        /// Another one whenever a failure comes, changes or goes.
        revision: u64,
        /// The names of the crates.
        crates: Vec<String>,
    },
    /// All crates can be built again.
    Recovered,
    /// Nothing happened for a while. It is sent to see whether the client is still there.
    StillHere,
}

/// Tells everybody who listens. Clones are the same.
#[derive(Clone, Debug)]
pub struct Events(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    /// The first part of a version: no other process has it.
    process: String,
}

#[derive(Debug, Default)]
struct State {
    swaps: u64,
    revision: u64,
    failures: Vec<BuildFailure>,
    is_closed: bool,
    ticks: u64,
    listeners: BTreeMap<u64, Option<Waker>>,
    next_listener: u64,
}

impl Default for Events {
    fn default() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let process = format!("{:x}-{:x}", std::process::id(), since_epoch.as_nanos());
        Self(Arc::new(Inner { state: Mutex::default(), changed: Condvar::new(), process }))
    }
}

impl Events {
    /// Says that another version is being served from now on.
    pub fn swapped(&self) {
        self.change(|state| state.swaps += 1);
    }

    /// Says that a crate, or whatever else is in that folder, failed. It replaces what was said of that folder before.
    pub fn failed(&self, failure: BuildFailure) {
        self.change(|state| {
            state.failures.retain(|one| one.folder != failure.folder);
            state.failures.push(failure);
            state.revision += 1;
        });
    }

    /// Says that what is in that folder does not fail any more.
    pub fn recovered(&self, folder: &Path) {
        self.change(|state| {
            let before = state.failures.len();
            state.failures.retain(|one| one.folder != folder);
            state.revision += u64::from(state.failures.len() < before);
        });
    }

    /// Says what became of a build.
    pub fn built(&self, event: &BuildEvent) {
        match event {
            BuildEvent::Failed(failure) => self.failed(failure.clone()),
            BuildEvent::Recovered { folder, .. } => self.recovered(folder),
            BuildEvent::Building { .. } | BuildEvent::Built { .. } | BuildEvent::Rest { .. } => {}
        }
    }

    /// Says that time has passed: to be called every [`STILL_HERE_EVERY`].
    pub fn still_here(&self) {
        self.change(|state| state.ticks += 1);
    }

    /// Nobody is told anything any more: every stream ends. Call it before the server waits for its requests.
    pub fn close(&self) {
        self.change(|state| state.is_closed = true);
    }

    /// The version that is being served, for the script that is put into a page.
    pub fn version(&self) -> String {
        self.version_of(&self.lock())
    }

    /// What fails now, and the revision of that, for the page.
    pub fn failures(&self) -> (u64, Vec<BuildFailure>) {
        let state = self.lock();
        (state.revision, state.failures.clone())
    }

    /// A new listener; none if there are [`LISTENERS_MAX`], or after `close`.
    pub fn listen(&self) -> Option<Listener> {
        let mut state = self.lock();
        if state.is_closed || state.listeners.len() >= LISTENERS_MAX {
            return None;
        }
        let number = state.next_listener;
        state.next_listener += 1;
        state.listeners.insert(number, None);
        Some(Listener { events: self.clone(), number, told: None })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers: Vec<Waker> = state.listeners.values_mut().filter_map(Option::take).collect();
        drop(state);
        self.0.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn version_of(&self, state: &State) -> String {
        format!("{}-{}", self.0.process, state.swaps)
    }
}

/// Who is told. Dropped, he is forgotten.
#[derive(Debug)]
pub struct Listener {
    events: Events,
    number: u64,
    told: Option<Told>,
}

/// How far a listener is.
#[derive(Clone, Copy, Debug)]
struct Told {
    swaps: u64,
    revision: u64,
    ticks: u64,
    is_failing: bool,
}

impl Listener {
    /// The next event; none: there will be no more. Pending, the waker is woken when there is one.
    pub fn poll_next(&mut self, waker: &Waker) -> Poll<Option<Event>> {
        let events = self.events.clone();
        let mut state = events.lock();
        if let Some(event) = self.next_in(&state) {
            return Poll::Ready(Some(event));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        state.listeners.insert(self.number, Some(waker.clone()));
        Poll::Pending
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// There was none in that time, or there will be no more.
    pub fn next_within(&mut self, time: Duration) -> Result<Event, RecvTimeoutError> {
        let until = Instant::now() + time;
        let events = self.events.clone();
        let mut state = events.lock();
        loop {
            if let Some(event) = self.next_in(&state) {
                return Ok(event);
            }
            let left = until.saturating_duration_since(Instant::now());
            match state.is_closed {
                true => return Err(RecvTimeoutError::Disconnected),
                false if left.is_zero() => return Err(RecvTimeoutError::Timeout),
                false => {}
            }
            let waited = events.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The first thing that he was not told.
    fn next_in(&mut self, state: &State) -> Option<Event> {
        if state.is_closed {
            return None;
        }
        let (swaps, revision, is_failing) = (state.swaps, state.revision, !state.failures.is_empty());
        let Some(told) = &mut self.told else {
            self.told = Some(Told { swaps, revision: 0, ticks: state.ticks, is_failing: false });
            return Some(Event::Hello { version: self.events.version_of(state), is_failing });
        };
        if std::mem::replace(&mut told.swaps, swaps) != swaps {
            return Some(Event::Swap { version: self.events.version_of(state) });
        }
        let is_late = std::mem::replace(&mut told.ticks, state.ticks) != state.ticks;
        if std::mem::replace(&mut told.revision, revision) == revision {
            return is_late.then_some(Event::StillHere);
        }
        let was_failing = std::mem::replace(&mut told.is_failing, is_failing);
        let crates = || state.failures.iter().map(|one| one.name.clone()).collect();
        match (was_failing, is_failing) {
            (_, true) => Some(Event::Error { revision, crates: crates() }),
            (true, false) => Some(Event::Recovered),
            (false, false) => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.events.lock().listeners.remove(&self.number);
    }
}

/// The media type of a stream of events, for `content-type`.
pub const STREAM_TYPE: &str = "text/event-stream";

/// That a client is gone is seen by writing to it.
const STILL_HERE: &str = ":\n\n";

/// How often to write, where there is nothing else.
pub const STILL_HERE_EVERY: Duration = Duration::from_secs(15);

/// How soon a browser comes back when the stream ends.
const RETRY_MS: u32 = 500;

impl Event {
    /// The event as a part of the stream, in the form of the HTML standard, section "Server-sent events".
    pub fn to_stream(&self) -> String {
        let part = |name: &str, data: serde_json::Value| format!("event: {name}\ndata: {data}\n\n");
        match self {
            Self::Hello { version, is_failing } => {
                let hello = part("hello", serde_json::json!({ "version": version, "failing": is_failing }));
                format!("retry: {RETRY_MS}\n{hello}")
            }
            Self::Swap { version } => part("swap", serde_json::json!({ "version": version })),
            // Not `error`: that is the browser's own event, of a connection that broke.
            Self::Error { revision, crates } => {
                part("failure", serde_json::json!({ "revision": revision, "crates": crates }))
            }
            Self::Recovered => part("recovered", serde_json::json!({})),
            Self::StillHere => STILL_HERE.to_owned(),
        }
    }
}
