//! `threaded`: a thread for each connection, up to a limit. The essay's cure.

use super::accept::accept_until_stop;
use super::conversation;
use super::socket::Socket;
use super::threads::{self, Held, PluginThread};
use super::wait::Wakeup;
use super::watch::Watch;
use super::{About, Server, Serving};
use crate::error::Error;
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

/// How long the acceptor waits before it looks again whether a connection has ended, or the stop was asked for.
const MOMENT: Duration = Duration::from_millis(20);

pub(super) struct Threaded;

impl Server for Threaded {
    fn about(&self) -> About {
        About {
            name: "threaded",
            summary: "a thread for each connection, up to a limit",
            good_for: "handlers that block; a slow client holds one thread and nobody else",
            is_single: false,
            aliases: &["flup", "paste", "rocket", "cherrypy", "cheroot", "waitress", "threading"],
            options: &[],
        }
    }

    fn serve(&self, mut serving: Serving) -> Result<(), Error> {
        let listeners = std::mem::take(&mut serving.listeners);
        let acceptors = listeners.len();
        let watch = Watch::start(serving.service.timeouts.handler);
        let pool = Arc::new(Pool { pressure: Wakeup::new()?, serving, acceptors, watch: watch.clone() });
        for listener in listeners {
            let pool = pool.clone();
            threads::spawn("accept", &watch, move || {
                accept_until_stop(&pool.serving, listener, |socket| pool.serve(socket))
            })?;
        }
        threads::wait_for_stop(&pool.serving.stop);
        threads::wait_for_end(&pool.serving, &watch)
    }
}

struct Pool {
    serving: Serving,
    acceptors: usize,
    watch: Watch,
    /// Readable while connections wait for a thread: who only waits for its client's next request gives way.
    pressure: Arc<Wakeup>,
}

impl Pool {
    fn serve(self: &Arc<Self>, socket: Arc<Socket>) {
        self.wait_for_room();
        let pool = self.clone();
        let slot = self.watch.slot(Some(socket.clone()), true);
        let spawned = std::thread::Builder::new().name("connection".into()).spawn({
            let slot = slot.clone();
            move || {
                let held = Held { watch: &pool.watch, slot };
                let Ok(thread) = PluginThread::new() else { return };
                let pressure = Some(pool.pressure.event());
                conversation::serve(&socket, &pool.serving, &held.slot, pressure, &thread);
            }
        });
        if let Err(cause) = spawned {
            tracing::error!("cannot start a thread for a connection: {cause}; it was closed");
            self.watch.remove(&slot);
        }
    }

    fn wait_for_room(&self) {
        // The acceptors hold places, too.
        let max = self.connections_max() + self.acceptors;
        if self.watch.wait_below(max, Duration::ZERO) {
            return;
        }
        self.pressure.wake_by_ref();
        while !self.watch.wait_below(max, MOMENT) && !self.serving.stop.is_requested() {}
        self.pressure.clear();
    }

    fn connections_max(&self) -> usize {
        let connections = self.serving.service.limits.connections;
        self.serving.threads.map_or(connections, |threads| threads.min(connections))
    }
}
