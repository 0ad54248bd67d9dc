//! What a host is doing: the requests in flight, as its scoreboards have them.
//!
//! A supervisor looks at the boards of its workers, and asks no worker anything: so it can answer while one hangs.

mod frames;
mod list;
mod stacks;
mod table;
mod threads;
mod watchdog;

pub(crate) use list::{LISTED_MAX, list};
pub(crate) use stacks::{Wanted, report, stacks};
pub(crate) use table::harmless;
pub(crate) use threads::stacks_of_process;
pub(crate) use watchdog::{Watchdog, watch_this_process};

use crate::control::Answer;
use crate::error::Error;
use crate::scoreboard::{InFlight, View, board};
use std::sync::Arc;

/// A handler that has been running for fewer milliseconds is none that SIGUSR1 is sent for.
const STUCK_PERHAPS: u64 = 1000;

/// What a host without a supervisor is doing.
pub(crate) fn list_of_this_process(max: usize) -> Answer {
    own_view().map(|view| list(in_flight([&view]), max)).into()
}

/// The stacks of handlers of a host without a supervisor.
pub(crate) fn stacks_of_this_process(wanted: &Wanted) -> Answer {
    own_view().map(|view| stacks(&[Arc::new(view)], wanted)).into()
}

/// Writes to the log what a host without a supervisor is doing: what SIGUSR1 asks for.
pub(crate) fn say_of_this_process() {
    on_a_thread(|| match own_view().map(Arc::new) {
        Ok(view) => say(&list(in_flight([&*view]), LISTED_MAX), std::slice::from_ref(&view)),
        Err(error) => tracing::error!("{error}"),
    });
}

/// Writes to the log what is in flight, and then the stacks of handlers that may be stuck.
pub(crate) fn say(list: &Answer, views: &[Arc<View>]) {
    tracing::info!("{}", list.text);
    let stacks = stacks(views, &Wanted::OlderThan(STUCK_PERHAPS));
    if stacks.data["stacks"].as_array().is_some_and(|stacks| !stacks.is_empty()) {
        tracing::info!("stacks of handlers:\n{}", stacks.text);
    }
}

/// For what takes its time. Without a thread left it is not done, which the log says.
pub(crate) fn on_a_thread(work: impl FnOnce() + Send + 'static) {
    if let Err(cause) = std::thread::Builder::new().name("stacks".into()).spawn(work) {
        tracing::error!("cannot start a thread that takes stacks: {cause}");
    }
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
