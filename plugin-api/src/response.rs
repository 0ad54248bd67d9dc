//! The answer, as a handler builds it and as a middleware changes it.

use crate::chunk::Body;
use crate::error::Error;
use crate::finish::Inherited;
use crate::poll::OwnedPoll;
use crate::stream::Stream;
use cookie::Cookie;
use std::borrow::Cow;
use std::fmt;

/// An answer that owns all it holds: what a handler builds.
///
/// ```
/// # use plugin_api::prelude::*;
/// #[post("/notes")]
/// fn create(note: Text) -> Response {
///     Response::text(note.0).status(201).header("location", "/notes/1").cookie(Cookie::new("last", "1"))
/// }
/// ```
/// A status of 4xx or 5xx makes it no error: it goes out as it is. [`Error`] is what error handlers answer.
pub type Response = Reply<'static>;

/// An answer that may borrow from the request: what a middleware gets from its `next`. See [`Response`].
pub struct Reply<'r> {
    pub(crate) status: Choice,
    pub(crate) is_error: bool,
    /// What the log says of it.
    pub(crate) report: Option<String>,
    pub(crate) content_type: Option<Cow<'r, str>>,
    /// Headers of an answer that another handler finished.
    pub(crate) inherited: Inherited,
    pub(crate) headers: Vec<Header<'r>>,
    pub(crate) body: Body<'r>,
    pub(crate) stream: Rest,
}

pub(crate) type Header<'r> = (Cow<'r, str>, Cow<'r, [u8]>);

/// The status, as far as it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// 200; in an error handler, the status of the error.
    Default,
    /// 303, or 302 for a client of HTTP/1.0.
    Redirect,
    Status(u16),
}

/// What follows the body.
pub(crate) enum Rest {
    None,
    Own(Stream),
    Foreign(OwnedPoll),
}

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";
pub(crate) const BYTES: &str = "application/octet-stream";

impl Default for Reply<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'r> Reply<'r> {
    /// No body, and the default status.
    pub const fn new() -> Self {
        Self {
            status: Choice::Default,
            is_error: false,
            report: None,
            content_type: None,
            inherited: Inherited::NONE,
            headers: Vec::new(),
            body: Body::EMPTY,
            stream: Rest::None,
        }
    }

    pub(crate) fn with(body: Body<'r>, content_type: &'static str) -> Self {
        Self { body, content_type: Some(Cow::Borrowed(content_type)), ..Self::new() }
    }

    /// Plain text.
    pub fn text(text: impl Into<Cow<'r, str>>) -> Self {
        Self::with(text_body(text.into()), TEXT)
    }

    /// HTML.
    pub fn html(html: impl Into<Cow<'r, str>>) -> Self {
        Self::with(text_body(html.into()), HTML)
    }

    /// Bytes, as `application/octet-stream`.
    pub fn bytes(bytes: impl Into<Cow<'r, [u8]>>) -> Self {
        let body = match bytes.into() {
            Cow::Borrowed(bytes) => Body::Borrowed(bytes),
            Cow::Owned(bytes) => Body::Owned(bytes),
        };
        Self::with(body, BYTES)
    }

    /// Sends the client elsewhere: 303, or 302 for a client of HTTP/1.0.
    pub fn redirect(url: impl Into<Cow<'r, str>>) -> Self {
        let reply = Self { status: Choice::Redirect, ..Self::new() };
        reply.header("location", url)
    }

    /// Chunks that are made while the client reads.
    pub fn stream(stream: Stream) -> Self {
        Self { stream: Rest::Own(stream), ..Self::new() }
    }

    /// Sets the status: 200 to 999.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Choice::Status(status);
        self
    }

    /// Sets a header, in place of others of that name.
    ///
    /// A name or a value that HTTP forbids (a line break, say) is never sent: the answer is a 500, and the log says why.
    #[must_use]
    pub fn header(self, name: impl Into<Cow<'r, str>>, value: impl Into<Cow<'r, str>>) -> Self {
        let name = name.into();
        let mut reply = self.without(&name);
        if is(&name, "content-type") {
            reply.content_type = Some(value.into());
            return reply;
        }
        reply.append(name, value)
    }

    /// Adds a header, beside others of that name.
    #[must_use]
    pub fn append(mut self, name: impl Into<Cow<'r, str>>, value: impl Into<Cow<'r, str>>) -> Self {
        self.headers.push((name.into(), bytes_of(value.into())));
        self
    }

    /// Removes the headers of that name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        if is(name, "content-type") {
            self.content_type = None;
        }
        if self.inherited.iter().any(|(inherited, _)| inherited.eq_ignore_ascii_case(name.as_bytes())) {
            let taken = std::mem::replace(&mut self.inherited, Inherited::NONE);
            let owned = taken.iter().filter_map(|(name, value)| {
                Some((Cow::Owned(String::from_utf8(name.to_vec()).ok()?), Cow::Owned(value.to_vec())))
            });
            self.headers.splice(0..0, owned.collect::<Vec<_>>());
        }
        self.headers.retain(|(other, _)| !is(other, name));
        self
    }

    /// The content type; shorthand for that header.
    #[must_use]
    pub fn content_type(self, value: impl Into<Cow<'r, str>>) -> Self {
        self.header("content-type", value)
    }

    /// Adds a cookie with its attributes.
    #[must_use]
    pub fn cookie(self, cookie: Cookie<'_>) -> Self {
        self.append("set-cookie", cookie.to_string())
    }

    /// Puts other bytes in place of the body, and of a stream; the headers stay.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Owned(body.into());
        self.stream = Rest::None;
        self
    }

    /// The status, as far as it is decided.
    pub fn status_code(&self) -> Option<u16> {
        match self.status {
            Choice::Status(status) => Some(status),
            Choice::Default | Choice::Redirect => None,
        }
    }

    /// Whether this is an error, which an error handler of the app may still answer.
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// The first header of that name, if its value is text.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let content_type = self.content_type.as_deref().filter(|_| is(name, "content-type"));
        let mut inherited = self.inherited.iter();
        let inherited = inherited.find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
        let own = self.headers.iter().find(|(other, _)| is(other, name));
        let bytes = inherited.map(|(_, value)| value).or(own.map(|(_, value)| value.as_ref()));
        content_type.or(std::str::from_utf8(bytes?).ok())
    }

    /// The body, as far as it is there; the rest of a stream is not.
    pub fn body_bytes(&self) -> &[u8] {
        self.body.bytes()
    }

    /// Whether chunks follow the body.
    pub fn is_stream(&self) -> bool {
        !matches!(self.stream, Rest::None)
    }
}

fn is(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

fn text_body(text: Cow<'_, str>) -> Body<'_> {
    match text {
        Cow::Borrowed(text) => Body::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Body::Owned(text.into_bytes()),
    }
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl From<Error> for Reply<'_> {
    fn from(error: Error) -> Self {
        let mut reply = Self::new().status(error.status);
        reply.is_error = true;
        reply.report = (error.status >= 500 || error.cause.is_some()).then(|| error.report());
        for (name, value) in error.headers {
            reply = reply.append(name, value);
        }
        reply.body = text_body(error.message);
        reply
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Reply");
        f.field("status", &self.status).field("is_error", &self.is_error);
        f.field("body", &String::from_utf8_lossy(self.body_bytes())).finish_non_exhaustive()
    }
}
