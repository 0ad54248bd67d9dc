//! The worker's side.

use super::crash::CrashRecords;
use super::memory::{Layout, Memory};
use super::slot::Place;
use std::fs::File;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The board of a process, and of those that it forks.
pub(crate) struct Board {
    memory: Memory,
    file: File,
    /// Slots that this process gave back. Another one may have taken them since.
    free_slots: Mutex<Vec<u32>>,
    free_routes: Mutex<Vec<u32>>,
}

/// The board of this process; none: the system has no room for it, and the process does without.
pub(crate) fn board() -> Option<&'static Arc<Board>> {
    static BOARD: OnceLock<Option<Arc<Board>>> = OnceLock::new();
    let create = || {
        let board = Board::create().inspect_err(|cause| {
            tracing::warn!("no scoreboard: {cause}; crashes and requests in flight cannot be shown");
        });
        board.ok().map(Arc::new)
    };
    BOARD.get_or_init(create).as_ref()
}

/// A place on the board of this process, for an exchange.
pub(crate) fn place() -> Place {
    board().map_or_else(|| Place::of(None), Board::slot)
}

impl Board {
    /// A new one: one is enough for a process, but for tests.
    pub(crate) fn create() -> io::Result<Self> {
        let (memory, file) = Memory::create()?;
        memory.layout().pid.store(std::process::id(), Ordering::Relaxed);
        memory.layout().process.store(crate::request_id::process(), Ordering::Relaxed);
        Ok(Self { memory, file, free_slots: Mutex::default(), free_routes: Mutex::default() })
    }

    /// For whoever is to look at it.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn layout(&self) -> &Layout {
        self.memory.layout()
    }

    pub(super) fn free_routes(&self) -> MutexGuard<'_, Vec<u32>> {
        self.free_routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where signal handlers write what they see.
    pub(crate) fn crashes(&self) -> &CrashRecords {
        &self.layout().crashes
    }

    /// A slot for an exchange of this process.
    pub(crate) fn slot(self: &Arc<Self>) -> Place {
        let (layout, owner) = (self.layout(), std::process::id());
        let mut given_back = self.free_slots();
        let given_back = std::iter::from_fn(|| given_back.pop());
        let used = layout.slots_used.load(Ordering::Relaxed);
        let (new, of_others) = (used..layout.slots.len() as u32, 0..used);
        // What was used before comes first: its memory is there. What other processes gave back takes a search: it comes last, but in a
        // process that was forked, as one after the other would take a new one, and all look at those that were ever used.
        let is_makers = layout.pid.load(Ordering::Relaxed) == owner;
        let (first, last) = if is_makers { (new, of_others) } else { (of_others, new) };
        let mut candidates = given_back.chain(first).chain(last);
        let index = candidates.find(|index| layout.slots[*index as usize].take(owner));
        if let Some(index) = index {
            layout.slots_used.fetch_max(index + 1, Ordering::Relaxed);
        }
        Place::of(index.map(|index| (self.clone(), index)))
    }

    pub(super) fn free_slots(&self) -> MutexGuard<'_, Vec<u32>> {
        self.free_slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests in flight in processes that this one forked: of each the process, and the number of its route.
    pub(crate) fn in_flight_elsewhere(&self) -> Vec<(u32, usize)> {
        let (layout, own) = (self.layout(), std::process::id());
        let used = layout.slots_used.load(Ordering::Acquire) as usize;
        let busy = layout.slots.iter().take(used).filter(|slot| slot.is_busy());
        let routed = busy.filter_map(|slot| Some((slot.owner(), slot.route()?)));
        routed.filter(|(owner, _)| *owner != 0 && *owner != own).collect()
    }

    /// A process that this one forked has ended: what it has not given back is free.
    pub(crate) fn give_back_of(&self, pid: u32) {
        self.layout().crashes.forget(pid);
        let used = self.layout().slots_used.load(Ordering::Relaxed) as usize;
        self.layout().slots.iter().take(used).for_each(|slot| slot.give_back_of(pid));
    }
}
