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
    /// Calls it.
    ///
    /// # Errors
    /// Whatever the function says.
    fn call(&self, instance: &Instance) -> Result<(), Error>;
}

use crate::register::{Registered, WithState};

impl<F: Fn() -> R, R: Registered> Life<((), R)> for F {
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
    fn call(&self, instance: &Instance) -> Result<(), Error> {
        self(instance.state()?).result()
    }
}
