//! `single`: one connection at a time, on one thread. Bottle's `wsgiref`.

use super::accept::{CannotAccept, PAUSE, has_given_up};
use super::conversation;
use super::listening::{Accepts, Bound};
use super::socket::Socket;
use super::threads::{self, PluginThread};
use super::wait::{Deadline, wait};
use super::watch::{Crew, Watch};
use super::{About, Guarantees, Http, Server, Serving, Swap};
use crate::error::Error;
use rustix::event::{PollFlags, epoll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) struct Single;

impl Server for Single {
    fn about(&self) -> About {
        About {
            name: "single",
            summary: "one connection at a time, on one thread",
            good_for: "development, debuggers, plugins that are not thread-safe",
            is_single: true,
            http: Http::Host,
            workers: None,
            threads: None,
            options: &[],
            guarantees: Guarantees {
                slow_client: "makes everybody else wait, until one of its deadlines: `head`, `body`, `write` of [timeouts]",
                blocking_handler: "makes everybody else wait until it returns",
                crash: "costs the worker, with the one request that it had; who connects meanwhile waits",
                swap: Swap::InPlace,
            },
            aliases: &["wsgiref"],
        }
    }

    fn serve(&self, serving: Serving) -> Result<(), Error> {
        let watch = Watch::start(&serving, |crew| if crew == Crew::Connections { 1 } else { usize::MAX });
        let listeners = Arc::new(Listeners::new()?);
        serving.listening.serve(listeners.clone())?;
        let serving = Arc::new(serving);
        // A thread of its own, so that a handler that never returns cannot keep the server from ending.
        let (of_thread, of_watch) = (serving.clone(), watch.clone());
        threads::spawn("single", &watch, move || serve_in_turn(&of_thread, &of_watch, &listeners))?;
        threads::see_out(&serving, &watch, |_| ())
    }
}

fn serve_in_turn(serving: &Serving, watch: &Watch, listeners: &Listeners) {
    let thread = match PluginThread::new() {
        Ok(thread) => thread,
        Err(error) => return tracing::error!("cannot serve: {error}"),
    };
    while !serving.stop.is_retiring() {
        let stop = serving.stop.retiring_event();
        let woken = match listeners.accept() {
            Accepted::One(socket) => {
                let slot = watch.slot(Crew::Connections, Some(socket.clone()));
                conversation::serve(&socket, serving, &slot, Some(listeners.event.as_fd()), &thread);
                continue;
            }
            Accepted::None => {
                let events = [thread.event(), listeners.event.as_fd(), stop];
                wait(events.map(|event| (event, PollFlags::IN)), Deadline::NEVER)[0]
            }
            // Not for a connection: one that waits and cannot be accepted is no reason to look again at once.
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

/// What became of looking for a connection.
enum Accepted {
    One(Arc<Socket>),
    None,
    /// One waits, and there is no descriptor for it.
    Cannot,
}

/// All the listeners, for one thread.
struct Listeners {
    /// The next one to look at is the first.
    queue: Mutex<VecDeque<Arc<Bound>>>,
    /// Readable while a connection waits at any of them.
    event: OwnedFd,
    cannot: Arc<CannotAccept>,
}

impl Listeners {
    fn new() -> Result<Self, Error> {
        let event = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(cannot_wait)?;
        Ok(Self { queue: Mutex::default(), event, cannot: CannotAccept::new() })
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Arc<Bound>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection that waits, taking the listeners in turn.
    fn accept(&self) -> Accepted {
        let (mut queue, mut nothing) = (self.queue(), Accepted::None);
        for _ in 0..queue.len() {
            queue.rotate_left(1);
            let Some(bound) = queue.front() else { break };
            match Socket::accept(bound.listener()) {
                Ok(socket) => return Accepted::One(Arc::new(socket)),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock || has_given_up(&cause) => {}
                Err(cause) => {
                    self.cannot.say(bound.listener(), &cause);
                    nothing = Accepted::Cannot;
                }
            }
        }
        nothing
    }
}

fn cannot_wait(cause: Errno) -> Error {
    Error::failed(format!("cannot wait for connections: {cause}"))
}

impl Accepts for Listeners {
    fn begin(&self, bound: &Arc<Bound>) -> Result<(), Error> {
        let (data, flags) = (epoll::EventData::new_u64(0), epoll::EventFlags::IN);
        epoll::add(&self.event, bound.listener().as_fd(), data, flags).map_err(cannot_wait)?;
        self.queue().push_back(bound.clone());
        Ok(())
    }

    fn end(&self, bound: &Arc<Bound>) {
        // By hand: what is waited for is the socket, which stays open while another process has it.
        let _ = epoll::delete(&self.event, bound.listener().as_fd());
        self.queue().retain(|known| !Arc::ptr_eq(known, bound));
    }
}
