//! What a worker serves, and how that changes while it does.
//!
//! A [`Deployment`] knows the spec, the generations of its plugins, and the table that is composed of them. Every change has
//! one shape, the first load, a swap, a rollback and a new spec alike:
//!
//! 1. `draft`: which plugins differ; their files are sealed and accepted. Nothing of them has run.
//! 2. `bring_up`: the new generations are created, take over state, and start. Others swap meanwhile.
//! 3. `assemble`: apps are loaded, where a plugin of theirs differs; a new table is composed, and tested.
//! 4. The table is published. From here on requests find the new generations. **Up to here any failure changes nothing.**
//! 5. `retire`: the old generations drain, give everything back, stop, and are kept for a rollback, or end: destroyed, purged
//!    from every thread, unmapped, and proved to be gone. What cannot be proved is kept, and said.
//!
//! Steps 3 and 4 happen one change at a time; all of it happens one change at a time for each plugin, in the order of asking.

mod addresses;
mod assemble;
mod books;
mod bring_back;
mod bring_up;
mod change;
mod children;
mod down;
mod draft;
mod ending;
mod handover;
mod inherited;
mod onlooker;
mod parent;
mod places;
mod reaper;
mod receipt;
mod respec;
mod retire;
mod rolling;
mod routes;
pub(crate) mod rows;
mod self_test;
mod settings;
mod status;
mod swap;
mod turns;
mod watching;

pub use addresses::{Addresses, Surplus};
pub use inherited::{Inherited, source_text};
pub use onlooker::{NoOnlooker, Onlooker};
pub use parent::{Nobody, Parent, Published, Standing};
pub use receipt::Receipt;
pub use rolling::Change;
pub use routes::{Routes, SelfTest};
pub use watching::{Changes, Thing};
pub(crate) use watching::{Key, change_of};

use crate::cargo_build::Profile;
use crate::deadline;
use crate::error::Error;
use crate::load::Numbers;
use crate::run_handle::RunHandle;
use crate::server::Listening;
use crate::service::Service;
use crate::spec::Spec;
use crate::table::Table;
use assemble::Assembly;
use books::Books;
use reaper::Reaper;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use watching::Watching;

/// Reads the spec again, as the command line meant it.
pub type Reread = Arc<dyn Fn() -> Result<Spec, Error> + Send + Sync>;

/// What a deployment starts with.
pub struct Setup {
    /// Reads the spec again.
    pub reread: Reread,
    /// What its plugins may ask for.
    pub run: RunHandle,
    /// How cargo builds crates.
    pub profile: Profile,
    /// No progress on the terminal.
    pub quiet: bool,
    /// Whoever started the process.
    pub parent: Arc<dyn Parent>,
    /// Whoever wants to know what becomes of changes.
    pub onlooker: Arc<dyn Onlooker>,
    /// What the process before served.
    pub inherited: Inherited,
    /// What is served changes with the processes only: no state moves, and the others of the set serve the same spec.
    pub rolls: bool,
}

/// A server that serves what is deployed.
pub struct Running {
    /// Its name in the registry.
    pub server: &'static str,
    /// Changes are published to it.
    pub service: Arc<Service>,
    /// Where it listens.
    pub listening: Listening,
}

/// See the module.
pub struct Deployment {
    setup: Setup,
    numbers: Arc<Numbers>,
    books: Books,
    /// What is served; none before the first load. Held while a table is composed and published.
    current: Mutex<Option<Assembly>>,
    /// The spec of its first load.
    began_with: Arc<Spec>,
    /// None before it serves, and in a host that only checks.
    running: OnceLock<Running>,
    reaper: Arc<Reaper>,
    watching: Watching,
}

impl Deployment {
    /// Builds, loads and composes what the spec declares.
    ///
    /// # Errors
    /// A crate does not build, a plugin cannot be loaded, a target does not exist, two routes are equal, a self-test fails.
    pub fn load(spec: Spec, setup: Setup) -> Result<Arc<Self>, Error> {
        let spec = Arc::new(spec);
        let deployment = Arc::new(Self {
            setup,
            numbers: Arc::default(),
            books: Books::default(),
            current: Mutex::default(),
            began_with: spec.clone(),
            running: OnceLock::new(),
            reaper: Arc::default(),
            watching: Watching::default(),
        });
        deployment.first_load(spec)?;
        // A process that forks has no other thread.
        if deployment.setup.run.starts_plugins() {
            deployment.reap();
        }
        Ok(deployment)
    }

    fn current(&self) -> MutexGuard<'_, Option<Assembly>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table that is, or is to be, served.
    pub fn table(&self) -> Option<Arc<Table>> {
        self.current().as_ref().map(|assembly| assembly.table.clone())
    }

    /// The spec that is, or is to be, served.
    pub fn spec(&self) -> Option<Arc<Spec>> {
        self.current().as_ref().map(|assembly| assembly.spec.clone())
    }

    /// Is served from now on.
    pub fn serve(&self, running: Running) {
        let _ = self.running.set(running);
    }

    fn service(&self) -> Option<&Arc<Service>> {
        self.running.get().map(|running| &running.service)
    }

    /// Whether anything is to change here any more.
    ///
    /// # Errors
    /// The server ends: what is asked for now is for the next worker, if for any.
    fn check_serving(&self) -> Result<(), Error> {
        let stop = self.setup.run.stop();
        match () {
            () if self.running.get().is_none() => Ok(()),
            () if stop.is_requested() => Err(Error::failed("the host stops")),
            () if stop.is_retiring() => Err(Error::failed("another worker takes over")),
            () => Ok(()),
        }
    }

    /// A process that this one forked was ended by that signal: whoever keeps count of that is told.
    pub(crate) fn child_died(&self, pid: u32, signal: i32) {
        self.setup.parent.child_died(pid, signal);
    }

    /// Stops and frees every plugin, when the server has ended. Nothing is unmapped: the process ends.
    ///
    /// # Errors
    /// One of them does not return within `limit`: it is named, and left behind.
    pub fn end(&self, limit: Option<Duration>) -> Result<(), Error> {
        let generations = self.books.take_all();
        let ended = deadline::run("stopping the plugins", limit, move |progress| {
            let ended = generations.iter().map(|generation| ending::end_when_free(generation, progress));
            // Each of them, also behind one that hangs.
            ended.fold(Ok(()), Result::and)
        });
        ended.map_err(|error| Error::failed(error.message().to_owned()))
    }
}
