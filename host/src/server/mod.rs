//! Servers by name: Bottle's `server_names` and `ServerAdapter`.
//!
//! A server accepts connections and calls a handler. Each is one small file that knows a [`Service`], its listeners and
//! its options, and nothing of specs, apps and plugins. [`ServerRegistry`] maps names to servers.

mod accept;
mod actix;
mod blocking_pool;
mod conversation;
mod listening;
mod pace;
mod registry;
mod single;
mod socket;
mod threaded;
mod threads;
mod wait;
mod watch;

pub use listening::{Bound, Listening};
pub use registry::{Chosen, DEFAULT, ServerRegistry};

use crate::access_log::AccessLog;
use crate::error::Error;
use crate::service::Service;
use crate::stop::Stop;
use std::sync::Arc;

/// One server model.
pub trait Server: Send + Sync {
    /// What it is, for `host servers` and for `--server`.
    fn about(&self) -> About;

    /// The processes of its model.
    fn processes(&self) -> Processes {
        Processes::One
    }

    /// Serves until the stop is asked for, and returns when every request has ended or the shutdown deadline passed. One that
    /// is to retire stops when its connections have had their last answers, or the drain deadline passed.
    ///
    /// # Errors
    /// It could not serve; or it could, and a handler did not return by the shutdown deadline: the error names it.
    fn serve(&self, serving: Serving) -> Result<(), Error>;
}

/// The processes that a server's model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// One worker. What it serves changes while it serves.
    One,
    /// As many workers as `workers` says, on the same sockets. What they serve changes with them: new ones take their places.
    Workers,
}

/// How many workers serve the same, and how that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many workers there are.
    pub workers: usize,
    /// A change of what is served is a new set of workers.
    pub rolls: bool,
}

impl Default for Shape {
    /// One, that changes what it serves while it serves.
    fn default() -> Self {
        Self { workers: 1, rolls: false }
    }
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name in the registry.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// What it is good for, in a few words.
    pub good_for: &'static str,
    /// It has one connection at a time: an answer that does not end keeps everybody else out.
    pub is_single: bool,
    /// Names of Bottle's servers that mean this one here.
    pub aliases: &'static [&'static str],
    /// The keys of `[server.options]` that it takes, with a line each.
    pub options: &'static [(&'static str, &'static str)],
}

/// What a server is given.
pub struct Serving {
    /// What it serves.
    pub service: Arc<Service>,
    /// Where it listens: bound already, so that the real ports are known.
    pub listening: Listening,
    /// Processes or event loops, where the server has them.
    pub workers: usize,
    /// Handler threads, where the server has a limit of its own for them; none: up to the limit of connections.
    pub threads: Option<usize>,
    /// Its own options, checked for unknown keys.
    pub options: toml::Table,
    /// When it is to retire, and to stop.
    pub stop: Stop,
    /// A line for each request.
    pub access_log: AccessLog,
    /// Told when it cannot serve for much longer.
    pub unfit: Unfit,
}

/// Told why another process is to take over, again from time to time as long as none has.
pub type Unfit = Arc<dyn Fn(&str) + Send + Sync>;
