//! Loading: `load` and `load_app`, after Bottle's.
//!
//! A load runs on a thread of its own, because native code may hang (see `deadline`). Its apps and its app stack live in
//! a `Session` of that thread, which the functions of `"pa.app/1"` find again when the plugin calls back; outside of
//! a load there is none, and they refuse.

pub(crate) mod callbacks;
mod numbers;
pub(crate) mod open;
mod session;
mod sources;

pub(crate) use numbers::Numbers;
pub(crate) use session::{Session, is_loading, loading};
pub use sources::Sources;

use crate::app::LoadedApp;
use crate::deadline;
use crate::error::Error;
use crate::foreign::OwnedWrapper;
use crate::run_handle::RunHandle;
use crate::target::Target;
use std::sync::Arc;
use std::time::Duration;

/// Loads apps and middleware for one spec.
#[derive(Clone)]
pub struct Loader {
    sources: Arc<Sources>,
    run: RunHandle,
    limit: Option<Duration>,
}

impl Loader {
    /// A loader of what `sources` knows; a plugin's `create`, `start` or registration may take `limit` each.
    pub fn new(sources: Sources, run: RunHandle, limit: Option<Duration>) -> Self {
        Self { sources: Arc::new(sources), run, limit }
    }

    /// Bottle's `load_app`: a new app goes on the stack, the target is loaded, and the app that the target names, else
    /// the new one, is the answer. The stack is as it was, on every way out.
    ///
    /// # Errors
    /// The library cannot be found or loaded, the target names what it does not have, or the plugin fails, panics or
    /// does not return in time. Nothing of the load is left in any app.
    pub fn load_app(&self, target: &Target) -> Result<LoadedApp, Error> {
        let target = target.clone();
        self.on_a_thread(move |session| {
            let app = session.load_app(&target)?;
            Ok(session.finish(app))
        })
    }

    /// Makes a middleware for one use of it.
    pub(crate) fn load_middleware(
        &self,
        target: &Target,
        config_json: String,
    ) -> Result<Arc<OwnedWrapper>, Error> {
        let target = target.clone();
        self.on_a_thread(move |session| session.load_middleware(&target, &config_json))
    }

    fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sources, run) = (self.sources.clone(), self.run.clone());
        deadline::run("load", self.limit, move |progress| {
            session::enter(sources, run, progress.clone(), work)
        })
    }
}
