//! What a deployment needs of its supervisor.

use super::{BIND_MAX, FLUSH_MAX, Link};
use crate::deployment::{Parent, Published, Thing};
use crate::error::Error;
use crate::listener::Listener;
use crate::spec::{Bind, Timeouts};
use crate::supervisor::message::FromWorker;
use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

/// A worker publishes all that it serves, what it was handed itself included, before it is ready: then the supervisor keeps
/// what it has published, and nothing else.
impl Parent for Link {
    fn published(&self, generation: Published, copy: File) {
        let plugin = generation.plugin.clone();
        if let Err(error) = self.0.outbox.send(&FromWorker::Published { generation }, Some(copy.into())) {
            tracing::warn!("plugin `{plugin}`: the next worker will load its file: {error}");
        }
        // What is published is never taken back, also if the next that a plugin does is a crash.
        self.0.outbox.flush(FLUSH_MAX);
    }

    fn forgotten(&self, plugin: &str, number: u64) {
        self.say(FromWorker::Forgotten { plugin: plugin.to_owned(), number });
    }

    fn spec(&self, text: &str) {
        self.say(FromWorker::Spec { text: text.to_owned() });
    }

    fn watches(&self, things: Vec<Thing>) {
        self.say(FromWorker::Watches { things });
    }

    fn replace_me(&self, reason: &str) {
        self.say(FromWorker::ReplaceMe { reason: reason.to_owned() });
    }

    fn listen(&self, bind: &Bind) -> Result<Listener, Error> {
        let listen = self.0.binds.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = sync_channel(1);
        self.binding().insert(listen, answer);
        let asked = self.0.outbox.send(&FromWorker::Listen { listen, bind: bind.to_string() }, None);
        let answer = asked.and_then(|()| {
            if let Some(alone) = &self.0.alone {
                let (message, descriptor) = alone.answer_to(listen, Instant::now() + BIND_MAX)?;
                self.obey_one(message, descriptor);
            }
            let late = || Error::failed(format!("cannot listen on {bind}: the supervisor does not answer"));
            answered.recv_timeout(BIND_MAX).map_err(|_| late())?
        });
        self.binding().remove(&listen);
        answer
    }

    fn unlisten(&self, bind: &Bind, listener: &Listener) {
        self.say(FromWorker::Unlisten { bind: bind.to_string(), shape: listener.shape() });
    }

    fn child_died(&self, pid: u32, signal: i32) {
        self.say(FromWorker::ChildDied { pid, signal });
    }

    fn deadlines(&self, timeouts: &Timeouts) {
        let Timeouts { shutdown, drain, stuck_after, .. } = *timeouts;
        self.say(FromWorker::Deadlines { shutdown, drain, stuck_after });
    }
}
