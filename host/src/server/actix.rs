//! `actix`: asynchronous, on all cores, on `actix_web::HttpServer` with our handler as its service.

mod body;
mod carried;
mod connection;
mod head;
mod owned;
mod respond;
mod service;
mod slow;

use super::{About, Server, Serving};
use crate::error::Error;
use crate::listener::Listener;
use actix_http::KeepAlive;
use actix_web::HttpServer;
use futures_util::future::{Either, select};
use service::{Handling, Shared};
use std::cell::Cell;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What actix takes for "no deadline".
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long a client may go on reading after its connection was ended.
const DISCONNECT: Duration = Duration::from_secs(1);

/// How long workers may take to end after the shutdown deadline.
const CUT_OFF: Duration = Duration::from_secs(1);

/// How long workers may take to begin with what was accepted before the stop: actix drops what they have not begun then.
const ACCEPTED: Duration = Duration::from_millis(100);

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
        actix_rt::System::new().block_on(serve(serving))
    }
}

async fn serve(mut serving: Serving) -> Result<(), Error> {
    let fail = |cause: io::Error| Error::failed(format!("cannot serve: {cause}"));
    let timeouts = serving.service.timeouts;
    let listeners = std::mem::take(&mut serving.listeners);
    let (workers, connections) = (serving.workers, serving.service.limits.connections);
    let stop = serving.stop.clone();
    let shared = Arc::new(Shared::new(serving));
    let (handling, connecting) = (shared.clone(), shared.clone());
    let mut server = HttpServer::new(move || Handling::factory(handling.clone()))
        .workers(workers)
        .max_connections(connections.div_ceil(workers))
        .keep_alive(timeouts.keep_alive.map_or(KeepAlive::Os, KeepAlive::Timeout))
        .client_request_timeout(timeouts.head.unwrap_or(NEVER))
        .client_disconnect_timeout(DISCONNECT)
        // A client may say that it sends no more and still read; who waits for a handler looks whether it has left.
        .h1_allow_half_closed(true)
        .on_connect(move |io, extensions| connection::begin(&connecting, io, extensions))
        .disable_signals()
        .shutdown_timeout(timeouts.shutdown.unwrap_or(NEVER).as_secs().max(1));
    let mut paths = Vec::new();
    for listener in listeners {
        server = match listener {
            Listener::Tcp(listener, _) => server.listen(listener).map_err(fail)?,
            Listener::Unix(listener, path) => {
                paths.push(path);
                server.listen_uds(listener).map_err(fail)?
            }
        };
    }
    let running = server.run();
    let handle = running.handle();
    let stopping = Arc::new(Notify::new());
    let asked = stopping.clone();
    // Asked for from any thread, also from inside a handler on a worker: nobody waits there.
    stop.on_request(move || asked.notify_one());
    // A worker whose handler never returns would never answer the command: it is left behind, and named.
    let asked_at = Cell::new(None);
    let late = async {
        stopping.notified().await;
        asked_at.set(Some(Instant::now()));
        let _ = handle.pause().await;
        actix_rt::time::sleep(ACCEPTED).await;
        // Only sent, and never waited for.
        drop(handle.stop(true));
        actix_rt::time::sleep(timeouts.shutdown.unwrap_or(NEVER) + CUT_OFF).await;
    };
    match select(pin!(running), pin!(late)).await {
        Either::Left((ended, _)) => ended.map_err(fail)?,
        Either::Right(_) => {}
    }
    let asked_at = asked_at.get().unwrap_or_else(Instant::now);
    shared.finish(timeouts.shutdown.map(|shutdown| asked_at + shutdown))
}
