//! `single`: one connection at a time, on one thread. Bottle's `wsgiref`.

use super::conversation;
use super::socket::Socket;
use super::threads::{self, PluginThread};
use super::wait::{Deadline, wait};
use super::watch::Watch;
use super::{About, Server, Serving};
use crate::error::Error;
use crate::listener::Listener;
use rustix::event::{PollFlags, epoll};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct Single;

impl Server for Single {
    fn about(&self) -> About {
        About {
            name: "single",
            summary: "one connection at a time, on one thread",
            good_for: "development, debuggers, plugins that are not thread-safe; a slow client makes the others wait",
            is_single: true,
            aliases: &["wsgiref"],
            options: &[],
        }
    }

    fn serve(&self, mut serving: Serving) -> Result<(), Error> {
        let listeners = Arc::new(Listeners::new(std::mem::take(&mut serving.listeners))?);
        let watch = Watch::start(serving.service.timeouts.handler);
        let serving = Arc::new(serving);
        // A thread of its own, so that a handler that never returns cannot keep the server from ending.
        let thread = (serving.clone(), watch.clone(), listeners.clone());
        threads::spawn("single", &watch, move || serve_in_turn(&thread.0, &thread.1, &thread.2))?;
        threads::wait_for_stop(&serving.stop);
        // Clients are refused at once while the last one is served.
        listeners.close();
        threads::wait_for_end(&serving, &watch)
    }
}

fn serve_in_turn(serving: &Serving, watch: &Watch, listeners: &Listeners) {
    let thread = match PluginThread::new() {
        Ok(thread) => thread,
        Err(error) => return tracing::error!("cannot serve: {error}"),
    };
    while !serving.stop.is_requested() {
        if let Some(socket) = listeners.accept() {
            let slot = watch.slot(Some(socket.clone()), true);
            conversation::serve(&socket, serving, &slot, Some(listeners.event.as_fd()), &thread);
            watch.remove(&slot);
        } else {
            let events = [listeners.event.as_fd(), serving.stop.event(), thread.event()];
            let [.., woken] = wait(events.map(|event| (event, PollFlags::IN)), Deadline::NEVER);
            if !woken.is_empty() {
                thread.work(|| {});
            }
        }
    }
}

/// All the listeners, for one thread.
struct Listeners {
    /// Emptied at the stop.
    queue: Mutex<VecDeque<Listener>>,
    /// Readable while a connection waits at any of them.
    event: OwnedFd,
}

impl Listeners {
    fn new(listeners: Vec<Listener>) -> Result<Self, Error> {
        let fail = |cause| Error::failed(format!("cannot wait for connections: {cause}"));
        let event = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(fail)?;
        for listener in &listeners {
            epoll::add(&event, listener.as_fd(), epoll::EventData::new_u64(0), epoll::EventFlags::IN)
                .map_err(fail)?;
        }
        Ok(Self { queue: Mutex::new(listeners.into()), event })
    }

    /// The next connection that waits, taking the listeners in turn.
    fn accept(&self) -> Option<Arc<Socket>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..queue.len() {
            queue.rotate_left(1);
            match Socket::accept(queue.front()?) {
                Ok(socket) => return Some(Arc::new(socket)),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
                Err(cause) => tracing::error!("cannot accept a connection: {cause}"),
            }
        }
        None
    }

    fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
