//! An app: routes, error handlers, mounts and installed middleware; what Bottle calls a `Bottle`.

use crate::foreign::{OwnedFilter, OwnedHandler, OwnedWrapper};
use crate::generation::Generation;
use plugin_api::abi;
use plugin_api_route::Router;
use std::sync::Arc;

/// How much of a request's body its handler wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMode {
    /// Nothing.
    None,
    /// All of it, before the call.
    Whole,
    /// Chunk by chunk, by itself.
    Stream,
}

impl BodyMode {
    /// The mode that the ABI's number means.
    pub fn from_abi(mode: u16) -> Option<Self> {
        match mode {
            abi::BODY_NONE => Some(Self::None),
            abi::BODY_WHOLE => Some(Self::Whole),
            abi::BODY_STREAM => Some(Self::Stream),
            _ => None,
        }
    }
}

/// Which of the apps of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AppId(pub(crate) usize);

/// A route as it was registered, before any middleware.
#[derive(Clone)]
pub(crate) struct AppRoute {
    pub(crate) handler: Arc<OwnedHandler>,
    pub(crate) body: BodyMode,
    pub(crate) blocking: bool,
    pub(crate) plugin: Arc<Generation>,
    /// The app that it was registered on: whose middleware and error handlers it keeps when it is merged into another.
    pub(crate) home: AppId,
    /// How many filters the app that has it knew when it came there: a rule is bound to those, and to no later one.
    pub(crate) filters: usize,
}

/// A middleware with the name that `skip` knows it by.
#[derive(Clone)]
pub(crate) struct Installed {
    pub(crate) name: String,
    /// The target as the spec wrote it, which `skip` may name, too.
    pub(crate) also: String,
    pub(crate) wrapper: Arc<OwnedWrapper>,
}

/// One app while it is loaded, and afterwards.
#[derive(Default)]
pub(crate) struct App {
    pub(crate) router: Router<AppRoute>,
    pub(crate) filters: Vec<(String, Arc<OwnedFilter>)>,
    pub(crate) errors: Vec<(u16, Arc<OwnedHandler>)>,
    pub(crate) mounts: Vec<(String, AppId)>,
    pub(crate) middleware: Vec<Installed>,
}

/// What a load answers: an app, and those that it mounts.
pub struct LoadedApp {
    pub(crate) apps: Vec<App>,
    pub(crate) root: AppId,
    /// The plugins that targets named while it was loaded: it is of these, and of no others.
    pub(crate) used: Vec<Arc<Generation>>,
}

impl LoadedApp {
    pub(crate) fn root(&self) -> &App {
        &self.apps[self.root.0]
    }

    /// The rules of the app's own routes, in the order of their registration.
    pub fn rules(&self) -> Vec<String> {
        self.root().router.routes().iter().map(|route| route.rule().to_owned()).collect()
    }
}
