//! Bytes that one process writes while others read them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Up to `8 * WORDS` bytes. A reader may see a mixture of two texts, and finds out by the record that it is in.
#[repr(C)]
pub(super) struct Text<const WORDS: usize> {
    /// How many bytes there were, those included that are cut off.
    len: AtomicU32,
    _reserved: AtomicU32,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Text<WORDS> {
    /// Stores as much as there is room for.
    pub(super) fn store(&self, bytes: &[u8]) {
        self.len.store(u32::try_from(bytes.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
        for (word, part) in self.words.iter().zip(bytes.chunks(8)) {
            word.store(packed(part), Ordering::Relaxed);
        }
    }

    /// What is stored, with `…` where it was cut off.
    pub(super) fn load(&self) -> String {
        let len = self.len.load(Ordering::Relaxed) as usize;
        let words = self.words.iter().take(len.div_ceil(8));
        let mut bytes: Vec<u8> = words.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        bytes.truncate(len);
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if len > 8 * WORDS {
            text.truncate(text.trim_end_matches('\u{fffd}').len());
            text.push('…');
        }
        text
    }
}

/// Up to eight bytes as one word.
fn packed(part: &[u8]) -> u64 {
    match part.first_chunk() {
        Some(whole) => u64::from_ne_bytes(*whole),
        None => {
            let mut bytes = [0; 8];
            bytes[..part.len()].copy_from_slice(part);
            u64::from_ne_bytes(bytes)
        }
    }
}
