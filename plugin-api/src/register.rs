//! Functions that make apps: factories, and the one after `default:`.

use crate::app::App;
use crate::config;
use crate::error::Error;
use crate::instance::{Instance, State};
use serde::de::DeserializeOwned;

/// A function that registers: `fn(&mut App)`, with arguments of a type of its own, and with the plugin's state if it wants
/// it; it gives nothing or a `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make an app",
    label = "does not fit",
    note = "write `fn shop(app: &mut App, args: ShopArgs, state: State<Config>) -> Result<(), Error>`; without arguments \
            and state `fn shop(app: &mut App) -> Result<(), Error>`; `ShopArgs` derives `Deserialize`"
)]
pub trait Factory<How> {
    /// Registers on the app. `args` is a JSON object.
    ///
    /// # Errors
    /// Arguments that do not fit, and whatever the function says.
    fn register<'p>(&self, instance: &'p Instance, args: &str, app: &mut App<'p>) -> Result<(), Error>;
}

/// What a function that registers may return.
pub trait Registered {
    /// As a result.
    ///
    /// # Errors
    /// It could not register.
    fn result(self) -> Result<(), Error>;
}

impl Registered for () {
    fn result(self) -> Result<(), Error> {
        Ok(())
    }
}

impl<E: Into<Error>> Registered for Result<(), E> {
    fn result(self) -> Result<(), Error> {
        self.map_err(Into::into)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArgs {}

impl<F, R> Factory<(Alone, R)> for F
where
    F: Fn(&mut App<'_>) -> R,
    R: Registered,
{
    fn register<'p>(&self, _: &'p Instance, args: &str, app: &mut App<'p>) -> Result<(), Error> {
        let NoArgs {} = config::read("arguments", args)?;
        self(app).result()
    }
}

impl<F, A, R> Factory<(WithArgs<A>, R)> for F
where
    F: Fn(&mut App<'_>, A) -> R,
    A: DeserializeOwned,
    R: Registered,
{
    fn register<'p>(&self, _: &'p Instance, args: &str, app: &mut App<'p>) -> Result<(), Error> {
        self(app, config::read("arguments", args)?).result()
    }
}

/// Marks the form that takes the app alone.
#[derive(Debug)]
pub struct Alone;

/// Marks the form with arguments.
#[derive(Debug)]
pub struct WithArgs<A>(A);

/// Marks the form with a state.
#[derive(Debug)]
pub struct WithState<T>(T);

impl<F, A, T, R> Factory<(WithArgs<A>, WithState<T>, R)> for F
where
    F: for<'a, 'p> Fn(&'a mut App<'p>, A, State<'p, T>) -> R,
    A: DeserializeOwned,
    T: Send + Sync + 'static,
    R: Registered,
{
    fn register<'p>(&self, instance: &'p Instance, args: &str, app: &mut App<'p>) -> Result<(), Error> {
        self(app, config::read("arguments", args)?, instance.state()?).result()
    }
}

/// The function after `default:`: [`Factory`] without arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make the default app",
    label = "does not fit",
    note = "write `fn register(app: &mut App) -> Result<(), Error>`, or with the state: \
            `fn register(app: &mut App, state: State<Config>) -> Result<(), Error>`"
)]
pub trait Register<How> {
    /// Registers on the app.
    ///
    /// # Errors
    /// Whatever the function says.
    fn register<'p>(&self, instance: &'p Instance, app: &mut App<'p>) -> Result<(), Error>;
}

impl<F, R> Register<(Alone, R)> for F
where
    F: Fn(&mut App<'_>) -> R,
    R: Registered,
{
    fn register<'p>(&self, _: &'p Instance, app: &mut App<'p>) -> Result<(), Error> {
        self(app).result()
    }
}

impl<F, T, R> Register<(WithState<T>, R)> for F
where
    F: for<'a, 'p> Fn(&'a mut App<'p>, State<'p, T>) -> R,
    T: Send + Sync + 'static,
    R: Registered,
{
    fn register<'p>(&self, instance: &'p Instance, app: &mut App<'p>) -> Result<(), Error> {
        self(app, instance.state()?).result()
    }
}
