//! Filters: what a wildcard matches, and what its text becomes.

use std::sync::Arc;

use super::flatten::re_flatten;
use super::number;
use super::value::Value;

/// A kind of wildcard, for `<name:filter:config>`.
///
/// ```
/// use plugin_api_route::{Filter, FilterSpec, Outcome, Router, Value};
///
/// /// `<name:ext:png>`: a file name with that ending, passed without it.
/// struct Ext;
///
/// impl Filter for Ext {
///     fn pattern(&self, config: Option<&str>) -> Result<String, String> {
///         config.map(|ext| format!(r"[^/]+\.{ext}")).ok_or_else(|| "which ending?".into())
///     }
///
///     fn parse<'p>(&self, config: Option<&str>, text: &'p str) -> Result<Value<'p>, String> {
///         let ending = config.map_or(0, str::len) + 1;
///         Ok(Value::Text(&text[..text.len() - ending]))
///     }
/// }
///
/// let mut router = Router::new();
/// router.add_filter("ext", FilterSpec::custom(Ext));
/// router.add("GET", "/<image:ext:png>", None, ())?;
/// let Outcome::Found { params, .. } = router.matches("GET", "/cat.png") else { panic!() };
/// assert_eq!(params.get("image"), Some(Value::Text("cat")));
/// # Ok::<(), plugin_api_route::AddError>(())
/// ```
pub trait Filter: Send + Sync {
    /// The regular expression, in Python's dialect, that a wildcard with this `config` matches. Its groups do not
    /// capture.
    ///
    /// # Errors
    ///
    /// Why the config is not one, which is why the rule is refused.
    fn pattern(&self, config: Option<&str>) -> Result<String, String>;

    /// The value of a text that [`pattern`](Filter::pattern) matched.
    ///
    /// # Errors
    ///
    /// Why the text has no value: the request gets a 400, and later rules are not tried.
    fn parse<'p>(&self, config: Option<&str>, text: &'p str) -> Result<Value<'p>, String> {
        let _ = config;
        Ok(Value::Text(text))
    }

    /// The text of a value in a URL that is built from a rule.
    ///
    /// # Errors
    ///
    /// Why the value has no text.
    fn format(&self, config: Option<&str>, value: Value<'_>) -> Result<String, String> {
        let _ = config;
        Ok(value.to_text().into_owned())
    }
}

/// What a wildcard's text is converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Nothing: it stays text.
    Text,
    /// A whole number of 64 bits, as Python's `int` reads it.
    Int,
    /// A number, as Python's `float` reads it.
    Float,
}

impl ValueKind {
    /// The value of a text, as Python's `int` and `float` read it: digits of any script, white space around them, `_`
    /// between two of them.
    ///
    /// # Errors
    ///
    /// The text is no such number, or a whole one that does not fit 64 bits.
    pub fn parse(self, text: &str) -> Result<Value<'_>, String> {
        match self {
            ValueKind::Text => Ok(Value::Text(text)),
            ValueKind::Int => number::parse_int(text).map(Value::Int),
            ValueKind::Float => number::parse_float(text).map(Value::Float),
        }
    }

    fn format(self, value: Value<'_>) -> Result<String, String> {
        match self {
            ValueKind::Text => Ok(value.to_text().into_owned()),
            ValueKind::Int => to_int(value).map(|number| number.to_string()),
            ValueKind::Float => to_float(value).map(number::float_text),
        }
    }
}

fn to_int(value: Value<'_>) -> Result<i64, String> {
    match value {
        Value::Text(text) => number::parse_int(text),
        Value::Int(number) => Ok(number),
        Value::Float(number) => number::truncate(number),
    }
}

fn to_float(value: Value<'_>) -> Result<f64, String> {
    match value {
        Value::Text(text) => number::parse_float(text),
        Value::Int(number) => Ok(number as f64),
        Value::Float(number) => Ok(number),
    }
}

/// A filter to add to a router.
#[derive(Clone)]
pub struct FilterSpec(Spec);

#[derive(Clone)]
enum Spec {
    /// The config is the pattern.
    Regex,
    Pattern(Arc<str>, ValueKind),
    Custom(Arc<dyn Filter>),
}

impl FilterSpec {
    /// A filter that is a pattern and a kind of value. It takes no config.
    pub fn pattern(pattern: &str, kind: ValueKind) -> FilterSpec {
        FilterSpec(Spec::Pattern(pattern.into(), kind))
    }

    /// A filter that is code.
    pub fn custom(filter: impl Filter + 'static) -> FilterSpec {
        FilterSpec(Spec::Custom(Arc::new(filter)))
    }

    /// The filters that every router knows.
    pub(super) fn built_in() -> [(&'static str, FilterSpec); 4] {
        [
            ("re", FilterSpec(Spec::Regex)),
            ("int", FilterSpec::pattern(r"-?\d+", ValueKind::Int)),
            ("float", FilterSpec::pattern(r"-?[\d.]+", ValueKind::Float)),
            ("path", FilterSpec::pattern(".+?", ValueKind::Text)),
        ]
    }

    /// The pattern of a wildcard, without capturing groups unless it refers back to one.
    pub(super) fn mask(&self, config: Option<&str>) -> Result<String, String> {
        match &self.0 {
            Spec::Regex => Ok(config.unwrap_or("[^/]+").to_owned()),
            Spec::Pattern(pattern, _) => Ok(pattern.as_ref().to_owned()),
            Spec::Custom(filter) => filter.pattern(config),
        }
    }

    /// The filter bound to what a wildcard says to it.
    pub(super) fn bind(&self, config: Option<&str>) -> Converter {
        match &self.0 {
            Spec::Regex => Converter::Kind(ValueKind::Text),
            Spec::Pattern(_, kind) => Converter::Kind(*kind),
            Spec::Custom(filter) => Converter::Custom(Arc::clone(filter), config.map(Box::from)),
        }
    }
}

/// A filter's two ways between text and value, for one wildcard.
#[derive(Clone)]
pub(super) enum Converter {
    Kind(ValueKind),
    Custom(Arc<dyn Filter>, Option<Box<str>>),
}

impl Converter {
    pub(super) fn parse<'p>(&self, text: &'p str) -> Result<Value<'p>, String> {
        match self {
            Converter::Kind(kind) => kind.parse(text),
            Converter::Custom(filter, config) => filter.parse(config.as_deref(), text),
        }
    }

    pub(super) fn format(&self, value: Value<'_>) -> Result<String, String> {
        match self {
            Converter::Kind(kind) => kind.format(value),
            Converter::Custom(filter, config) => filter.format(config.as_deref(), value),
        }
    }
}

/// What makes two patterns the same one for Bottle: their text with flattened groups.
pub(super) fn identity(mask: &str) -> String {
    format!("(?:{})", re_flatten(mask))
}
