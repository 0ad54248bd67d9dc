//! `threaded`: a thread for each connection, up to a limit. The essay's cure.

use super::about::CRASH_OF_ALL;
use super::accept::{Acceptors, CannotAccept, PAUSE};
use super::conversation;
use super::listening::Bound;
use super::socket::Socket;
use super::threads::{self, PluginThread};
use super::wait::Wakeup;
use super::watch::{Crew, Watch};
use super::{About, Guarantees, Http, Server, Serving, Swap};
use crate::error::Error;
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

/// How long the acceptor waits before it looks again whether a connection has ended, or its listener is closing.
const MOMENT: Duration = Duration::from_millis(20);

pub(super) struct Threaded;

impl Server for Threaded {
    fn about(&self) -> About {
        About {
            name: "threaded",
            summary: "a thread for each connection, up to a limit",
            good_for: "handlers that block, and streams of theirs",
            is_single: false,
            http: Http::Host,
            workers: None,
            threads: Some("connections at a time, a thread each; auto: `connections` of [limits]"),
            options: &[],
            guarantees: Guarantees {
                slow_client: "holds a thread, and makes nobody wait",
                blocking_handler: "holds the thread of its connection, and makes nobody wait",
                crash: CRASH_OF_ALL,
                swap: Swap::InPlace,
            },
            aliases: &["flup", "threading"],
        }
    }

    fn serve(&self, serving: Serving) -> Result<(), Error> {
        let max = connections_max(&serving);
        let watch =
            Watch::start(&serving, move |crew| if crew == Crew::Connections { max() } else { usize::MAX });
        let (pressure, cannot) = (Wakeup::new()?, CannotAccept::new());
        let pool = Arc::new(Pool { pressure, cannot, serving, watch: watch.clone() });
        let of_acceptors = pool.clone();
        let acceptors =
            Acceptors::new(&watch, &pool.cannot, move |socket, bound| of_acceptors.serve(socket, bound));
        pool.serving.listening.serve(acceptors)?;
        threads::see_out(&pool.serving, &watch, |_| ())
    }
}

struct Pool {
    serving: Serving,
    watch: Watch,
    /// Readable while connections wait for a thread: who only waits for its client's next request gives way.
    pressure: Arc<Wakeup>,
    cannot: Arc<CannotAccept>,
}

impl Pool {
    fn serve(self: &Arc<Self>, socket: Socket, bound: &Bound) {
        self.wait_for_room(bound);
        let Some(event) = self.event_of_thread(bound) else { return };
        let pool = self.clone();
        let (place, socket) = (self.watch.connection(), Arc::new(socket));
        let spawned = std::thread::Builder::new().name("connection".into()).spawn(move || {
            let _place = place;
            let thread = PluginThread::with(event);
            let slot = pool.watch.slot(Crew::Connections, Some(socket.clone()));
            let pressure = Some(pool.pressure.event());
            conversation::serve(&socket, &pool.serving, &slot, pressure, &thread);
        });
        if let Err(cause) = spawned {
            tracing::error!("cannot start a thread for a connection: {cause}; it was closed");
        }
    }

    /// What wakes the thread of a connection: a descriptor, and there may be none left before another connection ends. The
    /// listener is closing if there is none.
    fn event_of_thread(&self, bound: &Bound) -> Option<Arc<Wakeup>> {
        loop {
            match Wakeup::new() {
                Ok(event) => return Some(event),
                Err(_) if bound.is_closing() => return None,
                Err(error) => {
                    self.cannot.say(bound.listener(), &error);
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    fn wait_for_room(&self, bound: &Bound) {
        let max = connections_max(&self.serving);
        if self.watch.wait_below(max(), Duration::ZERO) {
            return;
        }
        self.pressure.wake_by_ref();
        while !self.watch.wait_below(max(), MOMENT) && !bound.is_closing() {}
        self.pressure.clear();
    }
}

/// How many connections there may be, which a new spec may change.
fn connections_max(serving: &Serving) -> impl Fn() -> usize + use<> {
    let (service, threads) = (serving.service.clone(), serving.threads.unwrap_or(usize::MAX));
    move || service.settings().limits.connections.min(threads)
}
