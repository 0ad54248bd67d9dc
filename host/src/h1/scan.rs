//! Finds where a head ends, each byte looked at once however the bytes arrive.
//!
//! Parsing starts only when the whole head is there: a client that sends byte by byte then costs one parse,
//! and what is refused does not depend on how the bytes were cut into reads. So every check here goes by
//! position in the bytes, never by how many there happen to be.

use super::buffer::Buffer;
use super::bytes::is_token_byte;
use super::limits::{EMPTY_LINES_MAX, Limits, METHOD_BYTES_MAX};
use super::refusal::Refusal;

/// What a request line has beside method and target: two spaces, `HTTP/1.1`, CR.
const REQUEST_LINE_REST_BYTES: usize = 11;

/// How far the search has come, counted from the first byte of the request line.
#[derive(Debug, Default)]
pub(super) struct Scan {
    searched: usize,
    line_start: usize,
    empty_lines: usize,
}

impl Scan {
    /// The length of the head at the front of `input`, or `None` when it is not all there yet.
    pub(super) fn head_len(&mut self, input: &mut Buffer, limits: &Limits) -> Result<Option<usize>, Refusal> {
        if self.searched == 0 && !self.at_request_line(input)? {
            return Ok(None);
        }
        let unread = input.unread();
        let window = &unread[..unread.len().min(limits.head_bytes_max)];
        for line_feed in memchr::memchr_iter(b'\n', &window[self.searched..]) {
            if let Some(head_len) = self.end_line(window, self.searched + line_feed, limits)? {
                *self = Self::default();
                return Ok(Some(head_len));
            }
        }
        self.searched = window.len();
        self.check_unfinished(limits).map(|()| None)
    }

    /// Skips empty lines; `true` when the first byte of a request line is there and can begin one.
    fn at_request_line(&mut self, input: &mut Buffer) -> Result<bool, Refusal> {
        loop {
            match input.unread() {
                [] | [b'\r'] => return Ok(false),
                [b'\r', b'\n', ..] => self.skip_empty_line(input)?,
                [first, ..] if is_token_byte(*first) => return Ok(true),
                _ => return Err(Refusal::malformed("this is no HTTP/1 request")),
            }
        }
    }

    fn skip_empty_line(&mut self, input: &mut Buffer) -> Result<(), Refusal> {
        if self.empty_lines == EMPTY_LINES_MAX {
            return Err(Refusal::malformed("too many empty lines before the request"));
        }
        self.empty_lines += 1;
        input.consume(2);
        Ok(())
    }

    /// Takes note of the line that ends with the LF at `at`; the head's length if that line is empty.
    fn end_line(&mut self, window: &[u8], at: usize, limits: &Limits) -> Result<Option<usize>, Refusal> {
        if self.line_start == 0 && at > request_line_bytes_max(limits) {
            return Err(Refusal::URI_TOO_LONG);
        }
        if at == 0 || window[at - 1] != b'\r' {
            return Err(Refusal::malformed("a line of the head ends with LF instead of CR LF"));
        }
        let is_empty = at == self.line_start + 1;
        self.line_start = at + 1;
        Ok(is_empty.then_some(at + 1))
    }

    /// Whether what has no end so far may still find one within the limits.
    fn check_unfinished(&self, limits: &Limits) -> Result<(), Refusal> {
        let in_request_line = self.line_start == 0;
        if in_request_line && self.searched > request_line_bytes_max(limits) {
            return Err(Refusal::URI_TOO_LONG);
        }
        match self.searched >= limits.head_bytes_max {
            true if in_request_line => Err(Refusal::URI_TOO_LONG),
            true => Err(Refusal::HEAD_TOO_LARGE),
            false => Ok(()),
        }
    }
}

/// The longest request line, CR included. The exact check of the target follows when it is parsed.
fn request_line_bytes_max(limits: &Limits) -> usize {
    limits.uri_bytes_max.saturating_add(METHOD_BYTES_MAX + REQUEST_LINE_REST_BYTES)
}
