//! The last calls to a plugin: each on a thread that may hang.
#![allow(unsafe_code, reason = "the last calls to a plugin, and unmapping it")]

use crate::deadline::{self, Progress};
use crate::error::Error;
use crate::generation::{Fate, Generation, Phase};
use std::sync::Arc;
use std::time::Duration;

/// How long threads that a generation left that was not published may take to end.
const UNMAP: Duration = Duration::from_secs(1);

/// Has it give everything back and end its threads; a rollback may start it again. For one that is in no published table, and
/// that no request uses.
pub(super) fn stop(generation: &Arc<Generation>, limit: Option<Duration>) -> Result<(), Error> {
    let generation = generation.clone();
    deadline::run("stop", limit, move |progress| {
        crate::load::loading();
        // SAFETY: the caller saw that nothing uses it, or it never was published.
        unsafe { generation.stop(progress) };
        Ok(())
    })
}

/// Frees the instance, unless that has happened, and unmaps the library.
pub(super) fn end_and_unmap(generation: &Arc<Generation>, limit: Option<Duration>, unmap: Duration) -> Fate {
    let ending = generation.clone();
    let fate = deadline::run("destroy", limit, move |progress| {
        crate::load::loading();
        if matches!(ending.phase(), Phase::Created | Phase::Stopped) {
            // SAFETY: it was stopped, or never started; nothing of it runs, and it is in no table that is published.
            unsafe { ending.destroy(progress) };
        }
        progress.step(format!("plugin `{}`: unmapping generation {}", ending.name(), ending.label().number));
        // SAFETY: it was destroyed.
        Ok(unsafe { ending.unmap(unmap) })
    });
    fate.unwrap_or_else(|error| Fate::Pinned(error.message().to_owned()))
}

/// Ends generations that nobody has seen.
pub(super) fn discard(generations: Vec<Arc<Generation>>, limit: Option<Duration>) {
    let ended = deadline::run("discarding", limit, move |progress| {
        crate::load::loading();
        for generation in &generations {
            end(generation, progress);
            // SAFETY: it was destroyed, and never published.
            if let Fate::Pinned(why) = unsafe { generation.unmap(UNMAP) } {
                tracing::warn!("{}, which was not swapped in, stays mapped: {why}", generation.label());
            }
        }
        Ok(())
    });
    if let Err(error) = ended {
        tracing::warn!("{error}; its thread was left behind");
    }
}

/// Stops it and frees its instance. For one that nothing uses, on a thread that may hang.
pub(super) fn end(generation: &Generation, progress: &Progress) {
    // SAFETY: the server has ended, or it never was published.
    unsafe { generation.stop(progress) };
    if matches!(generation.phase(), Phase::Created | Phase::Stopped) {
        // SAFETY: as above; it was stopped, or never started.
        unsafe { generation.destroy(progress) };
    }
}
