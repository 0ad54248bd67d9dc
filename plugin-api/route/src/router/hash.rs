//! A fast hash for keys that come from rules.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps whose keys come from whoever configures, and not from requests. It is not keyed: requests only look up, so they cannot
/// pile up collisions.
pub type FastHash = BuildHasherDefault<Multiply>;

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 over the golden ratio

/// Folds eight bytes at a time by a multiplication of 128 bits.
#[derive(Debug, Default)]
pub struct Multiply(u64);

impl Multiply {
    fn fold(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ FACTOR) * u128::from(FACTOR.rotate_left(32) | 1);
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
    }
}

impl Hasher for Multiply {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.fold(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, byte: u8) {
        self.fold(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
