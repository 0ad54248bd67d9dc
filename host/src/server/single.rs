//! `single`: one connection at a time, on one thread. Bottle's `wsgiref`.

use super::accept::PAUSE;
use super::conversation;
use super::listeners::{Accepted, Listeners};
use super::threads::{self, PluginThread};
use super::wait::{Deadline, wait};
use super::watch::{Crew, Watch};
use super::{About, Guarantees, Http, Server, Serving, Swap};
use crate::error::Error;
use rustix::event::PollFlags;
use std::sync::Arc;

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
                conversation::serve(&socket, serving, &slot, Some(listeners.event()), &thread);
                continue;
            }
            Accepted::None => {
                let events = [thread.event(), listeners.event(), stop];
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
