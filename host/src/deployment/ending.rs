//! The last calls to a plugin: each on a thread that may hang.
#![allow(unsafe_code, reason = "the last calls to a plugin")]

use crate::deadline::{self, Progress};
use crate::error::Error;
use crate::generation::{Fate, Generation};
use std::sync::Arc;
use std::time::Duration;

/// How long threads that a generation left that was not published may take to end.
const UNMAP: Duration = Duration::from_secs(1);

/// How often to look whether a call has returned.
const MOMENT: Duration = Duration::from_millis(5);

/// Has it give everything back and end its threads; a rollback may start it again. For one that is in no published table, and
/// that no request uses.
pub(super) fn stop(generation: &Arc<Generation>, limit: Option<Duration>) -> Result<(), Error> {
    let generation = generation.clone();
    deadline::run("stop", limit, move |progress| {
        crate::load::loading();
        // SAFETY: the caller saw that nothing uses it, or it never was published.
        unsafe { generation.stop(progress) }
    })
}

/// Frees the instance, unless that has happened, and unmaps the library. For one that was stopped, or never started, and that no
/// request uses.
pub(super) fn end_and_unmap(generation: &Arc<Generation>, limit: Option<Duration>, unmap: Duration) -> Fate {
    let ending = generation.clone();
    let fate = deadline::run("destroy", limit, move |progress| {
        crate::load::loading();
        // SAFETY: nothing of it runs, and it is in no table that is published.
        unsafe { ending.destroy(progress) }?;
        progress.step(format!("plugin `{}`: unmapping generation {}", ending.name(), ending.label().number));
        Ok(ending.unmap(unmap))
    });
    fate.unwrap_or_else(|error| Fate::Pinned(error.message().to_owned()))
}

/// Ends generations that nobody has seen.
pub(super) fn discard(generations: Vec<Arc<Generation>>, limit: Option<Duration>) {
    let ended = deadline::run("discarding", limit, move |progress| {
        crate::load::loading();
        for generation in &generations {
            let fate = match end(generation, progress) {
                Ok(()) => generation.unmap(UNMAP),
                Err(error) => Fate::Pinned(error.message().to_owned()),
            };
            if let Fate::Pinned(why) = fate {
                tracing::warn!("{}, which was not swapped in, stays mapped: {why}", generation.label());
            }
        }
        Ok(())
    });
    if let Err(error) = ended {
        tracing::warn!("{error}; its thread was left behind");
    }
}

/// As [`end`], for one that a swap may be about to end as well: what it is called at that moment returns first.
pub(super) fn end_when_free(generation: &Generation, progress: &Progress) -> Result<(), Error> {
    if let Some(call) = generation.under_way() {
        progress.step(format!("plugin `{}`: {call}", generation.name()));
        while generation.under_way().is_some() {
            std::thread::sleep(MOMENT);
        }
    }
    end(generation, progress)
}

/// Stops it and frees its instance. For one that nothing uses, on a thread that may hang.
pub(super) fn end(generation: &Generation, progress: &Progress) -> Result<(), Error> {
    // SAFETY: the server has ended, or it never was published.
    unsafe { generation.stop(progress) }?;
    // SAFETY: as above.
    unsafe { generation.destroy(progress) }
}
