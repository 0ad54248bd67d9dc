//! What a worker is at, in memory that its supervisor can read: also while it hangs, and after it has crashed.
//!
//! Apache calls it a scoreboard. A worker makes one ([`Board`](board::Board)) and hands its descriptor on; whoever has that looks at it
//! ([`View`]). Nobody waits for anybody: a record is written by one owner with a few stores, a reader copies it and looks whether it
//! was written meanwhile. Processes that a worker forks have the same board.
//!
//! Text is cut off where there is no more room, and there is room for so many records: what has none is not shown, and works.

mod board;
mod counts;
mod crash;
mod generations;
mod memory;
mod routes;
mod slot;
mod text;
mod thread;
mod view;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use board::Board;
pub(crate) use board::{board, place};
pub(crate) use counts::CountsOnBoard;
pub(crate) use crash::{Claim, CrashRecord, CrashRecords, Crashed, Crashing, STACK_WORDS};
pub(crate) use generations::{GenerationOnBoard, OnBoard};
pub(crate) use routes::RouteOnBoard;
pub(crate) use slot::{Client, Place, Request, State};
pub(crate) use thread::thread_id;
pub(crate) use view::{InFlight, View};
