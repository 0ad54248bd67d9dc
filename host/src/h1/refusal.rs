//! Why a request is not served, and the status that says so.

use std::fmt;

/// A request that is not served. The connection closes after it: nobody knows where the next request begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The status to answer with.
    pub status: u16,
    /// A short sentence for the client: what is wrong with the request, never with us.
    pub reason: &'static str,
}

impl Refusal {
    /// The server waited long enough for a head or a body.
    pub const TIMEOUT: Self = Self::new(408, "the request did not arrive in time");

    /// A refusal of the caller's own, such as 503 when there is no room for a connection.
    pub const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// 400: bytes that are no HTTP/1 request, or could be read as two different ones.
    pub(super) const fn malformed(reason: &'static str) -> Self {
        Self::new(400, reason)
    }

    pub(super) const BODY_TOO_LARGE: Self = Self::new(413, "the body is larger than this server accepts");
    pub(super) const URI_TOO_LONG: Self =
        Self::new(414, "the request target is longer than this server accepts");
    pub(super) const HEAD_TOO_LARGE: Self =
        Self::new(431, "the request head is larger than this server accepts");
    pub(super) const TOO_MANY_HEADERS: Self =
        Self::new(431, "the request has more headers than this server accepts");
    pub(super) const TRAILERS_TOO_LARGE: Self =
        Self::new(431, "the trailers are larger than this server accepts");
    pub(super) const EXPECTATION: Self = Self::new(417, "the only expectation met here is 100-continue");
    pub(super) const METHOD: Self = Self::new(501, "this server does not know the method");
    pub(super) const CODING: Self = Self::new(501, "the only transfer coding known here is chunked");
    pub(super) const VERSION: Self = Self::new(505, "this server speaks HTTP/1.0 and HTTP/1.1");
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}: {}", self.status, self.reason)
    }
}

impl std::error::Error for Refusal {}
