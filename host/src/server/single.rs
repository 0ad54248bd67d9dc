//! `single`: one connection at a time, on one thread. Bottle's `wsgiref`.

use super::conversation;
use super::listeners::Listeners;
use super::threads::{self, PluginThread};
use super::wait::{Deadline, wait};
use super::watch::{Crew, Watch};
use super::{About, Guarantees, Server, Serving, Swap};
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
            conversation::serve(&socket, serving, &slot, Some(listeners.event()), &thread);
        } else {
            let events = [listeners.event(), serving.stop.retiring_event(), thread.event()];
            let [.., woken] = wait(events.map(|event| (event, PollFlags::IN)), Deadline::NEVER);
            if !woken.is_empty() {
                thread.work(|| {});
            }
        }
    }
}
