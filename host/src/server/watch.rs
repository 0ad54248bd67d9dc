//! Watching what a server is at: its handlers, its connections, and whatever it has to wait for at its end.
//!
//! Native code cannot be interrupted, but its client need not wait for ever. Each thread that calls handlers owns a [`Slot`]
//! and writes to it around a call, and nobody else does, unless the call takes longer than its deadline. Then the watcher
//! answers the client in its place, cuts the connection off, and says so; `stuck` counts what never returns.

mod slot;
mod stuck;

pub(super) use slot::{Slot, TooLate};
pub(super) use stuck::Crew;

use super::Serving;
use super::socket::Socket;
use crate::service::Service;
use crate::stop::Stop;
use crate::table::Route;
use slot::Stage;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use stuck::Stuck;

/// How often the watcher looks, at most and at least.
const TICK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// All that a server is at. Clones are the same.
#[derive(Clone)]
pub(super) struct Watch(Arc<Shared>);

struct Shared {
    service: Arc<Service>,
    state: Mutex<State>,
    changed: Condvar,
    stuck: Stuck,
}

#[derive(Default)]
struct State {
    slots: Vec<Arc<Slot>>,
    /// What the server waits for at its end.
    places: usize,
    /// How many of them are connections.
    connections: usize,
    closed: bool,
}

/// Something that a server waits for at its end. Given back on every way out, panics included.
pub(super) struct Place {
    watch: Watch,
    is_connection: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let is_connection = usize::from(self.is_connection);
        self.watch.0.change(|state| {
            state.places -= 1;
            state.connections -= is_connection;
        });
    }
}

/// A slot, which is forgotten when this is dropped.
pub(super) struct Watched {
    watch: Watch,
    slot: Arc<Slot>,
}

impl Deref for Watched {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        &self.slot
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.0.change(|state| {
            if let Some(index) = state.slots.iter().position(|known| Arc::ptr_eq(known, &self.slot)) {
                state.slots.swap_remove(index);
            }
        });
    }
}

impl Watch {
    /// Watches a server that has so many threads of each crew.
    pub(super) fn start(serving: &Serving, size: impl Fn(Crew) -> usize + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            service: serving.service.clone(),
            state: Mutex::default(),
            changed: Condvar::new(),
            stuck: Stuck::new(serving.unfit.clone(), size),
        });
        let watched = shared.clone();
        // Without its thread late handlers are not cut off: better than no server.
        let _ = std::thread::Builder::new().name("watch".into()).spawn(move || watched.run());
        Self(shared)
    }

    /// Has the end of the server wait.
    pub(super) fn place(&self) -> Place {
        self.hold(false)
    }

    /// The same, for a connection.
    pub(super) fn connection(&self) -> Place {
        self.hold(true)
    }

    fn hold(&self, is_connection: bool) -> Place {
        self.0.change(|state| {
            state.places += 1;
            state.connections += usize::from(is_connection);
        });
        Place { watch: self.clone(), is_connection }
    }

    /// Watches a thread of that crew, which answers on `socket` alone, if it is given.
    pub(super) fn slot(&self, crew: Crew, socket: Option<Arc<Socket>>) -> Watched {
        let slot = Arc::new(Slot::new(crew, socket));
        self.0.change(|state| state.slots.push(slot.clone()));
        Watched { watch: self.clone(), slot }
    }

    /// Waits until there are fewer connections than `max`, or a moment has passed.
    pub(super) fn wait_below(&self, max: usize, moment: Duration) -> bool {
        let is_full = |state: &mut State| state.connections >= max;
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), moment, is_full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until every place was given back; false when `limit` is over first.
    pub(super) fn wait_empty(&self, limit: Option<Duration>) -> bool {
        self.wait_while(limit, |state| state.places > 0)
    }

    /// The same for a server that retires: ends also when nothing is left but handlers that do not return, or the stop is
    /// asked for.
    pub(super) fn wait_retired(&self, stop: &Stop, limit: Option<Duration>) {
        let watch = self.clone();
        stop.on_request(move || watch.0.change(|_| ()));
        self.wait_while(limit, |state| {
            let stuck = state.slots.iter().filter(|slot| slot.is_stuck()).count();
            state.places > stuck && !stop.is_requested()
        });
    }

    fn wait_while(&self, limit: Option<Duration>, condition: impl Fn(&State) -> bool) -> bool {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.0.lock();
        while condition(&state) {
            state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        true
    }

    /// Ends every connection of a slot, whatever it is at.
    pub(super) fn cut_all(&self) {
        self.0.lock().slots.iter().for_each(|slot| slot.end());
    }

    /// The handlers that are being called: how long already, and which.
    pub(super) fn in_handlers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for slot in &self.0.lock().slots {
            for stage in [Stage::Calling, Stage::Cut] {
                slot.look(stage, |route, since| {
                    found.push(format!("{} for {}", name(route), crate::units::duration(since)));
                    stage
                });
            }
        }
        found
    }

    pub(super) fn close(&self) {
        self.0.change(|state| state.closed = true);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn run(&self) {
        loop {
            let settings = self.service.settings();
            let limit = settings.timeouts.handler;
            let tick = limit.map_or(TICK.1, |limit| (limit / 8).clamp(TICK.0, TICK.1));
            std::thread::park_timeout(tick);
            let slots = {
                let state = self.lock();
                if state.closed {
                    return;
                }
                state.slots.clone()
            };
            if limit.is_some_and(|limit| cut_off_late(&slots, limit, settings.request_id)) {
                self.changed.notify_all();
            }
            self.stuck.look(&slots, settings.limits.stuck);
        }
    }
}

/// Whether any handler was late.
fn cut_off_late(slots: &[Arc<Slot>], limit: Duration, id_header: Option<&str>) -> bool {
    let mut any = false;
    for slot in slots {
        slot.look(Stage::Calling, |route, since| {
            if since < limit {
                return Stage::Calling;
            }
            any = true;
            late(slot, route, since, id_header)
        });
    }
    any
}

fn late(slot: &Slot, route: &Route, since: Duration, id_header: Option<&str>) -> Stage {
    let since = crate::units::duration(since);
    tracing::error!(
        plugin = route.plugin.name(),
        request = slot.id().as_deref().unwrap_or("-"),
        "handler of {} has not returned for {since}: its client was cut off, its thread is stuck until it returns",
        name(route)
    );
    slot.cut_off(id_header);
    Stage::Cut
}

/// What a route is called in the log.
fn name(route: &Route) -> String {
    let plugin = &route.plugin;
    format!("{} {} (plugin {} {})", route.method, route.rule, plugin.name(), plugin.manifest().version)
}
