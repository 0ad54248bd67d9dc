//! Parameters: what a wildcard of a rule matched, as the type of an argument.
#![allow(unsafe_code, reason = "reads the number beside a parameter, which is a union")]

use crate::abi::{self, Param};
use crate::error::{Error, abort};
use crate::request::Request;

/// A type that an argument named after a wildcard may have: `&str`, `String`, every integer, `f32` and `f64`.
#[diagnostic::on_unimplemented(
    message = "a path parameter cannot be a `{Self}`",
    label = "not a type for a parameter",
    note = "use `&str`, `String`, an integer or a float; `<name:int>` in the rule lets only whole numbers through"
)]
pub trait FromParam<'r>: Sized {
    /// What such a value looks like, for the message of a 400: "a whole number from 0 to 255".
    fn wanted() -> String;

    /// The value; none if the text does not fit.
    fn from_param(value: Value<'r>) -> Option<Self>;
}

/// A parameter, as the host read it.
#[derive(Clone, Copy, Debug)]
pub struct Value<'r> {
    /// The text in the path, decoded.
    pub text: &'r str,
    /// What a filter made of it.
    pub number: Option<Number>,
}

/// The number that a filter made of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// By `<name:int>`.
    Int(i64),
    /// By `<name:float>`.
    Float(f64),
}

/// The parameter at a place of the rule, for the argument of that name.
pub(crate) fn take<'r, T: FromParam<'r>>(request: &'r Request, index: usize, name: &str) -> Result<T, Error> {
    let missing = || Error::internal(format!("the host gave no parameter `{name}`"));
    let value = request.params().get(index).and_then(read).ok_or_else(missing)?;
    T::from_param(value).ok_or_else(|| abort(400, format!("`{name}` has to be {}", T::wanted())))
}

impl Request {
    /// The wildcards that have a name, each with its value, in the order of the rule.
    pub fn values(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.params().iter().filter_map(|param| {
            // SAFETY: a parameter of a request: its name is valid until the response is finished.
            let name = unsafe { param.name.str() }?;
            Some((name, read(param)?))
        })
    }
}

fn read(param: &Param) -> Option<Value<'_>> {
    // SAFETY: a parameter of a request: its text is valid until the response is finished.
    let text = unsafe { param.text.str() }?;
    Some(Value { text, number: number(param) })
}

fn number(param: &Param) -> Option<Number> {
    match param.kind {
        // SAFETY: the kind says which field of the union was written.
        abi::VALUE_INT => Some(Number::Int(unsafe { param.number.int })),
        // SAFETY: the kind says which field of the union was written.
        abi::VALUE_FLOAT => Some(Number::Float(unsafe { param.number.float })),
        _ => None,
    }
}

impl<'r> FromParam<'r> for &'r str {
    fn wanted() -> String {
        "text".into()
    }

    fn from_param(value: Value<'r>) -> Option<Self> {
        Some(value.text)
    }
}

impl FromParam<'_> for String {
    fn wanted() -> String {
        "text".into()
    }

    fn from_param(value: Value<'_>) -> Option<Self> {
        Some(value.text.to_owned())
    }
}

macro_rules! integers {
    ($($type:ty)*) => { $(
        impl FromParam<'_> for $type {
            fn wanted() -> String {
                format!("a whole number from {} to {}", Self::MIN, Self::MAX)
            }

            fn from_param(value: Value<'_>) -> Option<Self> {
                match value.number {
                    Some(Number::Int(int)) => Self::try_from(int).ok(),
                    _ => value.text.parse().ok(),
                }
            }
        }
    )* };
}

integers! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

macro_rules! floats {
    ($($type:ty)*) => { $(
        impl FromParam<'_> for $type {
            fn wanted() -> String {
                "a number".into()
            }

            fn from_param(value: Value<'_>) -> Option<Self> {
                match value.number {
                    Some(Number::Float(float)) => Some(float as Self),
                    _ => value.text.parse().ok(),
                }
            }
        }
    )* };
}

floats! { f32 f64 }
