//! The other side of a filter: the test client is a host to its plugin.
#![allow(unsafe_code, reason = "calls the functions of a filter through the ABI")]

use crate::abi::{self, Buf, Filter, Param, Slice};
use crate::chunk::{Body, OwnedBuf};
use crate::filter::{Number, Parsed};

/// A filter; dropped once.
pub(crate) struct OwnedFilter(Filter);

// SAFETY: the contract lets any thread use and drop a filter.
unsafe impl Send for OwnedFilter {}
// SAFETY: as above, also several at once.
unsafe impl Sync for OwnedFilter {}

impl OwnedFilter {
    pub(crate) const fn new(filter: Filter) -> Self {
        Self(filter)
    }

    fn vt(&self) -> &abi::FilterVt {
        // SAFETY: a filter that the plugin gave, and that was not dropped.
        unsafe { &*self.0.vt }
    }

    pub(crate) fn pattern(&self, config: Option<&str>) -> Result<String, String> {
        let config = config.map_or(Slice::ABSENT, Slice::text);
        let mut out = Buf::EMPTY;
        // SAFETY: the configuration is lent for the call; `out` is a place for one buffer.
        let code = unsafe { (self.vt().pattern)(self.0.data, config, &raw mut out) };
        if code == abi::READY { Ok(text(out)) } else { Err(text(out)) }
    }

    pub(crate) fn parse(&self, config: Option<&str>, value: &str) -> Result<Parsed, String> {
        let Some(parse) = self.vt().parse else { return Ok(Parsed::Text) };
        let text = Slice::text(value);
        let mut out =
            Param { name: text, text, kind: abi::VALUE_TEXT, reserved: 0, number: abi::Number { int: 0 } };
        let config = config.map_or(Slice::ABSENT, Slice::text);
        // SAFETY: configuration and text are lent for the call; `out` is a parameter to fill.
        let code = unsafe { parse(self.0.data, config, text, &raw mut out) };
        match (code, out.kind) {
            // SAFETY: the kind says which field was written.
            (abi::READY, abi::VALUE_INT) => Ok(Parsed::Number(Number::Int(unsafe { out.number.int }))),
            // SAFETY: the kind says which field was written.
            (abi::READY, abi::VALUE_FLOAT) => Ok(Parsed::Number(Number::Float(unsafe { out.number.float }))),
            (abi::READY, _) => Ok(Parsed::Text),
            _ => Err(format!("`{value}` has the wrong format")),
        }
    }

    pub(crate) fn format(&self, config: Option<&str>, value: &str) -> Result<String, String> {
        let Some(format) = self.vt().format else { return Ok(value.to_owned()) };
        let mut out = Buf::EMPTY;
        let config = config.map_or(Slice::ABSENT, Slice::text);
        // SAFETY: configuration and value are lent for the call; `out` is a place for one buffer.
        let code = unsafe { format(self.0.data, config, Slice::text(value), &raw mut out) };
        if code == abi::READY { Ok(text(out)) } else { Err(format!("`{value}` does not fit")) }
    }
}

fn text(buf: Buf) -> String {
    // SAFETY: the call filled it, or left it empty: it is ours to release.
    let body = Body::Foreign(unsafe { OwnedBuf::new(buf) });
    String::from_utf8_lossy(body.bytes()).into_owned()
}

impl Drop for OwnedFilter {
    fn drop(&mut self) {
        let Some(drop) = self.vt().drop else { return };
        // SAFETY: this is the only owner.
        unsafe { drop(self.0.data) }
    }
}
