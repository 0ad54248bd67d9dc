//! How many workers or threads.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::error::Error;

/// More workers or threads than this are a mistake.
pub(crate) const COUNT_MAX: usize = 4096;

/// A number that may be left to the host.
///
/// ```
/// use host::spec::Count;
/// assert_eq!("auto".parse::<Count>().unwrap(), Count::Auto);
/// assert_eq!("4".parse::<Count>().unwrap().or(|| 1), 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// As many as the server finds right for this machine.
    #[default]
    Auto,
    /// This many.
    N(NonZeroUsize),
}

impl Count {
    /// The number, or what `auto` stands for.
    pub fn or(self, auto: impl FnOnce() -> usize) -> usize {
        match self {
            Self::Auto => auto(),
            Self::N(number) => number.get(),
        }
    }

    /// The number, if it is not left to the host.
    pub fn explicit(self) -> Option<usize> {
        match self {
            Self::Auto => None,
            Self::N(number) => Some(number.get()),
        }
    }
}

impl FromStr for Count {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = text.parse::<NonZeroUsize>().ok().filter(|number| number.get() <= COUNT_MAX);
        match number {
            _ if text == "auto" => Ok(Self::Auto),
            Some(number) => Ok(Self::N(number)),
            None => Err(Error::usage(format!(
                "expected \"auto\" or a number from 1 to {COUNT_MAX}, found `{text}`"
            ))),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::N(number) => number.fmt(f),
        }
    }
}
