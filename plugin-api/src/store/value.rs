//! Values with a type.

use super::failed;
use super::table::Table;
use crate::config;
use crate::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// So many times [`Value::update`] begins anew when others were faster: with a hundred threads that do nothing but change
/// one value, one call in ten thousand would still need more.
const UPDATE_TRIES_MAX: usize = 1000;

/// A value that no swap loses. Made by [`store::value`](super::value).
pub struct Value<'k, T> {
    key: Cow<'k, str>,
    /// It reads and writes a `T`, and owns none.
    of: PhantomData<fn() -> T>,
}

impl<'k, T> Value<'k, T> {
    pub(super) const fn new(key: Cow<'k, str>) -> Self {
        Self { key, of: PhantomData }
    }

    /// Removes it; whether there was one.
    ///
    /// # Errors
    /// The key cannot be one, or the host has no store.
    pub fn remove(&self) -> Result<bool, Error> {
        super::remove(&self.key)
    }
}

impl<T> fmt::Debug for Value<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Value<'_, T> {
    /// What is there, if anything is.
    ///
    /// # Errors
    /// It was written as another type (the text names the key and the field), the key has a counter, the key cannot be
    /// one, or the host has no store.
    pub fn get(&self) -> Result<Option<T>, Error> {
        let Some(bytes) = Table::of_host("get", &self.key)?.get(&self.key)? else { return Ok(None) };
        self.read(bytes.bytes()).map(Some)
    }

    fn read(&self, json: &[u8]) -> Result<T, Error> {
        config::parse(json).map_err(|cause| {
            let wanted = std::any::type_name::<T>();
            failed(format_args!("cannot read `{}` as `{wanted}`: {cause}", self.key.escape_debug()))
        })
    }
}

impl<T: Serialize> Value<'_, T> {
    /// Sets it, whatever was there.
    ///
    /// # Errors
    /// It cannot be written as JSON, the key has a counter, the limit is reached, the key cannot be one, or the host has
    /// no store.
    pub fn set(&self, value: &T) -> Result<(), Error> {
        Table::of_host("set", &self.key)?.set(&self.key, &self.write(value)?)
    }

    fn write(&self, value: &T) -> Result<Vec<u8>, Error> {
        let cannot = |cause| failed(format_args!("cannot write `{}`: {cause}", self.key.escape_debug()));
        serde_json::to_vec(value).map_err(cannot)
    }
}

impl<T: Serialize + DeserializeOwned + Default> Value<'_, T> {
    /// Changes it as one step, and gives what `change` gives. It begins with the default where nothing is there.
    ///
    /// `change` is called again, with what is there by then, when somebody else changed the value meanwhile: let it do
    /// nothing but change it. Nothing is written where it changed nothing.
    ///
    /// # Errors
    /// Others were faster a thousand times; and as [`get`](Value::get) and [`set`](Value::set).
    ///
    /// ```
    /// # use plugin_api::prelude::*;
    /// #[post("/seat/<n:int>")]
    /// fn take(n: u32) -> Result<String, Error> {
    ///     let taken = store::value::<Vec<u32>>("seats").update(|taken| {
    ///         let is_free = !taken.contains(&n);
    ///         if is_free {
    ///             taken.push(n);
    ///         }
    ///         is_free
    ///     })?;
    ///     if taken { Ok(format!("seat {n} is yours")) } else { Err(abort(409, "somebody sits there")) }
    /// }
    /// ```
    pub fn update<R>(&self, mut change: impl FnMut(&mut T) -> R) -> Result<R, Error> {
        let table = Table::of_host("update", &self.key)?;
        for _ in 0..UPDATE_TRIES_MAX {
            let before = table.get(&self.key)?;
            let before = before.as_ref().map(|bytes| bytes.bytes());
            let mut value = before.map_or_else(|| Ok(T::default()), |json| self.read(json))?;
            let result = change(&mut value);
            let after = self.write(&value)?;
            if before == Some(&*after) || table.compare_and_set(&self.key, before, &after)? {
                return Ok(result);
            }
            std::thread::yield_now();
        }
        let key = self.key.escape_debug();
        Err(failed(format_args!(
            "cannot update `{key}`: others changed it {UPDATE_TRIES_MAX} times meanwhile"
        )))
    }
}
