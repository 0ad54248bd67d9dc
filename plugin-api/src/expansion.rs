//! The names that expansions of the macros use.

pub use crate::abi::{HandlerVt, Plugin};
pub use crate::app::App;
pub use crate::config::{Connect, NoConfig};
pub use crate::endpoint::{
    AsyncEndpoint, Endpoint, ErrorEndpoint, RouteEndpoint, Spec, SyncEndpoint, async_vt, body_of, sync_body,
    sync_vt,
};
pub use crate::entry::{
    Definition, LifeFn, LoadFn, MakeFn, RegisterFn, SaveFn, make_fn, plugin, read_config,
};
pub use crate::error::Error;
pub use crate::extract::{BodyMode, FromRequest};
pub use crate::handover::{FromSaved, Load, Save, Saved};
pub use crate::instance::{Instance, State};
pub use crate::into_response::IntoResponse;
pub use crate::life::Life;
pub use crate::manifest::{AppEntry, Bound, Manifest, Note, assert_names_differ, padded_len};
pub use crate::middleware::{MiddlewareItem, Nothing, RouteInfo, Settings, Use};
pub use crate::register::{Factory, Register};
pub use crate::request::Request;
pub use crate::response::Reply;
pub use crate::run::{IntoRun, Next, Run};

use crate::param::FromParam;
use crate::register::{Alone, WithState};

/// A path parameter, for the argument of its name.
///
/// # Errors
/// 400: it does not fit the argument's type.
pub fn param<'r, T: FromParam<'r>>(request: &'r Request, index: usize, name: &str) -> Result<T, Error> {
    crate::param::take(request, index, name)
}

/// Any other argument.
///
/// # Errors
/// The request does not have it.
pub fn extract<'r, T: FromRequest<'r>>(request: &'r Request, instance: &'r Instance) -> Result<T, Error> {
    T::from_request(request, instance)
}

/// A plugin that has a configuration or a state of that type.
#[diagnostic::on_unimplemented(
    message = "this plugin has no state of type `{T}`",
    label = "a handler, middleware or function here takes `State<{T}>`",
    note = "write `config: {T}` or `state: {T} = function` in `plugin!`, or take the type that is there"
)]
pub trait Has<T> {}

/// What a handler needs of its plugin.
pub trait Needs<P> {}

/// What a function of a plugin's life takes: nothing, or a state that the plugin has.
pub trait FoundIn<P> {}

impl<P> FoundIn<P> for Alone {}
impl<P: Has<T>, T> FoundIn<P> for WithState<T> {}

/// Starts or stops a plugin.
///
/// # Errors
/// Whatever the function says.
pub fn call_life<P, How, F: Life<How>>(life: &F, instance: &Instance) -> Result<(), Error>
where
    F::Takes: FoundIn<P>,
{
    life.call(instance)
}

/// What a plugin hands over; none: nothing.
///
/// # Errors
/// Whatever the function says.
pub fn call_save<P, How, F: Save<How>>(save: &F, instance: &Instance) -> Result<Option<Vec<u8>>, Error>
where
    F::Takes: FoundIn<P>,
{
    save.save(instance)
}

/// Gives a plugin what was saved.
///
/// # Errors
/// Whatever the function says.
pub fn call_load<P, How, F: Load<How>>(
    load: &F,
    instance: &Instance,
    from: u32,
    saved: &[u8],
) -> Result<(), Error>
where
    F::Takes: FoundIn<P>,
{
    load.load(instance, from, saved)
}

/// Checks that a plugin has what its handler needs.
pub const fn check<P, E: Needs<P>>() {}

/// Checks that it is the handler of a route.
pub const fn is_route<E: RouteEndpoint>() {}

/// Checks that it is an error handler.
pub const fn is_error<E: ErrorEndpoint>() {}
