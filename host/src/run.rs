//! A run from beginning to end, in the order of Bottle's `run()`: the app, its middleware, the server, the banner, and
//! then it serves. All of it happens in the worker, on sockets that were bound before.

use crate::access_log::{AccessLog, Form, Without};
use crate::banner;
use crate::cargo_build::Profile;
use crate::control::{Answer, Commands};
use crate::deployment::{
    Addresses, Change, Deployment, Inherited, NoOnlooker, Onlooker, Parent, Reread, Running, Setup, Surplus,
};
use crate::dev::{self, DEV_PROFILE, Dev};
use crate::errands::{self, OfWorker, Pump};
use crate::error::Error;
use crate::health::HealthPages;
use crate::listener::Listener;
use crate::log;
use crate::own_pages::{OwnPages, Several};
use crate::quarantine::Bans;
use crate::retry::Retry;
use crate::run_handle::{Phase, RunHandle};
use crate::server::{Chosen, Errands, Listening, ServerRegistry, Serving, Shape, Swap, Unfit};
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
    /// No process before this one served.
    pub is_first: bool,
    /// Crates are built when their sources change, and browsers are told.
    pub dev: bool,
}

/// Whoever started a run, and is told how it goes: a supervisor, or nobody but the terminal.
pub trait Starter {
    /// What a deployment needs of it, for as long as it serves.
    fn parent(&self) -> Arc<dyn Parent>;

    /// It could not load, and waits for a change.
    fn waits(&mut self, error: &Error);

    /// The channel to it, where no thread sees to that.
    fn pump(&self) -> Option<Arc<dyn Pump>> {
        None
    }

    /// What became of the change that it began with. If nothing has changed, it ends.
    fn rolled(&mut self, answer: Answer, has_changed: bool);

    /// It serves from now on, as one of so many workers, and carries commands out.
    ///
    /// # Errors
    /// Nobody can be told.
    fn serves(&mut self, banner: &str, commands: Arc<dyn Commands>, shape: Shape) -> Result<(), Error>;

    /// Its server has ended: nothing is answered any more. What it served is still there, and can be counted.
    fn served(&mut self) {}
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
    /// What is not to run.
    pub bans: Bans,
    /// Whether answers name their generations.
    pub names_generations: bool,
    /// What to change before it serves.
    pub roll: Option<Change>,
    /// Ends it.
    pub stop: Stop,
}

/// What is about to be served.
struct Loaded {
    deployment: Arc<Deployment>,
    spec: Arc<Spec>,
    chosen: Chosen,
    places: Places,
}

/// Where it is served.
struct Places {
    listening: Listening,
    urls: Vec<String>,
    surplus: Surplus,
}

impl Places {
    fn of(spec: &Spec, listeners: Vec<(Bind, Listener)>, parent: &dyn Parent) -> Result<Self, Error> {
        let Addresses { wanted, surplus } = Addresses::of_spec(&spec.server.bind, listeners, parent)?;
        let urls: Vec<String> = wanted.iter().map(|(_, listener)| listener.url()).collect();
        Ok(Self { listening: Listening::of(wanted)?, urls, surplus })
    }
}

/// Loads the spec's app and serves it on the listeners until the stop.
///
/// # Errors
/// Anything of it fails before it serves; or the server does.
pub fn run(start: Start, options: &Options, starter: &mut dyn Starter) -> Result<(), Error> {
    let Start { spec, reread, listeners, inherited, bans, names_generations, roll, stop } = start;
    let chosen = choose(&spec, &ServerRegistry::default())?;
    let (handle, parent) = (RunHandle::new(stop.clone()).refusing(bans), starter.parent());
    let forks = chosen.server.forks();
    if forks {
        check_supervised(&chosen, options)?;
        handle.start_elsewhere();
    }
    parent.deadlines(&spec.timeouts);
    if options.dev && shape(&chosen, &spec, options).rolls {
        let name = chosen.server.about().name;
        let error =
            Error::usage(format!("`host dev` does not go with server `{name}`: it has several processes"));
        return Err(error.help("develop with `--server threaded`: the plugin is the same"));
    }
    let is_first = options.is_first && shape(&chosen, &spec, options).rolls;
    let dev = options.dev.then(|| Dev::start(&spec, chosen.server.about().is_single, &stop)).transpose()?;
    let setup = Setup {
        reread: reread.clone(),
        run: handle.clone(),
        profile: if options.dev { DEV_PROFILE } else { Profile::OF_THIS_HOST },
        quiet: options.quiet,
        parent: parent.clone(),
        onlooker: onlooker(dev.clone()),
        inherited,
        rolls: shape(&chosen, &spec, options).rolls,
    };
    let access_log = access_log(&spec, options);
    let serve =
        |service: &Arc<Service>, chosen: &Chosen, spec: &Spec, listening: &Listening, stop, errands| {
            let serving = Serving {
                service: service.clone(),
                listening: listening.clone(),
                workers: spec.server.workers.or(cores),
                threads: spec.server.threads.explicit(),
                options: spec.server.options.clone(),
                stop,
                access_log: access_log.clone(),
                unfit: unfit(&parent),
                errands,
            };
            let served = chosen.server.serve(serving);
            log::flush();
            served
        };
    let loaded = if let Some(change) = roll {
        match load_and_roll(spec, setup, change, listeners) {
            Ok((loaded, answer, true)) => {
                starter.rolled(answer, true);
                loaded
            }
            Ok((Loaded { deployment, spec, .. }, answer, false)) => {
                starter.rolled(answer, false);
                return deployment.end(spec.timeouts.shutdown);
            }
            Err(error) => {
                starter.rolled(error.into(), false);
                return Ok(());
            }
        }
    } else {
        let places = Places::of(&spec, listeners, &*parent)?;
        // A server that forks has no thread when it does: that of the retry ends with it.
        let retry = spec.swap.watch && options.starts_again;
        let retry = retry.then(|| Retry::of(&spec, reread, dev.clone())).transpose()?;
        let built = dev.as_ref().map_or(Ok(()), |dev| dev.wait_until_built(&stop));
        match (built.and_then(|()| Deployment::load(spec.clone(), setup)), retry) {
            (Ok(deployment), _) => Loaded { deployment, spec: Arc::new(spec), chosen, places },
            (Err(error), None) => return Err(error),
            (Err(error), Some(retry)) => {
                let shown =
                    dev.iter().flat_map(|_| &places.urls).map(|url| format!("It is shown on {url}\n"));
                let shown: String = shown.collect();
                log::say(&format!(
                    "host: {error}\nWaiting for a change of the spec or of a plugin.\n{shown}"
                ));
                starter.waits(&error);
                if let Some(pump) = starter.pump().filter(|_| forks) {
                    errands::on_a_thread(pump, stop.clone())?;
                }
                return retry.carry_out(&spec, &error, &stop, |pages, until| {
                    let nothing = Service::of(Arc::new(Table::empty()), Settings::of(&spec));
                    let nothing = Arc::new(nothing.with_own_pages(Some(pages)));
                    serve(&nothing, &chosen, &spec, &places.listening, until, None)
                });
            }
        }
    };
    let Loaded { deployment, spec, chosen, places: Places { listening, urls, surplus } } = loaded;
    let table = deployment.table().ok_or_else(|| Error::failed("nothing was loaded"))?;
    let banner = banner::banner(&spec.app.name, &chosen, &urls, &table.listing());
    let health: Option<Arc<dyn OwnPages>> =
        if spec.health.serve { Some(Arc::new(HealthPages::new(&spec.health, &stop))) } else { None };
    let own_pages = Several::of(health.into_iter().chain(dev.map(|dev| dev.site())));
    let service = Service::of(table, Settings::of(&spec)).with_own_pages(own_pages);
    let service = Arc::new(service);
    service.name_generations(names_generations);
    let server = chosen.server.about().name;
    deployment.serve(Running { server, service: service.clone(), listening: listening.clone() });
    handle.enter(Phase::Serving);
    let shape = shape(&chosen, &spec, options);
    match (shape.rolls, spec.swap.watch) {
        (true, true) => parent.watches(deployment.things()),
        (false, true) => deployment.watch()?,
        (_, false) => {}
    }
    if is_first {
        deployment.warn_of_state();
    }
    let errands = errands_of(forks, starter, &deployment)?;
    starter.serves(&banner, deployment.clone(), shape)?;
    surplus.close(&*parent);
    let served = serve(&service, &chosen, &spec, &listening, stop, errands);
    starter.served();
    served?;
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

/// Loads what is served elsewhere, and changes it; whether anything has changed is told besides.
fn load_and_roll(
    spec: Spec,
    setup: Setup,
    change: Change,
    listeners: Vec<(Bind, Listener)>,
) -> Result<(Loaded, Answer, bool), Error> {
    let parent = setup.parent.clone();
    let deployment = Deployment::load(spec, setup)?;
    let server = deployment.spec().and_then(|spec| server_name(&spec));
    let (mut answer, has_changed) = deployment.roll(change);
    let before: Vec<String> = listeners.iter().map(|(_, listener)| listener.url()).collect();
    let spec = deployment.spec().ok_or_else(|| Error::failed("nothing was loaded"))?;
    if server_name(&spec) != server {
        let error = Error::failed("the new spec was not taken: it has another `name` in [server]");
        return Err(
            error.help("all that was served before is still served; `host ctl restart` changes the server")
        );
    }
    let chosen = choose(&spec, &ServerRegistry::default())?;
    if chosen.server.forks() {
        deployment.check_alone()?;
    }
    parent.deadlines(&spec.timeouts);
    let places = Places::of(&spec, listeners, &*parent)?;
    tell_of_addresses(&mut answer, &before, &places.urls);
    Ok((Loaded { deployment, spec, chosen, places }, answer, has_changed))
}

fn server_name(spec: &Spec) -> Option<String> {
    spec.server.name.as_ref().map(|name| name.value.clone())
}

/// What a server that forks sees to besides. Said before anybody is told that it serves: threads that plugins have left are in
/// its way.
fn errands_of(
    forks: bool,
    starter: &dyn Starter,
    deployment: &Arc<Deployment>,
) -> Result<Option<Arc<dyn Errands>>, Error> {
    let Some(pump) = starter.pump().filter(|_| forks) else { return Ok(None) };
    deployment.check_alone()?;
    Ok(Some(Arc::new(OfWorker::new(pump, deployment.clone()))))
}

/// A process that forks sees to the channel itself; without a supervisor nobody would see to the control socket.
fn check_supervised(chosen: &Chosen, options: &Options) -> Result<(), Error> {
    if options.starts_again {
        return Ok(());
    }
    let name = chosen.server.about().name;
    let error = Error::usage(format!("server `{name}` does not serve without a supervisor"));
    Err(error.help("start it without --no-supervisor"))
}

/// As a swap in place does: where clients are let in from now on, and where no longer.
fn tell_of_addresses(answer: &mut Answer, before: &[String], after: &[String]) {
    let only = |these: &[String], those: &[String]| {
        these.iter().filter(|url| !those.contains(url)).cloned().collect::<Vec<_>>()
    };
    let (added, removed) = (only(after, before), only(before, after));
    let lines = added.iter().map(|url| format!("\nlistening on {url}"));
    answer.text.extend(lines.chain(removed.iter().map(|url| format!("\nno longer listening on {url}"))));
    if let Some(listeners) = answer.data.get_mut("listeners") {
        (listeners["added"], listeners["removed"]) = (added.into(), removed.into());
    }
}

/// How many workers are to serve. A process without a supervisor is the only one.
fn shape(chosen: &Chosen, spec: &Spec, options: &Options) -> Shape {
    let about = chosen.server.about();
    let rolls = options.starts_again && about.guarantees.swap == Swap::NewWorkers;
    let workers = about.workers.filter(|_| rolls).map_or(1, |_| spec.server.workers.or(cores));
    Shape { workers, rolls }
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
/// There is no server of that name, or it cannot take one of the options.
pub fn choose(spec: &Spec, registry: &ServerRegistry) -> Result<Chosen, Error> {
    let chosen = match &spec.server.name {
        Some(name) => registry.get(name).map_err(|error| name.at.place(&error))?,
        None => registry.get(crate::server::DEFAULT)?,
    };
    let known = chosen.server.about().options;
    spec.server.check_options(known)?;
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
