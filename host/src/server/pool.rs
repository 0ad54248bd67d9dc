//! `pool`: event loops in front of a queue and a number of handler threads. A slow client never holds a thread, and a handler
//! that blocks never holds a loop.
//!
//! The loops are those of `actix`: they read requests with their bodies, and write answers. Every call of a handler, and every
//! poll of one that is pending, happens on a handler thread: see `actix/pooled.rs` for how a request gets there and back.

use super::about::CRASH_OF_ALL;
use super::actix;
use super::{About, Guarantees, Http, Server, Serving, Swap};
use crate::error::Error;
use crate::spec::{Opt, Unit};
use std::num::NonZeroUsize;

/// How many requests may wait for a thread.
const QUEUE: Opt = Opt {
    name: "queue",
    unit: Unit::Number,
    default: "512",
    what: "requests that may wait for a thread; one more is answered with 503 and `retry-after` at once",
};

/// Threads for each core, where `threads` says nothing: handlers wait for other machines more than they compute.
const THREADS_PER_CORE: usize = 4;

/// There are no fewer than this.
const THREADS_MIN: usize = 16;

pub(super) struct Pool;

impl Server for Pool {
    fn about(&self) -> About {
        About {
            name: "pool",
            summary: "event loops in front of a queue and a fixed number of handler threads",
            good_for: "handlers that block, behind clients of any speed; a load that must not grow without a bound",
            is_single: false,
            http: Http::Actix,
            workers: Some("event loops; auto: one for each core"),
            threads: Some("handler threads; auto: four for each core, and at least 16"),
            options: &[QUEUE],
            guarantees: Guarantees {
                slow_client: "holds its connection, and never a thread",
                blocking_handler: "holds one of the threads, and never an event loop; when all are held, others wait in the queue",
                crash: CRASH_OF_ALL,
                swap: Swap::InPlace,
            },
            aliases: &["waitress", "cherrypy", "cheroot", "paste", "rocket"],
        }
    }

    fn serve(&self, serving: Serving) -> Result<(), Error> {
        let threads = serving.threads.unwrap_or_else(threads_of_this_machine);
        let queue_max = usize::try_from(QUEUE.value(&serving.options)).unwrap_or(usize::MAX);
        actix::serve_pooled(serving, threads, queue_max)
    }
}

fn threads_of_this_machine() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (cores * THREADS_PER_CORE).max(THREADS_MIN)
}
