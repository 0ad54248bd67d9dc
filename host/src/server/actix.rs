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
mod respond;
mod service;
mod slow;
mod worker;

use super::accept::Acceptors;
use super::threads;
use super::{About, Server, Serving};
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
            good_for: "many connections and speed; a handler that blocks for long is declared `blocking`",
            is_single: false,
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
            options: &[],
        }
    }

    fn serve(&self, serving: Serving) -> Result<(), Error> {
        let shared = Arc::new(Shared::new(serving));
        let loops = Arc::new(Loops::start(&shared)?);
        let of_acceptors = loops.clone();
        let acceptors = Acceptors::new(&shared.watch, move |socket, bound| of_acceptors.serve(socket, bound));
        shared.serving.listening.serve(acceptors)?;
        threads::see_out(&shared.serving, &shared.watch, |ending| loops.tell(ending))
    }
}
