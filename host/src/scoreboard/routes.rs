//! The routes of the tables that are alive.

use super::board::Board;
use super::memory::Layout;
use super::text::Text;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A route. Taken while `plugin` is not zero.
#[repr(C)]
pub(super) struct RouteRecord {
    /// The number of its generation's record, plus one; [`NO_GENERATION`] where that has none.
    generation: AtomicU32,
    _reserved: AtomicU32,
    method: Text<2>,
    rule: Text<19>,
}

const FREE: u32 = 0;
const NO_GENERATION: u32 = u32::MAX;

/// A route's place on the board, until it is dropped.
pub(crate) struct RouteOnBoard {
    board: Arc<Board>,
    index: u32,
}

/// What is said of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) method: String,
    pub(super) rule: String,
    pub(super) generation: Option<usize>,
}

impl Board {
    /// Puts a route on the board; none: there is no room.
    pub(crate) fn add_route(
        self: &Arc<Self>,
        method: &str,
        rule: &str,
        generation: Option<u32>,
    ) -> Option<RouteOnBoard> {
        let generation = generation.map_or(NO_GENERATION, |index| index + 1);
        let layout = self.layout();
        let index = self.free_routes().pop().or_else(|| next_unused(layout))?;
        let record = &layout.routes[index as usize];
        record.method.store(method.as_bytes());
        record.rule.store(rule.as_bytes());
        record.generation.store(generation, Ordering::Release);
        Some(RouteOnBoard { board: self.clone(), index })
    }
}

fn next_unused(layout: &Layout) -> Option<u32> {
    let used = layout.routes_used.load(Ordering::Relaxed);
    if used as usize >= layout.routes.len() {
        return None;
    }
    layout.routes_used.store(used + 1, Ordering::Relaxed);
    Some(used)
}

impl RouteOnBoard {
    /// Its number, for slots.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }
}

impl Drop for RouteOnBoard {
    fn drop(&mut self) {
        self.board.layout().routes[self.index as usize].generation.store(FREE, Ordering::Release);
        self.board.free_routes().push(self.index);
    }
}

impl RouteRecord {
    pub(super) fn read(&self) -> Option<Named> {
        let generation = match self.generation.load(Ordering::Acquire) {
            FREE => return None,
            NO_GENERATION => None,
            number => Some(number as usize - 1),
        };
        Some(Named { method: self.method.load(), rule: self.rule.load(), generation })
    }
}
