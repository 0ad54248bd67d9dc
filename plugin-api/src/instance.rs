//! What an instance of a plugin is made of: its configuration and its state.

use crate::error::Error;
use std::any::Any;
use std::fmt;
use std::ops::Deref;

/// One instance of a plugin, as [`plugin!`](crate::plugin!) describes it: made at load, freed before unloading.
pub struct Instance {
    config: Box<dyn Any + Send + Sync>,
    state: Box<dyn Any + Send + Sync>,
}

impl Instance {
    #[doc(hidden)]
    pub fn new<C: Send + Sync + 'static, S: Send + Sync + 'static>(config: C, state: S) -> Self {
        Self { config: Box::new(config), state: Box::new(state) }
    }

    /// The configuration or the state, whichever has that type.
    ///
    /// # Errors
    /// Neither has it. An extractor of your own hands this on with `?`: the request answers 500, the log names the type.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<'_, T>, Error> {
        let found = self.config.downcast_ref().or_else(|| self.state.downcast_ref());
        found.map(State).ok_or_else(|| Error::internal(no_state::<T>()))
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}

fn no_state<T>() -> String {
    let wanted = std::any::type_name::<T>();
    format!("the plugin has no state of type `{wanted}`: name it in `plugin!`, as `config:` or as `state:`")
}

/// The plugin's configuration or its state, as an argument of a handler.
///
/// `T` is the type after `config:` or after `state:` in [`plugin!`](crate::plugin!); another type does not compile. It
/// borrows from the instance, so it costs nothing, and it cannot be kept for longer than the instance lives.
pub struct State<'r, T>(&'r T);

impl<'r, T> State<'r, T> {
    /// The value, for as long as the request lives: an answer may borrow from it.
    pub fn get(self) -> &'r T {
        self.0
    }
}

impl<T> Clone for State<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for State<'_, T> {}

impl<T> Deref for State<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for State<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
