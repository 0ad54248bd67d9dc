//! `prefork`: several worker processes that accept on the same sockets, each with few threads. Bottle's `gunicorn`.
//!
//! This is what one of them does; the supervisor keeps as many as there are to be. A thread accepts when it has nothing else to
//! do, so that a connection which comes while all are busy goes to another worker. For the same reason a connection is kept only
//! while another thread is free: with one thread each has one answer, as with gunicorn's sync workers.

use super::accept::PAUSE;
use super::conversation;
use super::listeners::{Accepted, Listeners};
use super::recycling::{MAX_AGE, MAX_MEMORY, MAX_REQUESTS, MAX_REQUESTS_JITTER, Recycling};
use super::socket::Socket;
use super::threads::{self, PluginThread};
use super::wait::{Deadline, wait};
use super::watch::{Crew, Watch};
use super::{About, Guarantees, Http, Server, Serving, Swap};
use crate::error::Error;
use rustix::event::PollFlags;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) struct Prefork;

impl Server for Prefork {
    fn about(&self) -> About {
        About {
            name: "prefork",
            summary: "several worker processes that accept on one inherited socket, recycled now and then",
            good_for: "plugins that are not thread-safe, that leak, or that may crash",
            is_single: false,
            http: Http::Host,
            workers: Some("processes; auto: a core each"),
            threads: Some(
                "connections at a time of each worker; auto: 1, and then each connection has one answer",
            ),
            options: &[MAX_REQUESTS, MAX_REQUESTS_JITTER, MAX_AGE, MAX_MEMORY],
            guarantees: Guarantees {
                slow_client: "holds a thread of one worker; who finds none free waits, until one of its deadlines in [timeouts]",
                blocking_handler: "holds a thread of one worker, and makes nobody wait while another one is free",
                crash: "costs one worker, with the requests in it; the others serve on, and another one takes its place",
                swap: Swap::NewWorkers,
            },
            aliases: &["gunicorn"],
        }
    }

    fn serve(&self, serving: Serving) -> Result<(), Error> {
        let threads = serving.threads.unwrap_or(1).min(serving.service.settings().limits.connections);
        let watch =
            Watch::start(&serving, move |crew| if crew == Crew::Connections { threads } else { usize::MAX });
        let listeners = Arc::new(Listeners::new()?);
        serving.listening.serve(listeners.clone())?;
        let recycling = Recycling::start(&serving)?;
        let worker = Worker { serving, watch, listeners, recycling, threads, busy: AtomicUsize::new(0) };
        let worker = Arc::new(worker);
        for _ in 0..threads {
            let of_thread = worker.clone();
            threads::spawn("handler", &worker.watch, move || of_thread.serve_in_turn())?;
        }
        threads::see_out(&worker.serving, &worker.watch, |_| ())
    }
}

struct Worker {
    serving: Serving,
    watch: Watch,
    listeners: Arc<Listeners>,
    recycling: Recycling,
    threads: usize,
    /// How many threads have a connection.
    busy: AtomicUsize,
}

impl Worker {
    fn serve_in_turn(&self) {
        let thread = match PluginThread::new() {
            Ok(thread) => thread,
            Err(error) => return tracing::error!("cannot serve: {error}"),
        };
        while !self.serving.stop.is_retiring() {
            let stop = self.serving.stop.retiring_event();
            let woken = match self.listeners.accept() {
                Accepted::One(socket) => {
                    self.converse(&socket, &thread);
                    continue;
                }
                Accepted::None => {
                    let events = [thread.event(), self.listeners.event(), stop];
                    wait(events.map(|event| (event, PollFlags::IN)), Deadline::NEVER)[0]
                }
                Accepted::Cannot => {
                    let events = [thread.event(), stop].map(|event| (event, PollFlags::IN));
                    wait(events, Deadline::after(Some(PAUSE)))[0]
                }
            };
            if !woken.is_empty() {
                thread.work(|| {});
            }
        }
    }

    fn converse(&self, socket: &Arc<Socket>, thread: &PluginThread) {
        let slot = self.watch.slot(Crew::Connections, Some(socket.clone()));
        self.busy.fetch_add(1, Ordering::SeqCst);
        let may_go_on = || self.answered();
        conversation::serve_while(socket, &self.serving, &slot, None, thread, &may_go_on);
        self.busy.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether a connection that has an answer now may have another one.
    fn answered(&self) -> bool {
        self.recycling.answered();
        self.busy.load(Ordering::SeqCst) < self.threads
    }
}
