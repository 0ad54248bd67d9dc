//! What the headers of a request say about the connection and the body.
//!
//! Each rule that keeps two readers of the same bytes from seeing two different requests is here.

use super::body::Framing;
use super::bytes::{has_token, list, parse_decimal};
use super::refusal::Refusal;
use super::target::is_host;

/// The meaning of the headers seen so far.
#[derive(Debug, Default)]
pub(super) struct Fields {
    has_host: bool,
    content_length: Option<u64>,
    is_chunked: bool,
    has_unknown_coding: bool,
    says_close: bool,
    says_keep_alive: bool,
    expects_continue: bool,
    has_unknown_expectation: bool,
}

impl Fields {
    /// Takes note of one header. Most have no meaning here, and their length says so.
    pub(super) fn see(&mut self, name: &str, value: &[u8]) -> Result<(), Refusal> {
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => self.see_host(value),
            6 if name.eq_ignore_ascii_case("expect") => self.see_expect(value),
            10 if name.eq_ignore_ascii_case("connection") => self.see_connection(value),
            14 if name.eq_ignore_ascii_case("content-length") => self.see_content_length(value),
            17 if name.eq_ignore_ascii_case("transfer-encoding") => self.see_transfer_encoding(value),
            _ => Ok(()),
        }
    }

    fn see_host(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.has_host {
            return Err(Refusal::malformed("more than one Host header"));
        }
        if !is_host(value) {
            return Err(Refusal::malformed("malformed Host header"));
        }
        self.has_host = true;
        Ok(())
    }

    fn see_expect(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let is_continue = |element: &[u8]| element.eq_ignore_ascii_case(b"100-continue");
        self.expects_continue |= list(value).any(is_continue);
        self.has_unknown_expectation |= !list(value).all(is_continue);
        Ok(())
    }

    fn see_connection(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.says_close |= has_token(value, b"close");
        self.says_keep_alive |= has_token(value, b"keep-alive");
        Ok(())
    }

    fn see_content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.content_length.is_some() {
            return Err(Refusal::malformed("more than one Content-Length header"));
        }
        let length = parse_decimal(value).ok_or(Refusal::malformed("malformed Content-Length header"))?;
        self.content_length = Some(length);
        Ok(())
    }

    fn see_transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
        let is_last = list(value).next_back().as_ref().is_some_and(is_chunked);
        let has_gap = list(value).any(<[u8]>::is_empty);
        if self.is_chunked || !is_last || has_gap || list(value).filter(is_chunked).count() > 1 {
            return Err(Refusal::malformed("malformed Transfer-Encoding header"));
        }
        self.is_chunked = true;
        self.has_unknown_coding = list(value).count() > 1;
        Ok(())
    }

    /// Whether the headers are a request of `version` that can be served. What is malformed comes before what
    /// is only not supported.
    pub(super) fn check(&self, version: u8, body_bytes_max: u64) -> Result<(), Refusal> {
        let is_http_11 = version == 11;
        match self {
            Self { is_chunked: true, content_length: Some(_), .. } => {
                Err(Refusal::malformed("both Content-Length and Transfer-Encoding"))
            }
            Self { is_chunked: true, .. } if !is_http_11 => {
                Err(Refusal::malformed("Transfer-Encoding is not part of HTTP/1.0"))
            }
            Self { has_host: false, .. } if is_http_11 => {
                Err(Refusal::malformed("the Host header is missing"))
            }
            Self { has_unknown_coding: true, .. } => Err(Refusal::CODING),
            Self { has_unknown_expectation: true, .. } if is_http_11 => Err(Refusal::EXPECTATION),
            Self { content_length: Some(length), .. } if *length > body_bytes_max => {
                Err(Refusal::BODY_TOO_LARGE)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn framing(&self) -> Framing {
        match self.content_length {
            Some(length) => Framing::Length(length),
            None if self.is_chunked => Framing::Chunked,
            None => Framing::None,
        }
    }

    /// HTTP/1.1 keeps the connection unless told otherwise, HTTP/1.0 only when told so.
    pub(super) fn keep_alive(&self, version: u8) -> bool {
        !self.says_close && (version == 11 || self.says_keep_alive)
    }

    /// HTTP/1.0 has no interim responses.
    pub(super) fn expects_continue(&self, version: u8) -> bool {
        self.expects_continue && version == 11
    }
}
