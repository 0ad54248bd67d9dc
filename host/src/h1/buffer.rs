//! The read buffer: bytes that came and are not yet used, with room behind them.

use super::limits::BUFFER_BYTES_MAX;

/// The size at the first read. A browser's head has less than half of it.
const BUFFER_BYTES_MIN: usize = 4 * 1024;

/// A read is offered at least this, as long as the buffer may grow.
const READ_BYTES_MIN: usize = 1024;

/// `bytes[start..end]` is unread; what is behind `end` is initialised and free.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    bytes_max: usize,
    was_filled: bool,
}

impl Buffer {
    /// An empty buffer, without memory, that can hold a whole head of `head_bytes_max`.
    pub(super) fn new(head_bytes_max: usize) -> Self {
        let bytes_max = head_bytes_max.max(BUFFER_BYTES_MAX);
        Self { bytes: Vec::new(), start: 0, end: 0, bytes_max, was_filled: false }
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Room for the next read. Empty only when all of the buffer is unread.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        if self.was_filled || self.bytes.len() - self.end < READ_BYTES_MIN {
            self.make_room();
        }
        &mut self.bytes[self.end..]
    }

    /// Moves the unread bytes to the front. Grows if that is not enough, or if the last read could have had
    /// more.
    fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.was_filled || self.bytes.len() - self.end < READ_BYTES_MIN {
            let doubled = (self.bytes.len() * 2).max(BUFFER_BYTES_MIN).min(self.bytes_max);
            self.bytes.resize(doubled.max(self.bytes.len()), 0);
        }
        self.was_filled = false;
    }

    /// Says that the first `count` bytes of the last [`Buffer::spare`] are now filled.
    pub(super) fn filled(&mut self, count: usize) {
        debug_assert!(count <= self.bytes.len() - self.end, "more bytes than there was room for");
        self.end = (self.end + count).min(self.bytes.len());
        self.was_filled = count > 0 && self.end == self.bytes.len();
    }

    /// Uses up the first `count` unread bytes, and lends them once more.
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.consume(count);
        &self.bytes[from..from + count]
    }

    /// Uses up the first `count` unread bytes. The bytes themselves stay until the next read.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Gives the memory back when nothing is unread.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            (self.bytes, self.was_filled) = (Vec::new(), false);
        }
    }
}
