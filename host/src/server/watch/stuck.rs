//! Handlers that never return take their threads with them: with too many of them, another process has to serve.

use super::name;
use super::slot::{Slot, Stage};
use crate::server::Unfit;
use crate::server::now_and_then::NowAndThen;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How long after it was said that another process has to serve, it is said again: that one may not have got ready.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Threads that a server has only so many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::server) enum Crew {
    /// Those that connections are served on.
    Connections,
    /// Event loops.
    Loops,
    /// Those for handlers that block.
    Pool,
    /// Those for all handlers.
    Handlers,
}

impl Crew {
    const ALL: [Self; 4] = [Self::Connections, Self::Loops, Self::Pool, Self::Handlers];

    /// What there is no more of when all of it is stuck.
    fn name(self) -> &'static str {
        match self {
            Self::Connections => "no thread is left for connections",
            Self::Loops => "no event loop is left",
            Self::Pool => "no thread is left for handlers that block",
            Self::Handlers => "no handler thread is left",
        }
    }
}

/// Says when a server is no longer fit to serve.
pub(super) struct Stuck {
    unfit: Unfit,
    size: Box<dyn Fn(Crew) -> usize + Send + Sync>,
    said: NowAndThen,
}

impl Stuck {
    pub(super) fn new(unfit: Unfit, size: impl Fn(Crew) -> usize + Send + Sync + 'static) -> Self {
        Self { unfit, size: Box::new(size), said: NowAndThen::every(SAY_AGAIN) }
    }

    /// Counts what is stuck, of which there may be so much.
    pub(super) fn look(&self, slots: &[Arc<Slot>], limit: usize) {
        let stuck: Vec<&Arc<Slot>> = slots.iter().filter(|slot| slot.is_stuck()).collect();
        let of = |crew: Crew| stuck.iter().filter(|slot| slot.crew == crew).count();
        let used_up = Crew::ALL.into_iter().find(|crew| of(*crew) >= (self.size)(*crew).max(1));
        let why = match used_up {
            Some(crew) => crew.name().to_owned(),
            None if stuck.len() > limit => format!("`stuck` in [limits] is {limit}"),
            None => return,
        };
        if self.said.is_time() {
            (self.unfit)(&format!("{}; {why}", described(&stuck)));
        }
    }
}

/// How many there are, and the route that most of them are of.
fn described(stuck: &[&Arc<Slot>]) -> String {
    let mut routes = HashMap::<String, usize>::new();
    for slot in stuck {
        slot.look(Stage::Cut, |route, _| {
            *routes.entry(name(route)).or_default() += 1;
            Stage::Cut
        });
    }
    let most = routes.into_iter().max_by(|(one, count), (other, more)| count.cmp(more).then(other.cmp(one)));
    let (route, of_it) = most.unwrap_or_default();
    match stuck.len() {
        1 => format!("a handler is past its deadline and has not returned: {route}"),
        all => format!("{all} handlers are past their deadlines and have not returned, {of_it} of {route}"),
    }
}
