//! Why the store does not do what a plugin asked for.

use plugin_api::abi::STORE_KEY_BYTES_MAX;
use std::fmt;

/// A cause, as it follows `cannot set `key`:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    KeyIsEmpty,
    KeyIsLong(usize),
    KeyIsNotText,
    NoValue,
    IsCounter,
    IsValue,
    Full { used: usize, limit: usize, needed: usize },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyIsEmpty => f.write_str("the key is empty"),
            Self::KeyIsLong(bytes) => {
                write!(f, "the key has {bytes} bytes, at most {STORE_KEY_BYTES_MAX} are allowed")
            }
            Self::KeyIsNotText => f.write_str("the key is not UTF-8"),
            Self::NoValue => f.write_str("there is no value: remove it instead"),
            Self::IsCounter => f.write_str("it is a counter"),
            Self::IsValue => f.write_str("it is a value, not a counter"),
            Self::Full { used, limit, needed } => write!(
                f,
                "the store is full: {needed} bytes more, and {used} of {limit} are used: remove what is not needed, or \
                 raise `store_bytes` in [limits]"
            ),
        }
    }
}
