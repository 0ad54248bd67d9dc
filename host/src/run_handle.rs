//! What a plugin may ask of the host that runs it: `"pa.run/1"`.

use crate::stop::Stop;
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
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

/// The host's phase and its stop, shared with every plugin that it loads.
#[derive(Clone)]
pub struct RunHandle {
    stop: Stop,
    phase: Arc<AtomicU8>,
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
    /// A host that is loading.
    pub fn new(stop: Stop) -> Self {
        Self { stop, phase: Arc::new(AtomicU8::new(Phase::Loading as u8)) }
    }

    /// The stop that a plugin's wish ends in.
    pub fn stop(&self) -> &Stop {
        &self.stop
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
