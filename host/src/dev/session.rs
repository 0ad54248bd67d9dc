//! One run of `host dev`: the builder, and whoever is told what it does.

use super::build::{BuildEvent, Builder, terminal};
use super::events::{Events, STILL_HERE_EVERY};
use super::failure::BuildFailure;
use super::site::Site;
use crate::cargo_build::Profile;
use crate::deployment::Onlooker;
use crate::error::Error;
use crate::own_pages::OwnPages;
use crate::spec::{Source, Spec};
use crate::stop::Stop;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Who edits wants to see it soon: whatever the host itself is, cargo builds as it does without `--release`.
pub(crate) const DEV_PROFILE: Profile = Profile::Dev;

/// How often to look whether the host is to stop.
const STOPS: Duration = Duration::from_millis(200);

/// Builds the crates of a spec, and tells browsers.
pub(crate) struct Dev {
    events: Events,
    builder: Builder,
    is_short: bool,
    /// Says after each round of builds whether all crates can be built.
    rounds: Mutex<Receiver<bool>>,
    /// Dropped at the end: whoever waits at the other end is done.
    _alive: Sender<()>,
}

impl Dev {
    /// Builds what has to be built, and goes on with that until the end. Nobody is told anything after the stop. `is_short`: the
    /// server has one connection at a time, so that no stream of events may stay open.
    ///
    /// # Errors
    /// The process has no descriptor or no thread left.
    pub(crate) fn start(spec: &Spec, is_short: bool, stop: &Stop) -> Result<Arc<Self>, Error> {
        let events = Events::default();
        let (told, (round, rounds)) = (events.clone(), channel());
        let report = move |event: BuildEvent| {
            told.built(&event);
            match event {
                BuildEvent::Building { name, because } => tracing::info!("building {name}: {because}"),
                BuildEvent::Recovered { name, .. } => tracing::info!("{name} can be built again"),
                BuildEvent::Rest { is_failing } => drop(round.send(!is_failing)),
                BuildEvent::Built { .. } | BuildEvent::Failed(_) => {}
            }
        };
        let builder = Builder::start(crates(spec), DEV_PROFILE, terminal, report)?;
        let closed = events.clone();
        stop.on_request(move || closed.close());
        let (alive, ended) = channel();
        remind(events.clone(), ended)?;
        Ok(Arc::new(Self { events, builder, is_short, rounds: Mutex::new(rounds), _alive: alive }))
    }

    /// Waits for the first round of builds.
    ///
    /// # Errors
    /// Not all crates can be built.
    pub(crate) fn wait_until_built(&self, stop: &Stop) -> Result<(), Error> {
        while !stop.is_requested() {
            match self.next_round(STOPS) {
                Some(true) => return Ok(()),
                Some(false) => break,
                None => {}
            }
        }
        let failures = self.events.failures().1;
        let failing: Vec<String> = failures.iter().map(|one| format!("`{}`", one.name)).collect();
        Err(Error::spec(format!("cannot build {}", failing.join(", "))))
    }

    /// Waits for the end of the next round of builds: whether all crates can be built. None: there was none in that time.
    pub(crate) fn next_round(&self, time: Duration) -> Option<bool> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(time).ok()
    }

    /// What is served beside the app.
    pub(crate) fn site(&self) -> Arc<dyn OwnPages> {
        Arc::new(Site::new(self.events.clone(), true, self.is_short))
    }

    /// What is served while there is no app, because of this error, or because crates cannot be built.
    pub(crate) fn site_without_app(&self, spec: &Spec, error: &Error) -> Arc<dyn OwnPages> {
        if self.events.failures().1.is_empty() {
            let file = spec.file.as_ref().map_or_else(PathBuf::new, |file| file.path.clone());
            self.events.failed(BuildFailure::of_error(&spec.app.name.value, file, error));
        }
        Arc::new(Site::new(self.events.clone(), false, self.is_short))
    }
}

impl Onlooker for Dev {
    fn published(&self, spec: &Spec) {
        self.builder.set(crates(spec));
        self.events.swapped();
    }

    fn refused(&self, changed: &Path, why: &str) {
        let name = changed.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let failure = BuildFailure {
            name,
            folder: changed.to_owned(),
            cause: "it was not taken over".to_owned(),
            rendered: format!("{why}\n"),
            errors: Vec::new(),
        };
        self.events.failed(failure);
    }

    fn taken(&self, changed: &Path) {
        self.events.recovered(changed);
    }
}

fn crates(spec: &Spec) -> Vec<PathBuf> {
    let crates = spec.plugins.iter().filter_map(|plugin| match &plugin.source.value {
        Source::Crate(folder) => Some(folder.clone()),
        Source::Path(_) => None,
    });
    crates.collect()
}

/// Writes to every listener now and then, until the end.
fn remind(events: Events, ended: Receiver<()>) -> Result<(), Error> {
    let work = move || {
        while ended.recv_timeout(STILL_HERE_EVERY) == Err(RecvTimeoutError::Timeout) {
            events.still_here();
        }
    };
    let thread = std::thread::Builder::new().name("still here".into()).spawn(work);
    thread.map(drop).map_err(|cause| Error::failed(format!("cannot tell browsers: no thread: {cause}")))
}
