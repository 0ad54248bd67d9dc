//! Configuration, arguments and settings: JSON that becomes a type of the author's.

use crate::error::{Error, abort};
use crate::extract::at_field;
use serde::de::DeserializeOwned;

/// Reads a JSON object; the message of the error names the field.
pub(crate) fn read<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Error> {
    let value = parse(json.as_bytes());
    value.map_err(|cause| abort(500, format!("{what}: {}", without_place(&cause))))
}

/// Reads all of a JSON text; the cause of a failure names the field.
pub(crate) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| at_field(&error))?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// The author wrote TOML: a line and a column of the JSON that it became would mislead.
fn without_place(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}

/// What a plugin without `config:` in `plugin!` takes: nothing.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// How to make the state from the configuration: a function that takes it, a reference to it, or nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make the state `{S}` from the configuration `{C}`",
    label = "does not fit",
    note = "write `fn connect(config: &{C}) -> Result<{S}, E>`, or take `{C}`, which has to be `Clone` then, or nothing; \
            `E` is any error"
)]
pub trait Connect<C, S, How> {
    /// Makes the state.
    ///
    /// # Errors
    /// Whatever the function says: the plugin is not loaded, and the message says why.
    fn connect(self, config: &C) -> Result<S, Error>;
}

impl<F, C, S, E> Connect<C, S, Lent<E>> for F
where
    F: FnOnce(&C) -> Result<S, E>,
    E: Into<Error>,
{
    fn connect(self, config: &C) -> Result<S, Error> {
        self(config).map_err(Into::into)
    }
}

impl<F, C, S, E> Connect<C, S, Given<E>> for F
where
    F: FnOnce(C) -> Result<S, E>,
    C: Clone,
    E: Into<Error>,
{
    fn connect(self, config: &C) -> Result<S, Error> {
        self(config.clone()).map_err(Into::into)
    }
}

impl<F, C, S, E> Connect<C, S, Bare<E>> for F
where
    F: FnOnce() -> Result<S, E>,
    E: Into<Error>,
{
    fn connect(self, _: &C) -> Result<S, Error> {
        self().map_err(Into::into)
    }
}

/// Marks the function that borrows the configuration.
#[derive(Debug)]
pub struct Lent<E>(E);

/// Marks the function that takes a copy of the configuration.
#[derive(Debug)]
pub struct Given<E>(E);

/// Marks the function that takes nothing.
#[derive(Debug)]
pub struct Bare<E>(E);
