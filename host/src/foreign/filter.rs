//! Filters of rules that plugins bring.
#![allow(unsafe_code, reason = "a filter's functions are called, and it is freed, through the ABI")]

use super::{Object, Text};
use crate::generation::Generation;
use plugin_api::abi;
use plugin_api_route::Value;
use std::sync::Arc;

/// A filter of rules that a plugin brought.
pub(crate) struct OwnedFilter {
    raw: abi::Filter,
    object: Arc<Object>,
}

// SAFETY: the contract lets `parse` and `format` be called on any thread, also several at once; `pattern` is called by the
// thread that loads.
unsafe impl Send for OwnedFilter {}
// SAFETY: as above.
unsafe impl Sync for OwnedFilter {}

/// A filter on its way to the thread that frees it.
struct Freed(abi::Filter);

// SAFETY: the contract of `Filter`: `drop` on any thread of the host's.
unsafe impl Send for Freed {}

impl Freed {
    fn free(self) {
        // SAFETY: its table lives as long as its library is mapped, and its object is released before that ends.
        let Some(drop) = (unsafe { (*self.0.vt).drop }) else { return };
        // SAFETY: the object calls this once. `parse` is not under way: see `parse`; the others hold the object.
        unsafe { drop(self.0.data) }
    }
}

impl OwnedFilter {
    /// # Safety
    /// `raw` is a valid filter of `generation` that nobody else drops.
    pub(crate) unsafe fn new(raw: abi::Filter, generation: &Arc<Generation>) -> Arc<Self> {
        let freed = Freed(raw);
        let object = Object::new(move || freed.free());
        generation.own(&object);
        Arc::new(Self { raw, object })
    }

    fn vt(&self) -> &abi::FilterVt {
        // SAFETY: a filter's table lives as long as its library is mapped, which each caller below makes sure of.
        unsafe { &*self.raw.vt }
    }

    /// The regular expression for a wildcard with that configuration.
    pub(crate) fn pattern(&self, config: Option<&str>) -> Result<String, String> {
        let pattern = self.object.while_there(|| {
            let mut out = Text::default();
            // SAFETY: `config` is lent for the call, `out` is a place for one buffer.
            let code = unsafe { (self.vt().pattern)(self.raw.data, slice(config), out.place()) };
            if code == abi::READY { Ok(out.text()) } else { Err(out.text()) }
        });
        pattern.unwrap_or_else(gone)
    }

    /// The value of what matched; none: a wrong format. Called while a request looks for its route: a retirement waits
    /// for these, so that no lock is needed here.
    pub(crate) fn parse<'p>(&self, config: Option<&str>, text: &'p str) -> Option<Value<'p>> {
        let Some(parse) = self.vt().parse else { return Some(Value::Text(text)) };
        let number = abi::Number { int: 0 };
        let text_slice = abi::Slice::text(text);
        let name = abi::Slice::ABSENT;
        let mut param = abi::Param { name, text: text_slice, kind: abi::VALUE_TEXT, reserved: 0, number };
        // SAFETY: both texts are lent for the call, `param` is a place for one parameter.
        let code = unsafe { parse(self.raw.data, slice(config), text_slice, &raw mut param) };
        match (code, param.kind) {
            // SAFETY: the kind says which number was filled in; any bits are an integer.
            (abi::READY, abi::VALUE_INT) => Some(Value::Int(unsafe { param.number.int })),
            // SAFETY: as above; any bits are a float.
            (abi::READY, abi::VALUE_FLOAT) => Some(Value::Float(unsafe { param.number.float })),
            (abi::READY, _) => Some(Value::Text(text)),
            _ => None,
        }
    }

    /// The text of a value in a URL. A request of another plugin may ask for it when this one is gone.
    pub(crate) fn format(&self, config: Option<&str>, value: &str) -> Result<String, String> {
        let text = self.object.while_there(|| {
            let Some(format) = self.vt().format else { return Ok(value.to_owned()) };
            let mut out = Text::default();
            // SAFETY: both texts are lent for the call, `out` is a place for one buffer.
            let code = unsafe { format(self.raw.data, slice(config), abi::Slice::text(value), out.place()) };
            if code == abi::READY { Ok(out.text()) } else { Err(out.text()) }
        });
        text.unwrap_or_else(gone)
    }
}

fn slice(text: Option<&str>) -> abi::Slice {
    text.map_or(abi::Slice::ABSENT, abi::Slice::text)
}

fn gone<T>() -> Result<T, String> {
    Err("the plugin of this filter was swapped".to_owned())
}

impl Drop for OwnedFilter {
    fn drop(&mut self) {
        self.object.release();
    }
}
