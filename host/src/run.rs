//! A run from beginning to end, in the order of Bottle's `run()`: the app, its middleware, the server, the banner, and
//! then it serves. All of it happens in the worker, on sockets that were bound before.

use crate::access_log::AccessLog;
use crate::app::Installed;
use crate::banner;
use crate::cargo_build;
use crate::control::Commands;
use crate::error::{Error, Exit};
use crate::listener::Listener;
use crate::load::{Declared, Loader, Sources};
use crate::manifest::Manifest;
use crate::preflight::{Host, Preflight};
use crate::run_handle::{Phase, RunHandle};
use crate::running::Running;
use crate::server::{Chosen, ServerRegistry, Serving};
use crate::service::Service;
use crate::spec::{Bind, Located, MountSpec, PluginSpec, Source, Spec};
use crate::stop::Stop;
use crate::table::{Placed, Table, compose};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How a run differs from what the spec says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// No banner and no access lines.
    pub quiet: bool,
    /// Access lines as JSON.
    pub json_log: bool,
    /// What to do when a load fails; none: end with its error.
    pub wait_for_a_change: Option<WaitForAChange>,
}

/// Returns when a load that failed is worth another try, or the host stops.
pub type WaitForAChange = fn(&Spec, &Stop) -> Result<(), Error>;

/// Whoever started a run, and is told how it goes: a supervisor, or nobody but the terminal.
pub trait Starter {
    /// It could not load, and waits for a change.
    fn waits(&mut self, error: &Error);

    /// It serves from now on, and carries commands out.
    ///
    /// # Errors
    /// Nobody can be told.
    fn serves(&mut self, banner: &str, commands: Arc<dyn Commands>) -> Result<(), Error>;
}

/// Loads the spec's app and serves it on the listeners until `stop`.
///
/// # Errors
/// Anything of it fails before it serves; or the server does.
pub fn run(
    spec: &Spec,
    options: &Options,
    listeners: Vec<Listener>,
    stop: Stop,
    starter: &mut dyn Starter,
) -> Result<(), Error> {
    let chosen = choose(spec, &ServerRegistry::default())?;
    let control = RunHandle::new(stop.clone());
    let Some(table) = load_or_wait(spec, &control, options, starter)? else { return Ok(()) };
    let banner = banner::banner(&spec.app.name, &chosen, &listeners, &table.listing());
    let service = Arc::new(Service::new(table, spec.timeouts, spec.limits, spec.app.debug));
    let access_log = if options.quiet { AccessLog::quiet() } else { AccessLog::start(options.json_log) };
    let serving = Serving {
        service: service.clone(),
        listeners,
        workers: spec.server.workers.or(cores),
        threads: spec.server.threads.explicit(),
        options: spec.server.options.clone(),
        stop: stop.clone(),
        access_log: access_log.clone(),
    };
    control.enter(Phase::Serving);
    starter.serves(&banner, Arc::new(Running::new(spec, &chosen, stop)))?;
    let served = chosen.server.serve(serving);
    access_log.flush();
    served?;
    retire(service, spec.timeouts.shutdown)
}

/// None: the host was stopped while it waited.
fn load_or_wait(
    spec: &Spec,
    control: &RunHandle,
    options: &Options,
    starter: &mut dyn Starter,
) -> Result<Option<Table>, Error> {
    loop {
        let error = match load(spec, control, options.quiet) {
            Ok(table) => return Ok(Some(table)),
            Err(error) => error,
        };
        let Some(wait_for_a_change) = options.wait_for_a_change else { return Err(error) };
        say(&format!("host: {error}\n"));
        starter.waits(&error);
        wait_for_a_change(spec, control.stop())?;
        if control.stop().is_requested() {
            return Ok(None);
        }
    }
}

/// Ends the plugins. Each is stopped and destroyed on a thread of its own: one that hangs is named, and left behind.
pub(crate) fn retire(plugins: impl Send + 'static, limit: Option<Duration>) -> Result<(), Error> {
    let retired = crate::deadline::run("stopping the plugins", limit, move |_| {
        drop(plugins);
        Ok(())
    });
    retired.map_err(|error| Error::failed(error.message().to_owned()))
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

/// Builds, loads and composes what the spec declares.
///
/// # Errors
/// A crate does not build, a plugin cannot be loaded, a target does not exist, two routes are equal.
pub fn load(spec: &Spec, control: &RunHandle, quiet: bool) -> Result<Table, Error> {
    let files = spec.plugins.iter().map(|plugin| file_of(plugin, quiet)).collect::<Result<Vec<_>, _>>()?;
    let manifests = spec.plugins.iter().zip(&files).map(|(plugin, file)| manifest(plugin, file));
    let manifests = manifests.collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<String> = manifests.iter().map(|manifest| manifest.id.clone()).collect();
    let names = spec.plugin_names(&ids)?;
    for (plugin, manifest) in spec.plugins.iter().zip(&manifests) {
        check_config(plugin, manifest)?;
    }
    let declared = spec.plugins.iter().zip(&names).zip(files);
    let declared = declared.map(|((plugin, name), file)| Declared {
        name: name.clone(),
        file,
        config_json: plugin.config.to_string(),
    });
    let sources = Sources::new(declared.collect(), spec.base.clone(), search_path(&spec.base));
    let loader = Loader::new(sources, control.clone(), spec.timeouts.load);
    let mounts = spec.all_mounts(&names);
    let placed: Vec<Placed> = mounts.iter().map(|mount| place(&loader, mount)).collect::<Result<_, _>>()?;
    let around = spec.middleware.iter().map(|middleware| {
        let target = &middleware.target;
        let wrapper = loader.load_middleware(target, middleware.config.to_string());
        let wrapper = wrapper.map_err(|error| target.at.place(&error))?;
        let name =
            target.export.as_ref().map_or_else(|| target.library.clone(), |export| export.name.clone());
        Ok(Installed { name, also: target.to_string(), wrapper })
    });
    let around: Vec<Installed> = around.collect::<Result<_, Error>>()?;
    mounts.iter().zip(&placed).try_for_each(|(mount, place)| check_skip(mount, place, &around))?;
    compose(placed, &around)
}

/// The library of a plugin: a file, or what cargo makes of a crate.
fn file_of(plugin: &PluginSpec, quiet: bool) -> Result<PathBuf, Error> {
    let folder = match &plugin.source.value {
        Source::Path(path) => return Ok(path.clone()),
        Source::Crate(folder) => folder,
    };
    let profile =
        if cfg!(debug_assertions) { cargo_build::Profile::Dev } else { cargo_build::Profile::Release };
    let built = cargo_build::library_of(folder, profile, |progress| {
        if !quiet {
            say(&format!("{progress}\n"));
        }
    });
    Ok(built.map_err(|error| plugin.source.at.place(&error))?.path)
}

/// What the plugin says of itself, if it can be loaded here: the whole preflight, because this place knows the key that names
/// the file. The copy that is mapped later passes it again.
fn manifest(plugin: &PluginSpec, file: &Path) -> Result<Manifest, Error> {
    let accepted = crate::library::read(file)
        .and_then(|bytes| Preflight::of(&bytes, &Host::this(crate::host_side::EXTENSIONS)).accept(file));
    accepted.map_err(|error| plugin.source.at.place(&error))
}

/// A key that the plugin does not know is a mistake, if the plugin says which it knows.
fn check_config(plugin: &PluginSpec, manifest: &Manifest) -> Result<(), Error> {
    let Some(known) = &manifest.config else { return Ok(()) };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    plugin.config_at.check(&known)
}

fn place(loader: &Loader, mount: &MountSpec) -> Result<Placed, Error> {
    let app = loader.load_app(&mount.target).map_err(|error| mount.target.at.place(&error))?;
    let texts = |list: &[Located<String>]| list.iter().map(|one| one.value.clone()).collect();
    Ok(Placed {
        origin: format!("`{}` ({})", mount.target.value, mount.target.at),
        prefix: mount.at.value.clone(),
        hosts: texts(&mount.hosts),
        skip: texts(&mount.skip),
        app,
    })
}

/// A name in `skip` that no middleware has is a mistake: what was to be left out would go on.
fn check_skip(mount: &MountSpec, place: &Placed, around: &[Installed]) -> Result<(), Error> {
    let own = place.app.apps.iter().flat_map(|app| &app.middleware);
    let mut known: Vec<&str> = around.iter().chain(own).flat_map(|one| [&*one.name, &*one.also]).collect();
    known.dedup();
    let unknown = mount.skip.iter().find(|skip| !known.contains(&skip.value.as_str()));
    unknown.map_or(Ok(()), |skip| {
        let message = format!("no middleware `{}` to skip", skip.value);
        Err(skip.at.unknown(message, &skip.value, &known).exiting(Exit::Spec))
    })
}

/// Where `lib<name>.so` is looked for: `HOST_PLUGIN_PATH`, the folder of the spec and its `plugins`, the folder of the
/// program.
fn search_path(base: &Path) -> Vec<PathBuf> {
    let given = std::env::var_os("HOST_PLUGIN_PATH").unwrap_or_default();
    let mut path: Vec<PathBuf> =
        std::env::split_paths(&given).filter(|folder| folder != Path::new("")).collect();
    let base = if base == Path::new("") { Path::new(".") } else { base };
    path.extend([base.to_owned(), base.join("plugins")]);
    path.extend(std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned)));
    path
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
