//! What a host is doing: the requests in flight, as its scoreboards have them.
//!
//! A supervisor looks at the boards of its workers, and asks no worker anything: so it can answer while one hangs.

mod list;
mod table;

pub(crate) use list::{LISTED_MAX, list};

use crate::control::Answer;
use crate::error::Error;
use crate::scoreboard::{InFlight, View, board};

/// What a host without a supervisor is doing.
pub(crate) fn list_of_this_process(max: usize) -> Answer {
    own_view().map(|view| list(in_flight([&view]), max)).into()
}

fn own_view() -> Result<View, Error> {
    let board = board().ok_or_else(|| Error::failed("this process has no scoreboard: its log says why"))?;
    View::of(board.file())
}

/// All that is in flight on these boards, the oldest first.
pub(crate) fn in_flight<'v>(views: impl IntoIterator<Item = &'v View>) -> Vec<InFlight> {
    let mut all: Vec<InFlight> = views.into_iter().flat_map(View::in_flight).collect();
    all.sort_by_key(|one| one.began_ms);
    all
}
