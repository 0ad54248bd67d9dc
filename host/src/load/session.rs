//! One load under way: its apps, its app stack, and the plugin that registers now.

use super::sources::Sources;
use crate::app::{App, AppId, AppRoute, BodyMode, LoadedApp};
use crate::app_stack::{AppStack, Mark};
use crate::deadline::Progress;
use crate::error::Error;
use crate::foreign::OwnedWrapper;
use crate::generation::Generation;
use crate::manifest::Body;
use crate::run_handle::RunHandle;
use crate::suggest;
use crate::target::{Export, Target};
use plugin_api::abi;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// Loads within loads: a plugin that loads itself stops here and not at the end of the stack.
const NESTED_MAX: usize = 16;

thread_local! {
    /// The session, while a plugin registers.
    static CURRENT: RefCell<Option<Session>> = const { RefCell::new(None) };
    /// Set for the life of a thread that loads.
    static LOADING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is loading: a plugin's `run` and `stop` are ignored then.
pub(crate) fn is_loading() -> bool {
    LOADING.get()
}

/// Marks this thread as one that loads, for the rest of its life.
pub(crate) fn loading() {
    LOADING.set(true);
}

/// The apps of one load, and where it stands. `Session` itself is not borrowed while a plugin runs: it rests in the
/// thread's `CURRENT`, where callbacks find it.
pub(crate) struct Session {
    sources: Arc<Sources>,
    run: RunHandle,
    progress: Progress,
    pub(crate) apps: Vec<App>,
    stack: AppStack<AppId>,
    /// The plugins that register now, innermost last, each with the depth of the stack that it began with.
    registering: Vec<(Arc<Generation>, Mark)>,
    /// The plugins that any target of this load named.
    used: Vec<Arc<Generation>>,
}

/// Runs `work` with a session that callbacks on this thread can reach.
pub(crate) fn enter<T>(
    sources: Arc<Sources>,
    run: RunHandle,
    progress: Progress,
    work: impl FnOnce(&mut Session) -> Result<T, Error>,
) -> Result<T, Error> {
    loading();
    let mut session = Session {
        sources,
        run,
        progress,
        apps: Vec::new(),
        stack: AppStack::default(),
        registering: Vec::new(),
        used: Vec::new(),
    };
    work(&mut session)
}

/// Runs `work` on the session of the load that this thread is in.
pub(crate) fn with_current<T>(work: impl FnOnce(&mut Session) -> Result<T, Error>) -> Result<T, Error> {
    let none = || Error::spec("no load is under way on this thread");
    let mut session = CURRENT.with(|current| current.try_borrow_mut().ok()?.take()).ok_or_else(none)?;
    let result = work(&mut session);
    CURRENT.with(|current| *current.borrow_mut() = Some(session));
    result
}

impl Session {
    /// Bottle's `load_app`.
    pub(crate) fn load_app(&mut self, target: &Target) -> Result<AppId, Error> {
        let (mark, used) = (self.stack.mark(), self.used.len());
        let fresh = self.create_app();
        self.stack.push(fresh);
        let loaded = self.load(target);
        self.stack.restore(mark);
        if loaded.is_err() {
            self.used.truncate(used);
        }
        Ok(loaded?.unwrap_or(fresh))
    }

    /// Bottle's `load`: registers on the app on top of the stack, or answers with the app that the target names.
    fn load(&mut self, target: &Target) -> Result<Option<AppId>, Error> {
        if self.registering.len() >= NESTED_MAX {
            return Err(Error::spec(format!(
                "cannot load `{target}`: {NESTED_MAX} loads are within one another already"
            )));
        }
        let plugin = self.generation(&target.library)?;
        match &target.export {
            None => {
                let app = self.top();
                self.register(&plugin, "", None, app)?;
                Ok(None)
            }
            Some(export) => self.load_export(target, &plugin, export).map(Some),
        }
    }

    fn generation(&mut self, library: &str) -> Result<Arc<Generation>, Error> {
        let plugin = self.sources.clone().generation(library, &self.run, &self.progress)?;
        if !self.used.iter().any(|used| Arc::ptr_eq(used, &plugin)) {
            self.used.push(plugin.clone());
        }
        Ok(plugin)
    }

    fn load_export(
        &mut self,
        target: &Target,
        plugin: &Arc<Generation>,
        export: &Export,
    ) -> Result<AppId, Error> {
        let known = plugin.manifest().apps.iter().find(|app| app.name == export.name);
        let Some(known) = known else { return Err(no_such_app(target, plugin, &export.name)) };
        let args = match (&export.args, known.factory) {
            (None, false) => None,
            (Some(_), true) => Some(target.args_json()),
            (None, true) => {
                let error = Error::spec(format!("cannot load `{target}`: `{}` is a factory", export.name));
                return Err(
                    error.help(format!("call it: `{target}()`, with `name = value` for each argument"))
                );
            }
            (Some(_), false) => {
                let error = Error::spec(format!(
                    "cannot load `{target}`: `{}` is an app and takes no arguments",
                    export.name
                ));
                return Err(error.help(format!("write `{}:{}`", target.library, export.name)));
            }
        };
        let app = self.create_app();
        self.stack.push(app);
        self.register(plugin, &export.name, args.as_deref(), app)?;
        Ok(app)
    }

    /// Registers an app's routes: those of the manifest, then those that the plugin makes.
    fn register(
        &mut self,
        plugin: &Arc<Generation>,
        name: &str,
        args_json: Option<&str>,
        app: AppId,
    ) -> Result<(), Error> {
        self.progress.step(format!("plugin `{}`: register", plugin.name()));
        self.register_static(plugin, name, app)?;
        let manifest = plugin.manifest();
        let dynamic =
            if name.is_empty() { manifest.dynamic } else { args_json.is_some() || is_dynamic(plugin, name) };
        if !dynamic {
            return Ok(());
        }
        let mark = self.stack.mark();
        let result = self.while_registering(plugin, || plugin.register(name, args_json, handle(app)));
        let forgotten = self.stack.restore(mark);
        if forgotten > 0 {
            tracing::debug!(
                "plugin `{}` left {forgotten} app(s) on the stack; they were removed",
                plugin.name()
            );
        }
        result
    }

    /// Puts the session where callbacks find it for as long as the plugin runs.
    fn while_registering<T>(
        &mut self,
        plugin: &Arc<Generation>,
        call: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.registering.push((plugin.clone(), self.stack.mark()));
        let lent = Session {
            sources: self.sources.clone(),
            run: self.run.clone(),
            progress: self.progress.clone(),
            apps: std::mem::take(&mut self.apps),
            stack: std::mem::take(&mut self.stack),
            registering: std::mem::take(&mut self.registering),
            used: std::mem::take(&mut self.used),
        };
        let outer = CURRENT.with(|current| current.replace(Some(lent)));
        let result = call();
        if let Some(lent) = CURRENT.with(|current| current.replace(outer)) {
            *self = lent;
        }
        self.registering.pop();
        self.progress.step(format!("plugin `{}`: register", plugin.name()));
        result
    }

    fn register_static(&mut self, plugin: &Arc<Generation>, name: &str, app: AppId) -> Result<(), Error> {
        for route in plugin.manifest().routes.iter().filter(|route| route.app == name) {
            let handler = plugin.bind(&route.handler)?;
            let body = match route.body {
                Body::None => BodyMode::None,
                Body::Whole => BodyMode::Whole,
                Body::Stream => BodyMode::Stream,
            };
            let payload = AppRoute {
                handler,
                body,
                blocking: route.blocking,
                plugin: plugin.clone(),
                home: app,
                filters: 0,
            };
            self.add_route(app, &route.method, &route.rule, route.name.as_deref(), payload)?;
        }
        for error in plugin.manifest().errors.iter().filter(|error| error.app == name) {
            let handler = plugin.bind(&error.handler)?;
            self.apps[app.0].errors.push((error.status, handler));
        }
        Ok(())
    }

    /// Adds a route to an app; an equal one is replaced.
    pub(crate) fn add_route(
        &mut self,
        app: AppId,
        method: &str,
        rule: &str,
        name: Option<&str>,
        route: AppRoute,
    ) -> Result<(), Error> {
        let plugin = route.plugin.name().to_owned();
        let app = &mut self.apps[app.0];
        let route = AppRoute { filters: app.filters.len(), ..route };
        let added = app.router.add(method, rule, name, route);
        let added = added.map_err(|cause| rule_error(&plugin, method, rule, &cause))?;
        if added.replaced.is_some() {
            tracing::debug!("plugin `{plugin}`: {method} {rule} replaces an equal route");
        }
        Ok(())
    }

    /// A middleware for one use of it.
    pub(crate) fn load_middleware(
        &mut self,
        target: &Target,
        config_json: &str,
    ) -> Result<Arc<OwnedWrapper>, Error> {
        let plugin = self.generation(&target.library)?;
        let known: Vec<&str> = plugin.manifest().middleware.iter().map(|one| one.name.as_str()).collect();
        let name = match &target.export {
            Some(export) if export.args.is_some() => {
                let error = Error::spec(format!("cannot load `{target}`: a middleware takes no arguments"));
                return Err(error.help("give them as `config = { … }` in its [[middleware]]"));
            }
            Some(export) => export.name.clone(),
            None if known.len() == 1 => known[0].to_owned(),
            None => return Err(which_middleware(target, &known)),
        };
        if !known.contains(&name.as_str()) {
            let error = Error::spec(format!(
                "cannot load `{target}`: plugin `{}` has no middleware `{name}`",
                plugin.name()
            ));
            return Err(names(error, "middleware", &name, &known));
        }
        self.progress.step(format!("plugin `{}`: middleware `{name}`", plugin.name()));
        self.while_registering(&plugin, || plugin.middleware(&name, config_json))
    }

    pub(crate) fn create_app(&mut self) -> AppId {
        self.apps.push(App::default());
        AppId(self.apps.len() - 1)
    }

    /// The default app.
    pub(crate) fn top(&mut self) -> AppId {
        let apps = &mut self.apps;
        self.stack.top_or_else(|| {
            apps.push(App::default());
            AppId(apps.len() - 1)
        })
    }

    pub(crate) fn push(&mut self, app: AppId) -> AppId {
        self.stack.push(app)
    }

    /// Takes an app off the stack that this plugin pushed; never one that was there before.
    pub(crate) fn pop(&mut self) -> Option<AppId> {
        let (_, mark) = self.registering.last()?;
        if self.stack.mark() <= *mark { None } else { self.stack.pop() }
    }

    /// The plugin that registers now.
    pub(crate) fn plugin(&self) -> Result<Arc<Generation>, Error> {
        let plugin = self.registering.last().map(|(plugin, _)| plugin.clone());
        plugin.ok_or_else(|| Error::spec("no plugin registers on this thread"))
    }

    /// The app behind a handle that a plugin gave.
    pub(crate) fn app(&self, handle: *mut abi::App) -> Result<AppId, Error> {
        match handle.addr().checked_sub(1) {
            Some(index) if index < self.apps.len() => Ok(AppId(index)),
            _ => Err(Error::spec("this is not an app of the load that is under way")),
        }
    }

    pub(crate) fn finish(&mut self, root: AppId) -> LoadedApp {
        LoadedApp { apps: std::mem::take(&mut self.apps), root, used: std::mem::take(&mut self.used) }
    }
}

/// The handle of an app: its number and one, so that none is null.
pub(crate) fn handle(app: AppId) -> *mut abi::App {
    std::ptr::without_provenance_mut(app.0 + 1)
}

/// An app that is no factory and has no route in the manifest is made at load, too.
fn is_dynamic(plugin: &Generation, name: &str) -> bool {
    let manifest = plugin.manifest();
    !manifest.routes.iter().any(|route| route.app == name)
}

fn rule_error(plugin: &str, method: &str, rule: &str, cause: &plugin_api_route::AddError) -> Error {
    let text = cause.to_string();
    // Both name the rule; once is enough.
    let why = text.strip_prefix(&format!("rule `{rule}`: ")).unwrap_or(&text);
    let error = Error::spec(format!("plugin `{plugin}`: cannot add route {method} `{rule}`: {why}"));
    error.help(cause.help())
}

fn no_such_app(target: &Target, plugin: &Generation, name: &str) -> Error {
    let manifest = plugin.manifest();
    let error =
        Error::spec(format!("cannot load `{target}`: plugin `{}` has no app `{name}`", plugin.name()));
    if manifest.middleware.iter().any(|middleware| middleware.name == name) {
        return error
            .help(format!("`{name}` is a middleware: name it in a [[middleware]], `use = \"{target}\"`"));
    }
    let known: Vec<&str> = manifest.apps.iter().map(|app| app.name.as_str()).collect();
    names(error, "apps", name, &known)
}

fn which_middleware(target: &Target, known: &[&str]) -> Error {
    let error = Error::spec(format!("cannot load `{target}`: which middleware of it?"));
    names(error, "middleware", "", known)
}

/// Adds the names that do exist, nearest first.
fn names(error: Error, what: &str, name: &str, known: &[&str]) -> Error {
    match suggest::sorted(name, known) {
        known if known.is_empty() => error.help(format!("it exports no {what} by name")),
        known => error.help(format!("{what} that it exports: {}", known.join(", "))),
    }
}
