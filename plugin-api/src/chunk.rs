//! Bytes that go out or come in: borrowed, owned, or in a buffer of the other side's.
#![allow(unsafe_code, reason = "owns buffers that crossed the boundary, and gives memory away as buffers")]

use crate::abi::Buf;
use std::fmt;
use std::ops::Deref;

/// A piece of a body: what [`BodyStream`](crate::BodyStream) gives, and what a [`Stream`](crate::Stream) sends. Reads as
/// bytes; made from text or bytes without a copy.
pub struct Chunk(pub(crate) Body<'static>);

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.len())
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Body::Owned(bytes))
    }
}

impl From<String> for Chunk {
    fn from(text: String) -> Self {
        Self(Body::Owned(text.into_bytes()))
    }
}

impl From<&'static str> for Chunk {
    fn from(text: &'static str) -> Self {
        Self(Body::Borrowed(text.as_bytes()))
    }
}

impl From<&'static [u8]> for Chunk {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Body::Borrowed(bytes))
    }
}

/// A body, or a piece of one.
pub(crate) enum Body<'r> {
    Borrowed(&'r [u8]),
    Owned(Vec<u8>),
    Foreign(OwnedBuf),
}

impl Body<'_> {
    pub(crate) const EMPTY: Self = Self::Borrowed(&[]);

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Foreign(buf) => buf.bytes(),
        }
    }

    /// Gives the memory away, without a copy. What is borrowed has to live as long as the response, or for ever.
    pub(crate) fn into_buf(self) -> Buf {
        match self {
            Self::Borrowed(bytes) => Buf::fixed(bytes),
            Self::Owned(bytes) => Buf::from_vec(bytes),
            Self::Foreign(mut buf) => buf.0.take(),
        }
    }
}

/// A buffer that came over the boundary; gives the bytes back to their producer when it is dropped.
pub(crate) struct OwnedBuf(Buf);

// SAFETY: the bytes are only read, and the contract lets any thread read them.
unsafe impl Sync for OwnedBuf {}

impl OwnedBuf {
    /// # Safety
    /// The buffer is valid, and nobody else releases it; its producer outlives the result.
    pub(crate) const unsafe fn new(buf: Buf) -> Self {
        Self(buf)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `new` was promised a valid buffer, and it was not released while `self` lives.
        unsafe { self.0.bytes() }
    }
}

impl Drop for OwnedBuf {
    fn drop(&mut self) {
        // SAFETY: `new` was promised to be the only owner, whose producer still lives.
        unsafe { self.0.release() }
    }
}
