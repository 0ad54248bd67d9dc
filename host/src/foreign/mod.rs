//! Objects that came over the boundary, with an owner: each is given back to its plugin once, when its owner is dropped or
//! its generation is retired.
#![allow(unsafe_code, reason = "a text of a plugin's is read, and given back")]

mod filter;
mod handler;
mod object;
mod wrapper;

pub(crate) use filter::OwnedFilter;
pub(crate) use handler::OwnedHandler;
pub(crate) use object::Object;
pub(crate) use wrapper::OwnedWrapper;

use plugin_api::abi;

/// A place for a buffer that a plugin fills: an error, a pattern, a state.
pub(crate) struct Text(abi::Buf);

impl Default for Text {
    fn default() -> Self {
        Self(abi::Buf::EMPTY)
    }
}

impl Text {
    pub(crate) fn place(&mut self) -> *mut abi::Buf {
        &raw mut self.0
    }

    /// What was filled in.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the buffer is released in `drop`, not before; a producer's memory lives until then.
        unsafe { self.0.bytes() }
    }

    /// How many bytes that are.
    pub(crate) fn len(&self) -> usize {
        self.0.len
    }

    /// What was filled in, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// What was filled in, or else a word for the code.
    pub(crate) fn or_code(&self, code: i32) -> String {
        match self.text() {
            text if !text.is_empty() => text,
            _ => match code {
                abi::PANIC => "panicked".to_owned(),
                abi::DECLINED => "declined".to_owned(),
                abi::CANCELLED => "was cancelled".to_owned(),
                _ => format!("failed with code {code} and no reason"),
            },
        }
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: filled by a plugin that is loaded: whoever holds this place holds the generation, too.
        unsafe { self.0.release() }
    }
}
