//! What one connection may cost. Four limits are for the operator to set; the others are constants with a
//! reason.

/// The most headers that [`Limits::headers_max`] may allow: the parser's table of them is on the stack.
pub const HEADERS_CAP: usize = 256;

/// Empty lines skipped before a request line. Old clients send one after a body; nobody sends many.
pub const EMPTY_LINES_MAX: usize = 4;

/// The longest method. The longest registered one, `UPDATEREDIRECTREF`, has 17 bytes.
pub const METHOD_BYTES_MAX: usize = 32;

/// All chunk extensions of one body together. They are ignored, so that more is only a way to make us work.
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// All trailers of one body together, line ends included.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// What is read and thrown away of a body that the application left unread, to keep the connection.
/// Above it, a new connection is cheaper for both sides.
pub const DRAIN_BYTES_MAX: u64 = 64 * 1024;

/// How far the read buffer grows for bodies and pipelined requests; a larger [`Limits::head_bytes_max`]
/// raises it.
pub const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// What a client may send on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The request line and all headers together, line ends included: 431 above it.
    pub head_bytes_max: usize,
    /// The number of headers: 431 above it. At most [`HEADERS_CAP`].
    pub headers_max: usize,
    /// The request target: 414 above it.
    pub uri_bytes_max: usize,
    /// The body after decoding: 413 above it, from `Content-Length` alone if that tells.
    pub body_bytes_max: u64,
}

impl Default for Limits {
    /// 32 KiB of head, 100 headers, 8 KiB of target, 1 MiB of body.
    fn default() -> Self {
        Self {
            head_bytes_max: 32 * 1024,
            headers_max: 100,
            uri_bytes_max: 8 * 1024,
            body_bytes_max: 1024 * 1024,
        }
    }
}
