//! A run from beginning to end, in the order of Bottle's `run()`: the app, its middleware, the server, the banner, and
//! then it serves. All of it happens in the worker, on sockets that were bound before.

use crate::access_log::{AccessLog, Form, Without};
use crate::banner;
use crate::cargo_build::Profile;
use crate::control::Commands;
use crate::deployment::{
    Addresses, Deployment, Inherited, NoOnlooker, Onlooker, Parent, Reread, Running, Setup,
};
use crate::dev::{self, DEV_PROFILE, Dev};
use crate::error::Error;
use crate::health::HealthPages;
use crate::listener::Listener;
use crate::log;
use crate::own_pages::{OwnPages, Several};
use crate::retry::Retry;
use crate::run_handle::{Phase, RunHandle};
use crate::server::{Chosen, Listening, ServerRegistry, Serving, Unfit};
use crate::service::{Service, Settings};
use crate::spec::{Access, Bind, Located, Spec};
use crate::stop::Stop;
use crate::table::Table;
use std::process::ExitCode;
use std::sync::Arc;

/// How a run differs from what the spec says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// No banner and no access lines.
    pub quiet: bool,
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
    /// Where it listens, each with the address as the spec has it.
    pub listeners: Vec<(Bind, Listener)>,
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
    let (handle, parent) = (RunHandle::new(stop.clone()), starter.parent());
    parent.deadlines(&spec.timeouts);
    let Addresses { wanted: listeners, surplus } =
        Addresses::of_spec(&spec.server.bind, listeners, &*parent)?;
    let urls: Vec<String> = listeners.iter().map(|(_, listener)| listener.url()).collect();
    let listening = Listening::of(listeners)?;
    let dev = options.dev.then(|| Dev::start(&spec, chosen.server.about().is_single, &stop)).transpose()?;
    let setup = Setup {
        reread: reread.clone(),
        run: handle.clone(),
        profile: if options.dev { DEV_PROFILE } else { Profile::OF_THIS_HOST },
        quiet: options.quiet,
        parent: parent.clone(),
        onlooker: onlooker(dev.clone()),
        inherited,
    };
    let retry = spec.swap.watch && options.starts_again;
    let retry = retry.then(|| Retry::of(&spec, reread, dev.clone())).transpose()?;
    let access_log = access_log(&spec, options);
    let serve = |service: &Arc<Service>, stop| {
        let serving = Serving {
            service: service.clone(),
            listening: listening.clone(),
            workers: spec.server.workers.or(cores),
            threads: spec.server.threads.explicit(),
            options: spec.server.options.clone(),
            stop,
            access_log: access_log.clone(),
            unfit: unfit(&parent),
        };
        let served = chosen.server.serve(serving);
        log::flush();
        served
    };
    let new_service = |table| Service::of(table, Settings::of(&spec));
    let built = dev.as_ref().map_or(Ok(()), |dev| dev.wait_until_built(&stop));
    let deployment = match (built.and_then(|()| Deployment::load(spec.clone(), setup)), retry) {
        (Ok(deployment), _) => deployment,
        (Err(error), None) => return Err(error),
        (Err(error), Some(retry)) => {
            let shown = dev.iter().flat_map(|_| &urls).map(|url| format!("It is shown on {url}\n"));
            let shown: String = shown.collect();
            log::say(&format!("host: {error}\nWaiting for a change of the spec or of a plugin.\n{shown}"));
            starter.waits(&error);
            return retry.carry_out(&spec, &error, &stop, |pages, until| {
                let nothing = new_service(Arc::new(Table::empty()));
                serve(&Arc::new(nothing.with_own_pages(Some(pages))), until)
            });
        }
    };
    let table = deployment.table().ok_or_else(|| Error::failed("nothing was loaded"))?;
    let banner = banner::banner(&spec.app.name, &chosen, &urls, &table.listing());
    let health: Option<Arc<dyn OwnPages>> =
        if spec.health.serve { Some(Arc::new(HealthPages::new(&spec.health, &stop))) } else { None };
    let own_pages = Several::of(health.into_iter().chain(dev.map(|dev| dev.site())));
    let service = Arc::new(new_service(table).with_own_pages(own_pages));
    let server = chosen.server.about().name;
    deployment.serve(Running { server, service: service.clone(), listening: listening.clone() });
    handle.enter(Phase::Serving);
    if spec.swap.watch {
        deployment.watch()?;
    }
    starter.serves(&banner, deployment.clone())?;
    surplus.close(&*parent);
    serve(&service, stop)?;
    deployment.end(spec.timeouts.shutdown)
}

/// Access lines, as the spec has them.
fn access_log(spec: &Spec, options: &Options) -> AccessLog {
    let form = match spec.log.access {
        _ if options.quiet => return AccessLog::quiet(),
        Access::Off => return AccessLog::quiet(),
        Access::Auto if log::is_json() => Form::Json,
        Access::Auto | Access::Common => Form::Common,
        Access::Combined => Form::Combined,
        Access::Json => Form::Json,
    };
    let health = [&spec.health.live, &spec.health.ready].map(|path| Without::Path(path.clone()));
    let health = health.into_iter().filter(|_| spec.health.serve);
    AccessLog::start(form, health.chain(options.dev.then_some(Without::Below(dev::PATHS))).collect())
}

/// Another process is to take over.
fn unfit(parent: &Arc<dyn Parent>) -> Unfit {
    let parent = parent.clone();
    Arc::new(move |why| parent.replace_me(why))
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
pub fn bind(spec: &Spec) -> Result<Vec<(Bind, Listener)>, Error> {
    let bind = |bind: &Located<Bind>| {
        let listener = Listener::bind(bind).map_err(|error| bind.at.place(&error))?;
        Ok((bind.value.clone(), listener))
    };
    spec.server.bind.iter().map(bind).collect()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The end of the process: at once, without the destructors of libraries, if a thread is left that may run their code.
pub fn end(code: u8) -> ExitCode {
    log::flush();
    if crate::deadline::is_any_at_work() {
        signal_hook::low_level::exit(code.into());
    }
    ExitCode::from(code)
}
