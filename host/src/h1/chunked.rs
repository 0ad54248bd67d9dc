//! The chunked transfer coding (RFC 9112, 7.1), read strictly: what is not exactly in the grammar is refused.

use super::bytes::{is_token_byte, is_value_byte};
use super::limits::{CHUNK_EXTENSION_BYTES_MAX, TRAILER_BYTES_MAX};
use super::refusal::Refusal;

/// More digits than this cannot fit a `u64`; leading zeros count.
const SIZE_DIGITS_MAX: u8 = 16;

/// What the next byte is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

/// A chunked body while it is read.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// The size while it is read; then what is left of the chunk.
    left: u64,
    digits: u8,
    total_left: u64,
    extension_bytes: usize,
    trailer_bytes: usize,
}

impl Chunked {
    /// A body that may have `body_bytes_max` bytes.
    pub(super) fn new(body_bytes_max: u64) -> Self {
        Self {
            state: State::Size,
            left: 0,
            digits: 0,
            total_left: body_bytes_max,
            extension_bytes: 0,
            trailer_bytes: 0,
        }
    }

    /// Reads everything that is not data; how many of `bytes` that was. Stops where data begins and behind
    /// the end.
    pub(super) fn read_framing(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        for (at, &byte) in bytes.iter().enumerate() {
            if matches!(self.state, State::Data | State::End) {
                return Ok(at);
            }
            self.state = self.step(byte)?;
        }
        Ok(bytes.len())
    }

    /// How many of the next `available` bytes are data, at most; they count as read.
    pub(super) fn take_data(&mut self, available: usize) -> usize {
        if self.state != State::Data {
            return 0;
        }
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(available);
        self.left -= count as u64;
        if self.left == 0 {
            self.state = State::DataCr;
        }
        count
    }

    /// Whether the last byte of the body, trailers included, has been read.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::End
    }

    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Size, b';') if self.digits > 0 => Ok(State::Extension),
            (State::Size, b'\r') if self.digits > 0 => Ok(State::SizeLf),
            (State::Size, _) => self.size_digit(byte),
            (State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Extension, _) => self.extension_byte(byte),
            (State::SizeLf, b'\n') => self.begin_chunk(),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => self.begin_size(),
            (State::EndLf, b'\n') => Ok(State::End),
            (State::SizeLf | State::DataCr | State::DataLf | State::EndLf, _) => {
                Err(Refusal::malformed("CR LF is missing in a chunked body"))
            }
            _ => self.trailer_byte(byte),
        }
    }

    fn size_digit(&mut self, byte: u8) -> Result<State, Refusal> {
        let digit = char::from(byte).to_digit(16).ok_or(Refusal::malformed("malformed chunk size"))?;
        if self.digits == SIZE_DIGITS_MAX {
            return Err(Refusal::malformed("overlarge chunk size"));
        }
        self.digits += 1;
        self.left = (self.left << 4) | u64::from(digit);
        Ok(State::Size)
    }

    fn extension_byte(&mut self, byte: u8) -> Result<State, Refusal> {
        self.extension_bytes += 1;
        if !is_value_byte(byte) {
            return Err(Refusal::malformed("malformed chunk extension"));
        }
        if self.extension_bytes > CHUNK_EXTENSION_BYTES_MAX {
            return Err(Refusal::malformed("overlarge chunk extensions"));
        }
        Ok(State::Extension)
    }

    fn begin_size(&mut self) -> Result<State, Refusal> {
        (self.left, self.digits) = (0, 0);
        Ok(State::Size)
    }

    fn begin_chunk(&mut self) -> Result<State, Refusal> {
        self.total_left = self.total_left.checked_sub(self.left).ok_or(Refusal::BODY_TOO_LARGE)?;
        Ok(if self.left == 0 { State::TrailerStart } else { State::Data })
    }

    /// A trailer is checked as a header would be, so that no second reader can take it for a request.
    fn trailer_byte(&mut self, byte: u8) -> Result<State, Refusal> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > TRAILER_BYTES_MAX {
            return Err(Refusal::TRAILERS_TOO_LARGE);
        }
        match (self.state, byte) {
            (State::TrailerStart, b'\r') => Ok(State::EndLf),
            (State::TrailerStart | State::TrailerName, _) if is_token_byte(byte) => Ok(State::TrailerName),
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerValue, _) if is_value_byte(byte) => Ok(State::TrailerValue),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            _ => Err(Refusal::malformed("malformed trailer")),
        }
    }
}
