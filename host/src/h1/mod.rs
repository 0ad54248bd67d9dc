//! HTTP/1.0 and HTTP/1.1: the server's side of one connection, without any I/O.
//!
//! A [`Connection`] takes bytes and gives requests; it is told the answer and appends bytes to a `Vec<u8>`.
//! It owns no socket, reads no clock, starts no thread and allocates nothing per request once its buffers
//! have grown, so that a blocking, an epoll and an io_uring server can all stand on it. Heads are parsed by
//! `httparse`; everything that decides where a message ends is decided here, and strictly: what two parsers
//! could read in two ways is refused, and a refused connection is closed.
//!
//! # One request after another
//! - **head**: bytes go in by [`Connection::read_buf`] and [`Connection::filled`] until
//!   [`Connection::poll_head`] says [`HeadPoll::Ready`]. Between requests [`Connection::is_idle`] tells a
//!   quiet client from a slow head.
//! - **body**: [`Connection::poll_body`] lends the body piece by piece until [`BodyPart::End`]. The
//!   application may stop early, or never ask. A client that waits for `100 Continue` is told by
//!   [`Connection::write_continue`].
//! - **response**: [`Connection::start_response`], any number of [`Connection::write_chunk`], then
//!   [`Connection::finish`]. It may begin before the body has ended.
//! - **done**: [`Connection::response_done`] says what is next: the head of the [next
//!   request](Next::Request), which may already be in the buffer; [more bytes](Next::Drain) of a body that
//!   nobody read; or the [end](Next::Close).
//! - **refused**: any `Err` of a poll is a [`Refusal`]. [`Connection::refuse`] writes the answer that
//!   belongs to it, and nothing but closing follows.
//!
//! ```
//! use host::h1::{BodyLength, Connection, Head, HeadPoll, Limits, Next};
//!
//! let mut connection = Connection::new(Limits::default());
//! let (mut head, mut out) = (Head::default(), Vec::new());
//! let bytes = b"GET /a?b=c HTTP/1.1\r\nHost: example.org\r\n\r\n";
//! connection.read_buf()[..bytes.len()].copy_from_slice(bytes);
//! connection.filled(bytes.len());
//!
//! assert_eq!(connection.poll_head(&mut head), Ok(HeadPoll::Ready));
//! assert_eq!((head.method(), head.path(), head.query()), ("GET", "/a", Some("b=c")));
//!
//! let headers = [(&b"content-type"[..], &b"text/plain"[..])];
//! connection.start_response(&mut out, 200, headers, BodyLength::Known(2), b"")?;
//! connection.write_chunk(&mut out, b"hi")?;
//! connection.finish(&mut out)?;
//! assert_eq!(out, b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nhi");
//! assert_eq!(connection.response_done(), Next::Request);
//! # Ok::<(), host::h1::ResponseError>(())
//! ```
//!
//! # What is refused although others accept it
//! A lone LF as line end, in heads as well as in chunks; white space around a chunk size; `Content-Length`
//! twice, even with the same value; `Transfer-Encoding` twice, or together with `Content-Length`, or with
//! HTTP/1.0; `user@` in a target; a minor version above 1 (505). RFC 9112 leaves most of this to the server.
//! It would rather have white space before a chunk extension skipped, and HTTP/1.2 read as HTTP/1.1: no
//! client sends either, and the first has hidden requests.
//!
//! # What is not supported, on purpose
//! - `Upgrade`: the header is ignored, and the response's is dropped. `CONNECT` is answered with 501.
//! - Trailers: checked, counted, and not shown to the application; none are sent.
//! - Chunk extensions: counted and ignored.
//! - Transfer codings other than `chunked` (501), and `Expect` other than `100-continue` (417).
//! - Interim responses other than `100 Continue`.
//! - Deadlines: a server has the clock. It refuses with [`Refusal::TIMEOUT`] when it has waited long enough.

mod body;
mod buffer;
mod bytes;
mod chunked;
mod connection;
mod fields;
mod head;
mod limits;
mod parse;
mod refusal;
mod response;
mod scan;
mod status;
mod target;
#[cfg(test)]
mod tests;

pub use body::BodyPart;
pub use connection::{Connection, HeadPoll, Next};
pub use head::Head;
pub use limits::{
    BUFFER_BYTES_MAX, CHUNK_EXTENSION_BYTES_MAX, DRAIN_BYTES_MAX, EMPTY_LINES_MAX, HEADERS_CAP, Limits,
    METHOD_BYTES_MAX, TRAILER_BYTES_MAX,
};
pub use refusal::Refusal;
pub use response::{BodyLength, ResponseError};
