//! What a wildcard's text becomes.

use std::borrow::Cow;

use super::number;

/// The value of a wildcard: what a filter makes of the text in a path, or what a URL is built from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text, as it is in the path.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
}

impl<'a> Value<'a> {
    /// The value as text: as Python's `str` writes it (`3.0`, `1e+16`, `inf`).
    ///
    /// ```
    /// use plugin_api_route::Value;
    ///
    /// assert_eq!(Value::Float(3.0).to_text(), "3.0");
    /// assert_eq!(Value::Float(1e16).to_text(), "1e+16");
    /// ```
    pub fn to_text(&self) -> Cow<'a, str> {
        match *self {
            Value::Text(text) => Cow::Borrowed(text),
            Value::Int(number) => Cow::Owned(number.to_string()),
            Value::Float(number) => Cow::Owned(number::float_text(number)),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Value::Float(number)
    }
}
