//! `actix`: asynchronous, on all cores: the HTTP/1 of actix, on event loops of ours.
//!
//! It is not `actix_web::HttpServer`: the sockets of that one cannot change while it runs, and when it stops it drops connections
//! that it has accepted and not begun with. Here a connection has its [`Place`](super::watch::Place) from the moment it is
//! accepted, and no loop ends before they were all given back.

mod body;
mod carried;
mod connection;
mod head;
mod io;
mod loops;
mod owned;
mod pooled;
mod respond;
mod service;
mod slow;
mod worker;

use super::about::CRASH_OF_ALL;
use super::accept::{Acceptors, CannotAccept};
use super::threads;
use super::{About, Guarantees, Http, Server, Serving, Swap};
use crate::error::Error;
use loops::Loops;
use std::sync::Arc;
use worker::Shared;

pub(super) struct Actix;

impl Server for Actix {
    fn about(&self) -> About {
        About {
            name: "actix",
            summary: "asynchronous, one event loop for each core",
            good_for: "many connections and speed, with handlers that do not block",
            is_single: false,
            http: Http::Actix,
            workers: Some("event loops; auto: one for each core"),
            threads: Some("threads at most for handlers that are declared `blocking`; auto: 256"),
            options: &[],
            guarantees: Guarantees {
                slow_client: "holds its connection, and nothing else",
                blocking_handler: "holds an event loop, with all its connections; declared `blocking`, a thread instead",
                crash: CRASH_OF_ALL,
                swap: Swap::InPlace,
            },
            aliases: &[
                "tornado",
                "twisted",
                "gevent",
                "eventlet",
                "meinheld",
                "bjoern",
                "aiohttp",
                "uvloop",
                "fapws3",
                "diesel",
                "geventSocketIO",
            ],
        }
    }

    fn serve(&self, serving: Serving) -> Result<(), Error> {
        serve(Shared::new(serving))
    }
}

/// Serves with so many threads for all handlers: the server `pool`.
pub(super) fn serve_pooled(serving: Serving, threads: usize, queue_max: usize) -> Result<(), Error> {
    serve(Shared::pooled(serving, threads, queue_max)?)
}

fn serve(shared: Shared) -> Result<(), Error> {
    let shared = Arc::new(shared);
    let loops = Arc::new(Loops::start(&shared)?);
    let of_acceptors = loops.clone();
    let acceptors = Acceptors::new(&shared.watch, &CannotAccept::new(), move |socket, bound| {
        of_acceptors.serve(socket, bound)
    });
    shared.serving.listening.serve(acceptors)?;
    threads::see_out(&shared.serving, &shared.watch, |ending| loops.tell(ending))
}
