//! What a plugin may ask of the host that runs it: `"pa.run/1"`, and a store that survives its swaps.

use crate::spec::Limits;
use crate::stop::Stop;
use crate::store::Stores;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

/// Where the life of the host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Plugins are loaded; asking to run or to stop does nothing, as Bottle's `NORUN`.
    Loading = 0,
    /// The server runs.
    Serving = 1,
}

/// The host's phase, its stop and its stores, shared with every plugin that it loads, for as long as the process lives.
#[derive(Clone)]
pub struct RunHandle {
    stop: Stop,
    phase: Arc<AtomicU8>,
    stores: Stores,
    /// Plugins are started elsewhere: in children of this process.
    starts_elsewhere: Arc<AtomicBool>,
}

/// The answer to a plugin that asks the host to run or to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It does.
    Done,
    /// Not while loading.
    Ignored,
    /// It stops already.
    TooLate,
}

impl RunHandle {
    /// A host that is loading. Its stores have the limit of a spec that says nothing.
    pub fn new(stop: Stop) -> Self {
        let stores = Stores::new(Limits::default().store_bytes);
        let phase = Arc::new(AtomicU8::new(Phase::Loading as u8));
        Self { stop, phase, stores, starts_elsewhere: Arc::default() }
    }

    /// Plugins are not started in this process, but in its children.
    pub fn start_elsewhere(&self) {
        self.starts_elsewhere.store(true, Ordering::SeqCst);
    }

    /// Whether plugins that are loaded are to be started.
    pub(crate) fn starts_plugins(&self) -> bool {
        !self.starts_elsewhere.load(Ordering::SeqCst)
    }

    /// The stop that a plugin's wish ends in.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// What is kept for plugins over swaps.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    fn is_loading(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == Phase::Loading as u8 || crate::load::is_loading()
    }

    /// A plugin asks to run.
    pub fn ask_run(&self) -> Asked {
        match () {
            () if self.is_loading() => Asked::Ignored,
            () if self.stop.is_requested() => Asked::TooLate,
            () => Asked::Done,
        }
    }

    /// A plugin asks to stop.
    pub fn ask_stop(&self) -> Asked {
        if self.is_loading() {
            return Asked::Ignored;
        }
        self.stop.request();
        Asked::Done
    }
}
