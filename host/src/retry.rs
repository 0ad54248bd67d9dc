//! A load that failed is tried again after a change: the process asks to be started again, as Bottle's reloading child does.
//! Under `host dev` browsers see meanwhile what fails.

use crate::deployment::{Changes, Onlooker, Reread};
use crate::dev::Dev;
use crate::error::Error;
use crate::log::say;
use crate::own_pages::OwnPages;
use crate::spec::Spec;
use crate::stop::Stop;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often to look whether the host is to stop.
const STOPS: Duration = Duration::from_millis(200);

/// How often to look for a change, where several things can be one.
const LOOKS: Duration = Duration::from_millis(50);

/// What is waited for when the load fails.
pub(crate) struct Retry {
    file: PathBuf,
    reread: Reread,
    changes: Changes,
    dev: Option<Arc<Dev>>,
}

impl Retry {
    /// To be made before the load, so that no change is missed while it fails.
    ///
    /// # Errors
    /// There is no thread left for it.
    pub(crate) fn of(spec: &Spec, reread: Reread, dev: Option<Arc<Dev>>) -> Result<Self, Error> {
        let file = spec.file.as_ref().map(|file| file.path.clone()).unwrap_or_default();
        Ok(Self { file, reread, changes: Changes::watch(spec, dev.is_none())?, dev })
    }

    /// Waits for a change; `false`: the host stops.
    fn wait(&self, stop: &Stop) -> bool {
        while !stop.is_requested() {
            if self.has_changed() && self.is_worth_it() {
                return true;
            }
        }
        false
    }

    fn has_changed(&self) -> bool {
        let Some(dev) = &self.dev else { return self.changes.next(STOPS) };
        // No round of builds comes without a reason.
        dev.next_round(LOOKS) == Some(true) || self.changes.next(Duration::ZERO)
    }

    /// A process that is started with a spec that cannot be read ends, and is not started again.
    fn is_worth_it(&self) -> bool {
        let Err(error) = (self.reread)() else { return true };
        say(&format!("host: {error}\n"));
        if let Some(dev) = &self.dev {
            dev.refused(&self.file, &error.to_string());
        }
        false
    }

    /// Waits for a change after that error. Meanwhile `serve` serves these pages and no app, until that stop.
    ///
    /// # Errors
    /// The process is to be started again: the load may succeed now. Or those of the server. Without one, the host stops.
    pub(crate) fn carry_out(
        self,
        spec: &Spec,
        error: &Error,
        stop: &Stop,
        serve: impl FnOnce(Arc<dyn OwnPages>, Stop) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let has_changed = match self.dev.clone() {
            None => self.wait(stop),
            Some(dev) => {
                self.wait_and_serve(stop, |until| serve(dev.site_without_app(spec, error), until))?
            }
        };
        if has_changed { Err(Error::start_again("something has changed")) } else { Ok(()) }
    }

    fn wait_and_serve(
        self,
        stop: &Stop,
        serve: impl FnOnce(Stop) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        // Not the stop of the host: only this server is to end.
        let until = Stop::new()?;
        let ends = until.clone();
        stop.on_request(move || ends.request());
        let ends = until.clone();
        let work = move || {
            let has_changed = self.wait(&ends);
            ends.request();
            has_changed
        };
        let thread = std::thread::Builder::new().name("wait for a change".into()).spawn(work);
        let thread = thread.map_err(|cause| Error::failed(format!("cannot wait: no thread: {cause}")))?;
        let served = serve(until.clone());
        // It may have ended by itself: then there is nothing to wait for any more.
        until.request();
        let has_changed = thread.join().unwrap_or(false);
        served.map(|()| has_changed)
    }
}
