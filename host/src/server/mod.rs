//! Servers by name: Bottle's `server_names` and `ServerAdapter`.
//!
//! A server accepts connections and calls a handler. Each is one small file that knows a [`Service`], its listeners and
//! its options, and nothing of specs, apps and plugins. [`ServerRegistry`] maps names to servers.

mod about;
mod accept;
mod actix;
mod blocking_pool;
mod conversation;
mod forking;
mod handler_threads;
mod listeners;
mod listening;
mod now_and_then;
mod pace;
mod pool;
mod prefork;
mod recycling;
mod registry;
mod single;
mod socket;
mod threaded;
mod threads;
mod wait;
mod watch;

pub use about::{About, Guarantees, Http, Swap};
pub use listening::{Bound, Listening};
pub use registry::{Chosen, DEFAULT, ServerRegistry};

use crate::access_log::AccessLog;
use crate::error::Error;
use crate::service::Service;
use crate::stop::Stop;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// One server model.
pub trait Server: Send + Sync {
    /// What it is, for `host servers` and for `--server`.
    fn about(&self) -> About;

    /// Whether it forks: its process has no other thread, and plugins are started in its children.
    fn forks(&self) -> bool {
        false
    }

    /// Serves until the stop is asked for, and returns when every request has ended or the shutdown deadline passed. One that
    /// is to retire stops when its connections have had their last answers, or the drain deadline passed.
    ///
    /// # Errors
    /// It could not serve; or it could, and a handler did not return by the shutdown deadline: the error names it.
    fn serve(&self, serving: Serving) -> Result<(), Error>;
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

/// What a server that forks needs of its process: there is no other thread that would do it.
pub trait Errands: Send + Sync {
    /// Readable when there is something to do.
    fn events(&self) -> Vec<BorrowedFd<'_>>;

    /// Does what there is to do.
    fn work(&self);

    /// Waits a moment until there is no other thread.
    ///
    /// # Errors
    /// One stays: the error names the plugin that started it.
    fn check_alone(&self) -> Result<(), Error>;

    /// A child has ended, by that signal or by itself.
    fn child_ended(&self, pid: u32, signal: Option<i32>);

    /// In a child: lets go of what is its parent's, and starts the plugins.
    ///
    /// # Errors
    /// One of them does not start.
    fn begin_child(&self) -> Result<(), Error>;

    /// In a child: stops the plugins.
    fn end_child(&self);
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
    /// Its own options, checked already.
    pub options: toml::Table,
    /// When it is to retire, and to stop.
    pub stop: Stop,
    /// A line for each request.
    pub access_log: AccessLog,
    /// Told when it cannot serve for much longer.
    pub unfit: Unfit,
    /// For a server that forks; none without a supervisor.
    pub errands: Option<Arc<dyn Errands>>,
}

/// Told why another process is to take over, again from time to time as long as none has.
pub type Unfit = Arc<dyn Fn(&str) + Send + Sync>;
