//! Filters of rules: Bottle's `add_filter`.
#![allow(unsafe_code, reason = "the functions that the host calls for a filter")]

use crate::abi::{self, Buf, FilterVt, Param, Slice};
use crate::guard;
use std::ffi::c_void;

pub use crate::param::Number;

/// A filter of rules: `<name:filter:config>`. A function from the configuration to a regular expression is one.
///
/// ```standalone_crate
/// # use plugin_api::prelude::*;
/// struct Even;
///
/// impl Filter for Even {
///     fn pattern(&self, _: Option<&str>) -> Result<String, Error> {
///         Ok(r"\d+".into())
///     }
///
///     fn parse(&self, _: Option<&str>, text: &str) -> Option<Parsed> {
///         let number: i64 = text.parse().ok()?;
///         (number % 2 == 0).then_some(Parsed::Number(Number::Int(number)))
///     }
/// }
///
/// fn register(app: &mut App) -> Result<(), Error> {
///     app.filter("even", Even)?;
///     app.get("/<n:even>", |request: &Request| request.param("n").unwrap_or_default().to_owned())
/// }
/// # plugin! { default: register }
/// # fn main() {}
/// ```
pub trait Filter: Send + Sync {
    /// The regular expression for a wildcard with that configuration.
    ///
    /// # Errors
    /// The configuration makes no sense: the rule is refused.
    fn pattern(&self, config: Option<&str>) -> Result<String, crate::Error>;

    /// What the text means for a wildcard with that configuration; none is a wrong format, a 400.
    fn parse(&self, config: Option<&str>, text: &str) -> Option<Parsed> {
        let _ = (config, text);
        Some(Parsed::Text)
    }

    /// The text of a value in a URL that is built; none: the value does not fit.
    fn format(&self, config: Option<&str>, value: &str) -> Option<String> {
        let _ = config;
        Some(value.to_owned())
    }
}

/// What a [`Filter`] makes of a text.
#[derive(Clone, Copy, Debug)]
pub enum Parsed {
    /// It stays as it is.
    Text,
    /// A number.
    Number(Number),
}

impl<F: Fn(Option<&str>) -> Result<String, crate::Error> + Send + Sync> Filter for F {
    fn pattern(&self, config: Option<&str>) -> Result<String, crate::Error> {
        self(config)
    }
}

pub(crate) fn raw<F: Filter>(filter: F) -> abi::Filter {
    abi::Filter { data: Box::into_raw(Box::new(filter)).cast(), vt: vt::<F>() }
}

const fn vt<F: Filter>() -> &'static FilterVt {
    const {
        &FilterVt {
            size: size_of::<FilterVt>() as u32,
            reserved: 0,
            pattern: pattern::<F>,
            parse: Some(parse::<F>),
            format: Some(format::<F>),
            drop: Some(drop_filter::<F>),
        }
    }
}

unsafe extern "C" fn pattern<F: Filter>(data: *mut c_void, config: Slice, out: *mut Buf) -> i32 {
    guard::run(crate::host::log_error, || {
        // SAFETY: `data` came from `raw`, and lives until the filter is dropped.
        let filter = unsafe { &*data.cast::<F>() };
        // SAFETY: the configuration is lent for this call.
        let config = unsafe { config.str() };
        let (code, text) = match filter.pattern(config) {
            Ok(pattern) => (abi::READY, pattern),
            Err(error) => (abi::ERR, error.to_string()),
        };
        // SAFETY: a place for one buffer.
        unsafe { out.write(Buf::from_vec(text.into_bytes())) };
        code
    })
}

unsafe extern "C" fn parse<F: Filter>(data: *mut c_void, config: Slice, text: Slice, out: *mut Param) -> i32 {
    guard::run(crate::host::log_error, || {
        // SAFETY: `data` came from `raw`, and lives until the filter is dropped.
        let filter = unsafe { &*data.cast::<F>() };
        // SAFETY: the configuration is lent for this call.
        let config = unsafe { config.str() };
        // SAFETY: the text is lent for this call.
        let text = unsafe { text.str() }.unwrap_or_default();
        // SAFETY: the parameter that this call fills.
        let out = unsafe { &mut *out };
        match filter.parse(config, text) {
            None => return abi::DECLINED,
            Some(Parsed::Text) => out.kind = abi::VALUE_TEXT,
            Some(Parsed::Number(Number::Int(int))) => {
                out.kind = abi::VALUE_INT;
                out.number = abi::Number { int };
            }
            Some(Parsed::Number(Number::Float(float))) => {
                out.kind = abi::VALUE_FLOAT;
                out.number = abi::Number { float };
            }
        }
        abi::READY
    })
}

unsafe extern "C" fn format<F: Filter>(data: *mut c_void, config: Slice, value: Slice, out: *mut Buf) -> i32 {
    guard::run(crate::host::log_error, || {
        // SAFETY: `data` came from `raw`, and lives until the filter is dropped.
        let filter = unsafe { &*data.cast::<F>() };
        // SAFETY: the configuration is lent for this call.
        let config = unsafe { config.str() };
        // SAFETY: the value is lent for this call.
        let value = unsafe { value.str() }.unwrap_or_default();
        let Some(text) = filter.format(config, value) else { return abi::DECLINED };
        // SAFETY: a place for one buffer.
        unsafe { out.write(Buf::from_vec(text.into_bytes())) };
        abi::READY
    })
}

unsafe extern "C" fn drop_filter<F>(data: *mut c_void) {
    // SAFETY: `data` came from `raw`, and a filter is dropped once.
    let filter = unsafe { Box::from_raw(data.cast::<F>()) };
    guard::quietly(|| drop(filter));
}
