//! State that a plugin hands over to its next generation: the functions after `save:` and after `load:`.

use crate::config;
use crate::error::{Error, abort};
use crate::extract::Json;
use crate::instance::{Instance, State};
use crate::register::{Alone, Registered, WithState};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The function after `save:`: it takes the state or the configuration, or nothing, and gives what is handed over.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot save the state",
    label = "does not fit",
    note = "write `fn save(state: State<Db>) -> Json<Saved>`, or take nothing; it gives `Json<T>`, where `T` derives \
            `Serialize`, or `Vec<u8>`, or an `Option` (there may be nothing to hand over) or a `Result` of these"
)]
pub trait Save<How> {
    /// The marker of what it takes: nothing, or a state.
    type Takes;

    /// Calls it; none: there is nothing to hand over.
    ///
    /// # Errors
    /// Whatever the function says.
    fn save(&self, instance: &Instance) -> Result<Option<Vec<u8>>, Error>;
}

impl<F: Fn() -> R, R: Saved> Save<((), R)> for F {
    type Takes = Alone;

    fn save(&self, _: &Instance) -> Result<Option<Vec<u8>>, Error> {
        self().saved()
    }
}

impl<F, T, R> Save<(WithState<T>, R)> for F
where
    F: Fn(State<'_, T>) -> R,
    T: Send + Sync + 'static,
    R: Saved,
{
    type Takes = WithState<T>;

    fn save(&self, instance: &Instance) -> Result<Option<Vec<u8>>, Error> {
        self(instance.state()?).saved()
    }
}

/// What a function after `save:` may give.
pub trait Saved {
    /// As bytes.
    ///
    /// # Errors
    /// It cannot be written, or is an error.
    fn saved(self) -> Result<Option<Vec<u8>>, Error>;
}

impl Saved for Vec<u8> {
    fn saved(self) -> Result<Option<Vec<u8>>, Error> {
        Ok(Some(self))
    }
}

impl<T: Serialize> Saved for Json<T> {
    fn saved(self) -> Result<Option<Vec<u8>>, Error> {
        Ok(Some(serde_json::to_vec(&self.0)?))
    }
}

impl<S: Saved> Saved for Option<S> {
    fn saved(self) -> Result<Option<Vec<u8>>, Error> {
        self.map_or(Ok(None), Saved::saved)
    }
}

impl<S: Saved, E: Into<Error>> Saved for Result<S, E> {
    fn saved(self) -> Result<Option<Vec<u8>>, Error> {
        self.map_err(Into::into)?.saved()
    }
}

/// The function after `load:`: it takes the state if it wants it, the schema that was saved, and what was saved.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take over a state",
    label = "does not fit",
    note = "write `fn load(state: State<Db>, from: u32, saved: Json<Saved>) -> Result<(), Error>`; `saved` may also be \
            `&[u8]` or `Vec<u8>`; `Saved` derives `Deserialize`"
)]
pub trait Load<How> {
    /// The marker of what it takes: nothing, or a state.
    type Takes;

    /// Calls it.
    ///
    /// # Errors
    /// It does not take the state over: what was saved does not fit, or whatever the function says.
    fn load(&self, instance: &Instance, from: u32, saved: &[u8]) -> Result<(), Error>;
}

/// Marks the form that borrows the bytes.
#[derive(Debug)]
pub struct Lent;

/// Marks the form that takes what the bytes are read into.
#[derive(Debug)]
pub struct Read<S>(S);

impl<F, R> Load<((), Lent, R)> for F
where
    F: Fn(u32, &[u8]) -> R,
    R: Registered,
{
    type Takes = Alone;

    fn load(&self, _: &Instance, from: u32, saved: &[u8]) -> Result<(), Error> {
        self(from, saved).result()
    }
}

impl<F, S, R> Load<((), Read<S>, R)> for F
where
    F: Fn(u32, S) -> R,
    S: FromSaved,
    R: Registered,
{
    type Takes = Alone;

    fn load(&self, _: &Instance, from: u32, saved: &[u8]) -> Result<(), Error> {
        self(from, S::from_saved(saved)?).result()
    }
}

impl<F, T, R> Load<(WithState<T>, Lent, R)> for F
where
    F: Fn(State<'_, T>, u32, &[u8]) -> R,
    T: Send + Sync + 'static,
    R: Registered,
{
    type Takes = WithState<T>;

    fn load(&self, instance: &Instance, from: u32, saved: &[u8]) -> Result<(), Error> {
        self(instance.state()?, from, saved).result()
    }
}

impl<F, T, S, R> Load<(WithState<T>, Read<S>, R)> for F
where
    F: Fn(State<'_, T>, u32, S) -> R,
    T: Send + Sync + 'static,
    S: FromSaved,
    R: Registered,
{
    type Takes = WithState<T>;

    fn load(&self, instance: &Instance, from: u32, saved: &[u8]) -> Result<(), Error> {
        self(instance.state()?, from, S::from_saved(saved)?).result()
    }
}

/// What a function after `load:` may take: bytes, or what they are read into.
pub trait FromSaved: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// The bytes are something else.
    fn from_saved(saved: &[u8]) -> Result<Self, Error>;
}

impl FromSaved for Vec<u8> {
    fn from_saved(saved: &[u8]) -> Result<Self, Error> {
        Ok(saved.to_vec())
    }
}

impl<T: DeserializeOwned> FromSaved for Json<T> {
    fn from_saved(saved: &[u8]) -> Result<Self, Error> {
        config::parse(saved).map(Self).map_err(|cause| abort(500, format!("what was saved: {cause}")))
    }
}
