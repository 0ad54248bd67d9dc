//! The digest that names the bytes of a library.

use super::PART_BYTES;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The SHA-256 of a library; shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = Sha256::new();
        for part in bytes.chunks(PART_BYTES) {
            digest.update(part);
            std::thread::yield_now();
        }
        Self(digest.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
