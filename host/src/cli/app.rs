//! The app that a command is about, and the commands that load it and end.

use super::print;
use crate::banner;
use crate::cargo_build::Profile;
use crate::deployment::{Deployment, Inherited, NoOnlooker, Nobody, Setup};
use crate::error::Error;
use crate::log::{self, LogFormat, Process};
use crate::run;
use crate::run_handle::RunHandle;
use crate::server::ServerRegistry;
use crate::spec::{Set, Spec};
use crate::stop::Stop;
use crate::table::Listed;
use clap::Args;
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Debug, Args)]
pub(super) struct AppArgs {
    /// The app: a TOML file, or a target as `library:name(key = value)`
    #[arg(short, long, env = "HOST_APP", value_name = "FILE|TARGET")]
    app: Option<String>,
    /// Override a key of the spec, as `limits.connections=10`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Set>,
}

impl AppArgs {
    /// The app, where none is named.
    pub(super) fn default_to(&mut self, app: &str) {
        self.app.get_or_insert_with(|| app.to_owned());
    }

    /// The spec, for a command that loads plugins: what they say goes to the log.
    pub(super) fn logged(&self) -> Result<Spec, Error> {
        let spec = self.spec()?;
        log::install(LogFormat::Pretty, spec.app.debug, Process::Host);
        Ok(spec)
    }

    pub(super) fn spec(&self) -> Result<Spec, Error> {
        self.spec_with(None)
    }

    /// With the text that its file had at another time, if that is given.
    pub(super) fn spec_with(&self, text: Option<String>) -> Result<Spec, Error> {
        let Some(app) = &self.app else {
            let error = Error::usage("no app: nothing to serve");
            return Err(error.help("host --app FILE|TARGET --server NAME; try examples/hello/app.toml"));
        };
        match text {
            Some(text) => Spec::of_text(Path::new(app), text, &self.set),
            None => spec_of(app, &self.set),
        }
    }
}

/// The spec of what `--app` names.
pub(super) fn spec_of(app: &str, set: &[Set]) -> Result<Spec, Error> {
    if app.ends_with(".toml") {
        return Spec::load(Path::new(app), set);
    }
    if !set.is_empty() {
        return Err(Error::usage(format!("--set changes a spec, and --app names the target `{app}`")));
    }
    let target = app.parse().map_err(|error: Error| error.context("--app"))?;
    Ok(Spec::for_target(target))
}

pub(super) fn check(spec: &Spec) -> Result<(), Error> {
    run::choose(spec, &ServerRegistry::default())?;
    let deployment = load(spec)?;
    print(&format!("{}: ok, {} routes\n", spec.app.name.value, listing(&deployment).len()))?;
    deployment.end(spec.timeouts.load)
}

pub(super) fn routes(spec: &Spec) -> Result<(), Error> {
    let deployment = load(spec)?;
    print(&banner::table(&listing(&deployment)))?;
    deployment.end(spec.timeouts.load)
}

fn load(spec: &Spec) -> Result<Arc<Deployment>, Error> {
    let again = spec.clone();
    let setup = Setup {
        reread: Arc::new(move || Ok(again.clone())),
        run: RunHandle::new(Stop::new()?),
        profile: Profile::OF_THIS_HOST,
        quiet: false,
        parent: Arc::new(Nobody),
        onlooker: Arc::new(NoOnlooker),
        inherited: Inherited::default(),
        rolls: false,
    };
    Deployment::load(spec.clone(), setup)
}

fn listing(deployment: &Deployment) -> Vec<Listed> {
    deployment.table().map(|table| table.listing()).unwrap_or_default()
}
