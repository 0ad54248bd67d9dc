//! A whole head's bytes to a checked [`Head`].

use std::mem::MaybeUninit;

use super::fields::Fields;
use super::head::{Field, Head, Meaning, RequestLine, Span};
use super::limits::{HEADERS_CAP, Limits, METHOD_BYTES_MAX};
use super::refusal::Refusal;
use super::target::Target;

/// Fills `head` from `bytes`, which end with the head's empty line.
///
/// # Errors
/// When they are no request that this server serves; nothing of an earlier request is then left in `head`.
pub(super) fn parse_head(head: &mut Head, bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    head.clear();
    head.bytes.extend_from_slice(bytes);
    let bytes = head.bytes.as_slice();
    let mut table = [const { MaybeUninit::uninit() }; HEADERS_CAP];
    let table = &mut table[..limits.headers_max.min(HEADERS_CAP)];
    let mut request = httparse::Request::new(&mut []);
    let result = request.parse_with_uninit_headers(bytes, table);
    check_result(result, bytes)?;
    head.line = request_line(&request, bytes, limits)?;
    head.meaning = read_fields(&request, bytes, &mut head.fields, head.line.version, limits)?;
    Ok(())
}

fn request_line(
    request: &httparse::Request<'_, '_>,
    bytes: &[u8],
    limits: &Limits,
) -> Result<RequestLine, Refusal> {
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    if method.len() > METHOD_BYTES_MAX {
        return Err(Refusal::METHOD);
    }
    if target.len() > limits.uri_bytes_max {
        return Err(Refusal::URI_TOO_LONG);
    }
    let parts = Target::parse(method, target)?;
    let span = |part: &str| Span::of(part.as_bytes(), bytes);
    Ok(RequestLine {
        method: span(method),
        target: span(target),
        path: span(parts.path),
        query: parts.query.map(span),
        authority: parts.authority.map(span),
        version: if request.version == Some(1) { 11 } else { 10 },
    })
}

fn read_fields(
    request: &httparse::Request<'_, '_>,
    bytes: &[u8],
    fields: &mut Vec<Field>,
    version: u8,
    limits: &Limits,
) -> Result<Meaning, Refusal> {
    let mut seen = Fields::default();
    for header in request.headers.iter() {
        seen.see(header.name, header.value)?;
        let (name, value) = (Span::of(header.name.as_bytes(), bytes), Span::of(header.value, bytes));
        fields.push(Field { name, value });
    }
    seen.check(version, limits.body_bytes_max)?;
    Ok(Meaning {
        framing: seen.framing(),
        keep_alive: seen.keep_alive(version),
        expects_continue: seen.expects_continue(version),
    })
}

/// The parser must have used up exactly what [`Scan`](super::scan::Scan) took for the head.
fn check_result(result: httparse::Result<usize>, bytes: &[u8]) -> Result<(), Refusal> {
    match result {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => Ok(()),
        Ok(_) => Err(Refusal::malformed("malformed request head")),
        Err(httparse::Error::TooManyHeaders) => Err(Refusal::TOO_MANY_HEADERS),
        Err(httparse::Error::Version) if has_http_version(bytes) => Err(Refusal::VERSION),
        Err(httparse::Error::Version | httparse::Error::Token) => {
            Err(Refusal::malformed("malformed request line"))
        }
        Err(httparse::Error::HeaderName) => Err(Refusal::malformed("malformed header name")),
        Err(httparse::Error::HeaderValue) => Err(Refusal::malformed("malformed header value")),
        Err(_) => Err(Refusal::malformed("malformed line end")),
    }
}

/// Whether the request line has three parts, the last of which looks like `HTTP/2.0`.
fn has_http_version(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut parts = line.split(|&byte| byte == b' ');
    let version = parts.nth(2).and_then(|version| version.strip_prefix(b"HTTP/"));
    let is_number =
        matches!(version, Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit());
    is_number && parts.next().is_none()
}
