//! Writes responses, so that what goes out is always one well-formed message per request.

use std::fmt;

use super::bytes::{has_token, is_token, is_value, parse_decimal, write_decimal, write_hex};
use super::status::reason_phrase;

/// How long the body of a response will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// Exactly so many bytes: `content-length`.
    Known(u64),
    /// Nobody knows yet: `transfer-encoding: chunked`, or for HTTP/1.0 until the connection closes.
    Unknown,
    /// No body. The answer to HEAD then has a length only if the application gave a `content-length` header.
    None,
}

/// What was wrong with a response. The application's fault, never the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseError {
    /// Not 200 to 999. Interim responses are not the application's to send.
    Status(u16),
    /// Not a token.
    HeaderName(String),
    /// CR, LF, NUL or another control byte in the value of the header with this name.
    HeaderValue(String),
    /// No request waits for a response, or it has one already.
    NotExpected,
    /// The response was not started, or is finished.
    NotStarted,
    /// More body than promised: so many bytes are still to come, so many were given. Nothing was written.
    TooLong {
        /// Bytes that may still come.
        left: u64,
        /// Bytes that were given.
        given: u64,
    },
    /// Finished with so many bytes of the promised length missing. The connection will be closed.
    TooShort {
        /// Bytes that were promised and did not come.
        left: u64,
    },
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "response: status `{status}` is not between 200 and 999"),
            Self::HeaderName(name) => write!(f, "response: `{name}` is no header name"),
            Self::HeaderValue(name) => write!(f, "response: header `{name}` has a control byte in its value"),
            Self::NotExpected => write!(f, "response: no request waits for one"),
            Self::NotStarted => write!(f, "response: it was not started, or is finished"),
            Self::TooLong { left, given } => {
                write!(f, "response: {given} more bytes of body than the {left} that content-length leaves")
            }
            Self::TooShort { left } => {
                write!(f, "response: finished {left} bytes of body short of its content-length")
            }
        }
    }
}

impl std::error::Error for ResponseError {}

/// What a response answers: all that matters of the request here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    pub(super) is_head: bool,
    pub(super) version: u8,
    pub(super) keep_alive: bool,
}

/// What of a response's body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    NotExpected,
    NotStarted,
    /// Bytes of the body are swallowed: the response may not have any.
    Swallowed,
    Length(u64),
    Chunked,
    UntilClose,
    Finished,
}

/// The line about the body's length in a response's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LengthField {
    Absent,
    ContentLength(u64),
    Chunked,
}

/// What the application's headers say about framing.
#[derive(Debug, Default)]
struct Said {
    content_length: Option<u64>,
    close: bool,
}

/// Appends a head to `out`: how the body goes out, and whether the connection closes after it.
pub(super) fn write_head<'a>(
    out: &mut Vec<u8>,
    status: u16,
    headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    body: BodyLength,
    date: &[u8],
    asked: Asked,
) -> Result<(Output, bool), ResponseError> {
    write_status_line(out, status)?;
    let said = write_headers(out, headers)?;
    if !date.is_empty() {
        write_header(out, b"date", date)?;
    }
    let (field, output) = plan_body(status, body, said.content_length, asked);
    match field {
        LengthField::Absent => {}
        LengthField::ContentLength(length) => write_content_length(out, length),
        LengthField::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    let closes = !asked.keep_alive || said.close || output == Output::UntilClose;
    match closes {
        true => out.extend_from_slice(b"connection: close\r\n"),
        false if asked.version < 11 => out.extend_from_slice(b"connection: keep-alive\r\n"),
        false => {}
    }
    out.extend_from_slice(b"\r\n");
    Ok((output, closes))
}

/// The status line says HTTP/1.1 to clients of HTTP/1.0 too, as RFC 9110, 6.2 has it.
fn write_status_line(out: &mut Vec<u8>, status: u16) -> Result<(), ResponseError> {
    if !(200..=999).contains(&status) {
        return Err(ResponseError::Status(status));
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    write_decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason_phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_headers<'a>(
    out: &mut Vec<u8>,
    headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<Said, ResponseError> {
    let mut said = Said::default();
    for (name, value) in headers {
        let mark = out.len();
        write_header(out, name, value)?;
        if is_ours(name) {
            out.truncate(mark);
            said.see(name, value);
        }
    }
    Ok(said)
}

fn write_header(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), ResponseError> {
    if !is_token(name) {
        return Err(ResponseError::HeaderName(name.escape_ascii().to_string()));
    }
    if !is_value(value) {
        return Err(ResponseError::HeaderValue(name.escape_ascii().to_string()));
    }
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
    Ok(())
}

fn write_content_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    write_decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

/// Whether the header is for the connection to say, not for the application.
fn is_ours(name: &[u8]) -> bool {
    let ours: &[&[u8]] = match name.len() {
        4 => &[b"date"],
        7 => &[b"upgrade", b"trailer"],
        10 => &[b"connection", b"keep-alive"],
        14 => &[b"content-length"],
        16 => &[b"proxy-connection"],
        17 => &[b"transfer-encoding"],
        _ => &[],
    };
    ours.iter().any(|our| our.eq_ignore_ascii_case(name))
}

impl Said {
    /// Of the dropped headers two are heard: `connection: close`, and the length that an answer to HEAD would
    /// have.
    fn see(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => self.close |= has_token(value, b"close"),
            14 => self.content_length = parse_decimal(value.trim_ascii()),
            _ => {}
        }
    }
}

/// How long the body is, as the client is told and as it is then held to.
fn plan_body(status: u16, body: BodyLength, said: Option<u64>, asked: Asked) -> (LengthField, Output) {
    match (status, body) {
        (204 | 304, _) => (LengthField::Absent, Output::Swallowed),
        (205, _) => (LengthField::ContentLength(0), Output::Swallowed),
        _ if asked.is_head => (head_length(body, said, asked.version), Output::Swallowed),
        (_, BodyLength::Known(length)) => (LengthField::ContentLength(length), Output::Length(length)),
        (_, BodyLength::None) => (LengthField::ContentLength(0), Output::Length(0)),
        (_, BodyLength::Unknown) if asked.version < 11 => (LengthField::Absent, Output::UntilClose),
        (_, BodyLength::Unknown) => (LengthField::Chunked, Output::Chunked),
    }
}

/// The answer to HEAD has the length that GET's would: the application's word first, for it wrote no body to
/// count.
fn head_length(body: BodyLength, said: Option<u64>, version: u8) -> LengthField {
    match (said, body) {
        (Some(length), _) | (None, BodyLength::Known(length)) => LengthField::ContentLength(length),
        (None, BodyLength::Unknown) if version == 11 => LengthField::Chunked,
        (None, _) => LengthField::Absent,
    }
}

impl Output {
    /// Appends what stands before `count` bytes of body. `true` when the bytes are then to be sent.
    pub(super) fn begin_chunk(&mut self, out: &mut Vec<u8>, count: usize) -> Result<bool, ResponseError> {
        let given = count as u64;
        match self {
            Self::NotExpected | Self::NotStarted | Self::Finished => return Err(ResponseError::NotStarted),
            Self::Length(left) if given > *left => return Err(ResponseError::TooLong { left: *left, given }),
            Self::Length(left) => *left -= given,
            Self::Chunked if count > 0 => {
                write_hex(out, given);
                out.extend_from_slice(b"\r\n");
            }
            Self::Swallowed | Self::Chunked | Self::UntilClose => {}
        }
        Ok(count > 0 && *self != Self::Swallowed)
    }

    /// Appends what stands behind the bytes of [`Output::begin_chunk`], if it said `true`.
    pub(super) fn end_chunk(&self, out: &mut Vec<u8>) {
        if *self == Self::Chunked {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Appends the end of the body.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ResponseError> {
        match *self {
            Self::NotExpected | Self::NotStarted | Self::Finished => return Err(ResponseError::NotStarted),
            Self::Length(left) if left > 0 => return Err(ResponseError::TooShort { left }),
            Self::Chunked => out.extend_from_slice(b"0\r\n\r\n"),
            Self::Swallowed | Self::Length(_) | Self::UntilClose => {}
        }
        *self = Self::Finished;
        Ok(())
    }
}
