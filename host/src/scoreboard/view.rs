//! A board as others see it.

use super::crash::{CrashRecord, Crashed, STACK_WORDS};
use super::generations::GenerationOnBoard;
use super::memory::Memory;
use super::slot::{Client, Seen, State};
use crate::error::Error;
use std::fs::File;
use std::sync::atomic::Ordering;

/// Somebody's board, to be looked at.
pub(crate) struct View(Memory);

/// A request in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InFlight {
    /// As the log has it.
    pub(crate) id: String,
    pub(crate) client: Client,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Its route's method and rule; none: it has none, or not yet.
    pub(crate) route: Option<(String, String)>,
    /// The generation of its route.
    pub(crate) generation: Option<GenerationOnBoard>,
    pub(crate) state: State,
    /// The process that has it.
    pub(crate) pid: u32,
    /// The thread that runs its handler, while it does.
    pub(crate) thread: Option<u32>,
    /// Another number is another call of its handler: it was polled again.
    pub(crate) calls: u32,
    /// When its head was read, in milliseconds of the coarse monotonic clock.
    pub(crate) began_ms: u64,
}

impl View {
    /// The board behind a descriptor.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn of(file: &File) -> Result<Self, Error> {
        Memory::of(file).map(Self)
    }

    /// The requests that are in flight now, the oldest first.
    pub(crate) fn in_flight(&self) -> Vec<InFlight> {
        let layout = self.0.layout();
        let used = layout.slots_used.load(Ordering::Acquire) as usize;
        let seen =
            layout.slots.iter().take(used).filter(|slot| slot.is_busy()).filter_map(|slot| slot.read());
        let busy = seen.filter(|seen| seen.owner != 0 && seen.state != State::Idle);
        let mut all: Vec<InFlight> = busy.map(|seen| self.shown(seen)).collect();
        all.sort_by_key(|one| one.began_ms);
        all
    }

    fn shown(&self, seen: Seen) -> InFlight {
        let layout = self.0.layout();
        let route = seen.route.and_then(|index| layout.routes.get(index)?.read());
        let generation = route.as_ref().and_then(|route| route.generation);
        let process = layout.process.load(Ordering::Relaxed);
        InFlight {
            id: crate::request_id::text(process, seen.id).to_string(),
            client: seen.client,
            method: seen.method,
            path: seen.path,
            generation: generation.and_then(|index| layout.generations.get(index)?.read()),
            route: route.map(|route| (route.method, route.rule)),
            state: seen.state,
            pid: seen.owner,
            thread: (seen.state == State::InHandler).then_some(seen.thread),
            calls: seen.calls,
            began_ms: seen.began_ms,
        }
    }

    /// Whether a request is on this board.
    pub(crate) fn has(&self, request: &InFlight) -> bool {
        let process = self.0.layout().process.load(Ordering::Relaxed);
        request.id.starts_with(&crate::request_id::of_process(process))
    }

    /// The generations that are mapped.
    pub(crate) fn generations(&self) -> Vec<GenerationOnBoard> {
        self.0.layout().generations.iter().filter_map(|record| record.read()).collect()
    }

    /// The generation whose library has that address.
    pub(crate) fn generation_at(&self, address: u64) -> Option<GenerationOnBoard> {
        self.generations().into_iter().find(|generation| generation.mapped.contains(&address))
    }

    /// The generation whose code has that address.
    pub(crate) fn generation_of_code(&self, address: u64) -> Option<GenerationOnBoard> {
        let mut records = self.0.layout().generations.iter();
        records.find(|record| record.code().contains(&address))?.read()
    }

    /// What that process died of, of those that have this board; none: of nothing that it could write down.
    pub(crate) fn crash_of(&self, pid: u32) -> Option<Crashed> {
        self.0.layout().crashes.of(pid).map(CrashRecord::read)
    }

    /// A process that has this board, and is not the one that made it, has ended and was reported: what it had is free.
    pub(crate) fn forget(&self, pid: u32) {
        let layout = self.0.layout();
        layout.crashes.forget(pid);
        let used = layout.slots_used.load(Ordering::Acquire) as usize;
        layout.slots.iter().take(used).for_each(|slot| slot.give_back_of(pid));
    }

    /// The top of the stack of the thread of that process that crashed, the innermost word first; zeros where none did.
    pub(crate) fn crash_stack_of(&self, pid: u32) -> [u64; STACK_WORDS] {
        self.0.layout().crashes.of(pid).map_or([0; STACK_WORDS], CrashRecord::words)
    }

    /// The generation of that number on the board.
    pub(crate) fn generation(&self, index: u32) -> Option<GenerationOnBoard> {
        self.0.layout().generations.get(index as usize)?.read()
    }
}
