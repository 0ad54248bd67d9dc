//! The head of a request, as the application sees it.

use super::body::Framing;

/// A part of a head's bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Where `part` lies in `whole`; empty if it is not a part of it.
    pub(super) fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        match start.checked_add(part.len()) {
            Some(end) if end <= whole.len() => Self { start, end },
            _ => Self::default(),
        }
    }

    fn in_bytes(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }
}

/// One header: its name, and its value without the white space around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: Span,
    pub(super) value: Span,
}

/// The first line of a head.
#[derive(Debug, Default)]
pub(super) struct RequestLine {
    pub(super) method: Span,
    pub(super) target: Span,
    pub(super) path: Span,
    pub(super) query: Option<Span>,
    pub(super) authority: Option<Span>,
    pub(super) version: u8,
}

/// What the headers of a head mean for the connection.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

/// A request's head. One `Head` serves all requests of a connection: its memory is used again.
///
/// Everything is as it was sent: nothing is decoded, joined or brought to lower case.
#[derive(Debug, Default)]
pub struct Head {
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Vec<Field>,
    pub(super) line: RequestLine,
    pub(super) meaning: Meaning,
}

impl Head {
    /// The method, in the case it was sent in: methods are case-sensitive.
    pub fn method(&self) -> &str {
        match self.line.method.in_bytes(&self.bytes) {
            b"GET" => "GET",
            b"POST" => "POST",
            _ => self.text(self.line.method),
        }
    }

    /// The request target: `/path?query`, `http://host/path?query` or `*`.
    pub fn target(&self) -> &str {
        self.text(self.line.target)
    }

    /// The path, percent-encoding and all; `/` if an absolute target has none, `*` for the whole server.
    pub fn path(&self) -> &str {
        match self.text(self.line.path) {
            "" => "/",
            path => path,
        }
    }

    /// What follows the first `?` of the target.
    pub fn query(&self) -> Option<&str> {
        self.line.query.map(|query| self.text(query))
    }

    /// [`target`](Self::target), for whoever needs no text: nobody looks again whether it is one.
    pub fn target_bytes(&self) -> &[u8] {
        self.line.target.in_bytes(&self.bytes)
    }

    /// [`path`](Self::path), in the same way.
    pub fn path_bytes(&self) -> &[u8] {
        match self.line.path.in_bytes(&self.bytes) {
            b"" => b"/",
            path => path,
        }
    }

    /// [`query`](Self::query), in the same way.
    pub fn query_bytes(&self) -> Option<&[u8]> {
        self.line.query.map(|query| query.in_bytes(&self.bytes))
    }

    /// `host` or `host:port`: of an absolute target if there is one, as RFC 9112 demands, else of the Host
    /// header.
    pub fn host(&self) -> Option<&str> {
        match self.line.authority {
            Some(authority) => Some(self.text(authority)),
            None => self.header("host").and_then(|host| str::from_utf8(host).ok()),
        }
    }

    /// 10 for HTTP/1.0, 11 for HTTP/1.1.
    pub fn version(&self) -> u8 {
        self.line.version
    }

    /// All headers in the order they were sent. Values have no white space around them and may be any text.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| self.name_and_value(field))
    }

    /// The header at a position of [`Head::headers`].
    pub fn header_at(&self, index: usize) -> Option<(&str, &[u8])> {
        self.fields.get(index).map(|field| self.name_and_value(field))
    }

    /// The value of the first header `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let is_named =
            |field: &&Field| field.name.in_bytes(&self.bytes).eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().find(is_named).map(|field| field.value.in_bytes(&self.bytes))
    }

    /// The body's length if the client said it.
    pub fn content_length(&self) -> Option<u64> {
        match self.meaning.framing {
            Framing::Length(length) => Some(length),
            Framing::None | Framing::Chunked => None,
        }
    }

    /// Whether the body comes in chunks, its length unknown.
    pub fn is_chunked(&self) -> bool {
        self.meaning.framing == Framing::Chunked
    }

    /// Whether a body follows. One in chunks may still turn out to be empty.
    pub fn has_body(&self) -> bool {
        !matches!(self.meaning.framing, Framing::None | Framing::Length(0))
    }

    /// Whether the client lets the connection live after the response.
    pub fn keep_alive(&self) -> bool {
        self.meaning.keep_alive
    }

    /// Whether the client may wait for `100 Continue` before it sends the body.
    pub fn expects_continue(&self) -> bool {
        self.meaning.expects_continue
    }

    /// Forgets the request, keeps the memory. No span may outlive the bytes that it points into.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        (self.line, self.meaning) = Default::default();
    }

    fn name_and_value(&self, field: &Field) -> (&str, &[u8]) {
        (self.text(field.name), field.value.in_bytes(&self.bytes))
    }

    /// Spans of text are made from text only, so that the empty string is never given.
    fn text(&self, span: Span) -> &str {
        str::from_utf8(span.in_bytes(&self.bytes)).unwrap_or_default()
    }
}
