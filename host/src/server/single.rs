//! `single`: one connection at a time, on one thread. Bottle's `wsgiref`.

use super::conversation;
use super::listening::{Accepts, Bound};
use super::socket::Socket;
use super::threads::{self, PluginThread};
use super::wait::{Deadline, wait};
use super::watch::{Crew, Watch};
use super::{About, Guarantees, Server, Serving, Swap};
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
            workers: None,
            threads: None,
            options: &[],
            guarantees: Guarantees {
                slow_client: "everybody else waits for it, until one of its deadlines: `head`, `body`, `write` of [timeouts]",
                blocking_handler: "everybody else waits until it returns",
                crash: "the worker, with the one request that it had; who connects meanwhile waits",
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
        if let Some(socket) = listeners.accept() {
            let slot = watch.slot(Crew::Connections, Some(socket.clone()));
            conversation::serve(&socket, serving, &slot, Some(listeners.event.as_fd()), &thread);
        } else {
            let events = [listeners.event.as_fd(), serving.stop.retiring_event(), thread.event()];
            let [.., woken] = wait(events.map(|event| (event, PollFlags::IN)), Deadline::NEVER);
            if !woken.is_empty() {
                thread.work(|| {});
            }
        }
    }
}

/// All the listeners, for one thread.
struct Listeners {
    /// The next one to look at is the first.
    queue: Mutex<VecDeque<Arc<Bound>>>,
    /// Readable while a connection waits at any of them.
    event: OwnedFd,
}

impl Listeners {
    fn new() -> Result<Self, Error> {
        let event = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(cannot_wait)?;
        Ok(Self { queue: Mutex::default(), event })
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Arc<Bound>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection that waits, taking the listeners in turn.
    fn accept(&self) -> Option<Arc<Socket>> {
        let mut queue = self.queue();
        for _ in 0..queue.len() {
            queue.rotate_left(1);
            match Socket::accept(queue.front()?.listener()) {
                Ok(socket) => return Some(Arc::new(socket)),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
                Err(cause) => tracing::error!("cannot accept a connection: {cause}"),
            }
        }
        None
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
