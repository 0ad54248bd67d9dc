//! The head of an answer, as actix's own type.

use crate::exchange::{Exchange, Head};
use actix_http::{ConnectionType, Response, StatusCode};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use bytes::BytesMut;
use std::cell::RefCell;

/// The header that most answers have, with the values that most have: nothing is looked at twice for them.
static COMMON: [(&[u8], HeaderValue); 4] = {
    const fn common(text: &'static str) -> (&'static [u8], HeaderValue) {
        (text.as_bytes(), HeaderValue::from_static(text))
    }
    [
        common("text/plain; charset=utf-8"),
        common("text/html; charset=utf-8"),
        common("application/json"),
        common("application/octet-stream"),
    ]
};

/// Status and headers of an answer; the status of a refusal where they cannot be sent.
pub(super) fn respond<H: Head>(
    exchange: &mut Exchange<H>,
    is_retiring: bool,
) -> Result<Response<()>, StatusCode> {
    let answer = exchange.answer();
    let status = StatusCode::from_u16(answer.status()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let mut response = Response::with_body(status, ());
    if is_retiring {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    if answer.is_streamed() && exchange.head().version() < 11 {
        // HTTP/1.0 knows no chunks: the end of the connection is the end of the answer.
        response.head_mut().no_chunking(true);
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let of_id = exchange.settings().request_id;
    for (name, value) in answer.headers() {
        if is_framing(name) {
            if name.eq_ignore_ascii_case(b"connection") && value.eq_ignore_ascii_case(b"close") {
                response.head_mut().set_connection_type(ConnectionType::Close);
            }
            continue;
        }
        let Some((name, value)) = header(name, value, of_id) else {
            let name = name.escape_ascii().to_string();
            tracing::error!(
                request = &**exchange.id(),
                "cannot send the answer of the handler: header `{name}` is malformed"
            );
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        };
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

fn header(name: &[u8], value: &[u8], of_id: Option<&'static str>) -> Option<(HeaderName, HeaderValue)> {
    if let Some(of_id) = of_id.filter(|of_id| std::ptr::eq(of_id.as_bytes(), name)) {
        return IDS.with_borrow_mut(|ids| ids.header(of_id, value));
    }
    if name != b"content-type" {
        return Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?));
    }
    let common = COMMON.iter().find(|(text, _)| *text == value).map(|(_, made)| made.clone());
    Some((CONTENT_TYPE, common.map_or_else(|| HeaderValue::from_bytes(value).ok(), Some)?))
}

thread_local! {
    static IDS: RefCell<Ids> = const { RefCell::new(Ids { name: None, bytes: None }) };
}

/// How much memory is taken at once for ids: every answer has one.
const IDS_BYTES: usize = 16 << 10;

/// The header of ids, made once, and a piece of memory for many of them.
struct Ids {
    name: Option<(&'static str, HeaderName)>,
    bytes: Option<BytesMut>,
}

impl Ids {
    fn header(&mut self, name: &'static str, id: &[u8]) -> Option<(HeaderName, HeaderValue)> {
        let known = self.name.take_if(|(known, _)| std::ptr::eq(*known, name));
        // It is in lower case, as the spec has it.
        let (_, made) = self.name.insert(known.unwrap_or_else(|| (name, HeaderName::from_static(name))));
        let bytes = self.bytes.get_or_insert_default();
        if bytes.capacity() < id.len() {
            bytes.reserve(IDS_BYTES);
        }
        bytes.extend_from_slice(id);
        Some((made.clone(), HeaderValue::from_maybe_shared(bytes.split().freeze()).ok()?))
    }
}

/// Headers that say how the message is framed are the server's to write.
fn is_framing(name: &[u8]) -> bool {
    const FRAMING: &[&str] = &[
        "content-length",
        "transfer-encoding",
        "connection",
        "date",
        "keep-alive",
        "upgrade",
        "proxy-connection",
        "trailer",
    ];
    FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing.as_bytes()))
}
