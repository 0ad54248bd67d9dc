//! A run from beginning to end, in the order of Bottle's `run()`: the app, its middleware, the server, the banner, and
//! then it serves.

use crate::access_log::AccessLog;
use crate::banner;
use crate::deployment::Deployment;
use crate::error::Error;
use crate::listener::Listener;
use crate::run_handle::{Phase, RunHandle};
use crate::server::{Chosen, ServerRegistry, Serving};
use crate::service::Service;
use crate::spec::Spec;
use crate::stop::Stop;
use std::sync::Arc;

/// How a run differs from what the spec says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// No banner and no access lines.
    pub quiet: bool,
    /// Access lines as JSON.
    pub json_log: bool,
}

/// Loads the spec's app and serves it until `stop`.
///
/// # Errors
/// Anything of it fails before it serves; or the server does.
pub fn run(spec: &Spec, options: &Options, stop: Stop) -> Result<(), Error> {
    let chosen = choose(spec, &ServerRegistry::default())?;
    let handle = RunHandle::new(stop.clone());
    let (again, quiet) = (spec.clone(), options.quiet);
    let deployment =
        Deployment::load(spec.clone(), Box::new(move || Ok(again.clone())), handle.clone(), quiet)?;
    let table = deployment.table().ok_or_else(|| Error::failed("nothing was loaded"))?;
    let listeners = bind(spec)?;
    if !options.quiet {
        say(&banner::banner(&spec.app.name, &chosen, &listeners, &table.listing()));
    }
    let service = Arc::new(Service::of(table, spec.timeouts, spec.limits, spec.app.debug));
    deployment.serve(service.clone());
    let access_log = if options.quiet { AccessLog::quiet() } else { AccessLog::start(options.json_log) };
    let serving = Serving {
        service: service.clone(),
        listeners,
        workers: spec.server.workers.or(cores),
        threads: spec.server.threads.explicit(),
        options: spec.server.options.clone(),
        stop,
        access_log: access_log.clone(),
    };
    handle.enter(Phase::Serving);
    let served = chosen.server.serve(serving);
    access_log.flush();
    served?;
    deployment.end(spec.timeouts.shutdown)
}

/// The server that the spec names, its options checked.
///
/// # Errors
/// There is no server of that name, or it does not have one of the options.
pub fn choose(spec: &Spec, registry: &ServerRegistry) -> Result<Chosen, Error> {
    let chosen = match &spec.server.name {
        Some(name) => registry.get(name).map_err(|error| name.at.place(&error))?,
        None => registry.get(crate::server::DEFAULT)?,
    };
    let known: Vec<&str> = chosen.server.about().options.iter().map(|(name, _)| *name).collect();
    spec.server.options_at.check(&known)?;
    Ok(chosen)
}

/// Binds every address of the spec.
///
/// # Errors
/// One of them cannot be bound.
pub fn bind(spec: &Spec) -> Result<Vec<Listener>, Error> {
    let bound =
        spec.server.bind.iter().map(|bind| Listener::bind(bind).map_err(|error| bind.at.place(&error)));
    let bound: Vec<Vec<Listener>> = bound.collect::<Result<_, _>>()?;
    Ok(bound.into_iter().flatten().collect())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// For people, on standard error: standard output is for what a command answers.
fn say(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
