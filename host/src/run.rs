//! A run from beginning to end, in the order of Bottle's `run()`: the app, its middleware, the server, the banner, and
//! then it serves. All of it happens in the worker, on sockets that were bound before.

use crate::access_log::AccessLog;
use crate::banner;
use crate::cargo_build::Profile;
use crate::control::Commands;
use crate::deployment::{Deployment, Inherited, NoOnlooker, Onlooker, Parent, Reread, Setup};
use crate::dev::{self, DEV_PROFILE, Dev};
use crate::error::Error;
use crate::listener::Listener;
use crate::retry::Retry;
use crate::run_handle::{Phase, RunHandle};
use crate::server::{Chosen, ServerRegistry, Serving};
use crate::service::Service;
use crate::spec::{Bind, Located, Spec};
use crate::stop::Stop;
use crate::table::Table;
use std::sync::Arc;

/// How a run differs from what the spec says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// No banner and no access lines.
    pub quiet: bool,
    /// Access lines as JSON.
    pub json_log: bool,
    /// Somebody starts this process again when it asks for it: a load that fails under `--watch` waits for a change.
    pub starts_again: bool,
    /// Crates are built when their sources change, and browsers are told.
    pub dev: bool,
}

/// Whoever started a run, and is told how it goes: a supervisor, or nobody but the terminal.
pub trait Starter {
    /// What a deployment needs of it, for as long as it serves.
    fn parent(&self) -> Arc<dyn Parent>;

    /// It could not load, and waits for a change.
    fn waits(&mut self, error: &Error);

    /// It serves from now on, and carries commands out.
    ///
    /// # Errors
    /// Nobody can be told.
    fn serves(&mut self, banner: &str, commands: Arc<dyn Commands>) -> Result<(), Error>;
}

/// What a run starts with.
pub struct Start {
    /// The app.
    pub spec: Spec,
    /// Reads it again.
    pub reread: Reread,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// What the process before served.
    pub inherited: Inherited,
    /// Ends it.
    pub stop: Stop,
}

/// Loads the spec's app and serves it on the listeners until the stop.
///
/// # Errors
/// Anything of it fails before it serves; or the server does.
pub fn run(start: Start, options: &Options, starter: &mut dyn Starter) -> Result<(), Error> {
    let Start { spec, reread, listeners, inherited, stop } = start;
    let chosen = choose(&spec, &ServerRegistry::default())?;
    let handle = RunHandle::new(stop.clone());
    let dev = options.dev.then(|| Dev::start(&spec, chosen.server.about().is_single, &stop)).transpose()?;
    let setup = Setup {
        reread: reread.clone(),
        run: handle.clone(),
        profile: if options.dev { DEV_PROFILE } else { Profile::OF_THIS_HOST },
        quiet: options.quiet,
        parent: starter.parent(),
        onlooker: onlooker(dev.clone()),
        inherited,
    };
    let retry = spec.swap.watch && options.starts_again;
    let retry = retry.then(|| Retry::of(&spec, reread, dev.clone())).transpose()?;
    let without = dev.as_ref().map(|_| dev::PATHS);
    let access_log =
        if options.quiet { AccessLog::quiet() } else { AccessLog::start(options.json_log, without) };
    let serve = |service, listeners, until| {
        let serving = serving(&spec, service, listeners, until, access_log.clone());
        let served = chosen.server.serve(serving);
        access_log.flush();
        served
    };
    let new_service = |table| Service::of(table, spec.timeouts, spec.limits, spec.app.debug);
    let built = dev.as_ref().map_or(Ok(()), |dev| dev.wait_until_built(&stop));
    let deployment = match (built.and_then(|()| Deployment::load(spec.clone(), setup)), retry) {
        (Ok(deployment), _) => deployment,
        (Err(error), None) => return Err(error),
        (Err(error), Some(retry)) => {
            let shown = dev
                .iter()
                .flat_map(|_| &listeners)
                .map(|listener| format!("It is shown on {}\n", listener.url()));
            let shown: String = shown.collect();
            say(&format!("host: {error}\nWaiting for a change of the spec or of a plugin.\n{shown}"));
            starter.waits(&error);
            return retry.carry_out(&spec, &error, &stop, |pages, until| {
                let nothing = new_service(Arc::new(Table::empty()));
                serve(Arc::new(nothing.with_own_pages(Some(pages))), listeners, until)
            });
        }
    };
    let table = deployment.table().ok_or_else(|| Error::failed("nothing was loaded"))?;
    let banner = banner::banner(&spec.app.name, &chosen, &listeners, &table.listing());
    let service = Arc::new(new_service(table).with_own_pages(dev.map(|dev| dev.site())));
    deployment.serve(service.clone(), chosen.server.about().name);
    handle.enter(Phase::Serving);
    if spec.swap.watch {
        deployment.watch()?;
    }
    starter.serves(&banner, deployment.clone())?;
    serve(service, listeners, stop)?;
    deployment.end(spec.timeouts.shutdown)
}

fn serving(
    spec: &Spec,
    service: Arc<Service>,
    listeners: Vec<Listener>,
    stop: Stop,
    access_log: AccessLog,
) -> Serving {
    Serving {
        service,
        listeners,
        workers: spec.server.workers.or(cores),
        threads: spec.server.threads.explicit(),
        options: spec.server.options.clone(),
        stop,
        access_log,
    }
}

fn onlooker(dev: Option<Arc<Dev>>) -> Arc<dyn Onlooker> {
    match dev {
        Some(dev) => dev,
        None => Arc::new(NoOnlooker),
    }
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
    let bind = |bind: &Located<Bind>| Listener::bind(bind).map_err(|error| bind.at.place(&error));
    spec.server.bind.iter().map(bind).collect()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// For people, on standard error: standard output is for what a command answers.
pub(crate) fn say(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
