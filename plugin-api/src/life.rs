//! What a plugin does when it starts and when it stops.

use crate::error::Error;
use crate::instance::{Instance, State};

/// The function after `start:` or `stop:`: it takes the state or the configuration, or nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot start or stop the plugin",
    label = "does not fit",
    note = "write `fn start(state: State<Db>) -> Result<(), Error>`, or take nothing; `stop` returns nothing"
)]
pub trait Life<How> {
    /// The marker of what it takes: nothing, or a state.
    type Takes;

    /// Calls it.
    ///
    /// # Errors
    /// Whatever the function says.
    fn call(&self, instance: &Instance) -> Result<(), Error>;
}

use crate::register::{Alone, Registered, WithState};

impl<F: Fn() -> R, R: Registered> Life<((), R)> for F {
    type Takes = Alone;

    fn call(&self, _: &Instance) -> Result<(), Error> {
        self().result()
    }
}

impl<F, T, R> Life<(WithState<T>, R)> for F
where
    F: Fn(State<'_, T>) -> R,
    T: Send + Sync + 'static,
    R: Registered,
{
    type Takes = WithState<T>;

    fn call(&self, instance: &Instance) -> Result<(), Error> {
        self(instance.state()?).result()
    }
}
