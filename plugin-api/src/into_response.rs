//! What a handler may return.

use crate::chunk::Body;
use crate::error::{Error, abort};
use crate::extract::Json;
use crate::response::{BYTES, HTML, JSON, Reply, TEXT};
use crate::stream::Stream;
use serde::Serialize;
use std::borrow::Cow;

/// What a handler may return: text, bytes, [`Html`], [`Json`], [`Response`](crate::Response), [`Status`], nothing at all,
/// `(status, answer)`, `Option` (nothing is a 404), `Result` with an [`Error`], or a [`Stream`].
///
/// For a type of your own:
/// ```
/// # use plugin_api::prelude::*;
/// struct Page { title: String }
///
/// impl IntoResponse<'_> for Page {
///     fn into_response(self) -> Response {
///         Response::html(format!("<title>{}</title>", self.title))
///     }
/// }
///
/// #[get("/")]
/// fn index() -> Page {
///     Page { title: "Hello".into() }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a handler",
    label = "not an answer",
    note = "return `String`, `&str`, `Html<T>`, `Json<T>`, `Response`, or a `Result` or `Option` of these; \
            a type of your own implements `IntoResponse`"
)]
pub trait IntoResponse<'r> {
    /// The answer.
    fn into_response(self) -> Reply<'r>;
}

impl<'r> IntoResponse<'r> for Reply<'r> {
    fn into_response(self) -> Self {
        self
    }
}

impl<'r> IntoResponse<'r> for Error {
    fn into_response(self) -> Reply<'r> {
        self.into()
    }
}

impl<'r> IntoResponse<'r> for () {
    fn into_response(self) -> Reply<'r> {
        Reply::new()
    }
}

impl<'r> IntoResponse<'r> for String {
    fn into_response(self) -> Reply<'r> {
        Reply::with(Body::Owned(self.into_bytes()), TEXT)
    }
}

impl<'r> IntoResponse<'r> for &'r str {
    fn into_response(self) -> Reply<'r> {
        Reply::with(Body::Borrowed(self.as_bytes()), TEXT)
    }
}

impl<'r> IntoResponse<'r> for Cow<'r, str> {
    fn into_response(self) -> Reply<'r> {
        Reply::text(self)
    }
}

impl<'r> IntoResponse<'r> for Vec<u8> {
    fn into_response(self) -> Reply<'r> {
        Reply::with(Body::Owned(self), BYTES)
    }
}

impl<'r> IntoResponse<'r> for &'r [u8] {
    fn into_response(self) -> Reply<'r> {
        Reply::with(Body::Borrowed(self), BYTES)
    }
}

impl<'r, const N: usize> IntoResponse<'r> for &'r [u8; N] {
    fn into_response(self) -> Reply<'r> {
        self.as_slice().into_response()
    }
}

/// An answer that is HTML.
#[derive(Clone, Copy, Debug)]
pub struct Html<T>(pub T);

impl<'r, T: IntoResponse<'r>> IntoResponse<'r> for Html<T> {
    fn into_response(self) -> Reply<'r> {
        self.0.into_response().content_type(HTML)
    }
}

impl<'r, T: Serialize> IntoResponse<'r> for Json<T> {
    fn into_response(self) -> Reply<'r> {
        match serde_json::to_vec(&self.0) {
            Ok(json) => Reply::with(Body::Owned(json), JSON),
            Err(cause) => Error::from(cause).into(),
        }
    }
}

/// An answer that is a status alone, or the status of another answer: `(Status(201), "made")`. It is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

impl<'r> IntoResponse<'r> for Status {
    fn into_response(self) -> Reply<'r> {
        Reply::new().status(self.0)
    }
}

impl<'r, T: IntoResponse<'r>> IntoResponse<'r> for (Status, T) {
    fn into_response(self) -> Reply<'r> {
        (self.0.0, self.1).into_response()
    }
}

impl<'r, T: IntoResponse<'r>> IntoResponse<'r> for (u16, T) {
    fn into_response(self) -> Reply<'r> {
        self.1.into_response().status(self.0)
    }
}

impl<'r, T: IntoResponse<'r>> IntoResponse<'r> for Option<T> {
    fn into_response(self) -> Reply<'r> {
        self.map_or_else(|| abort(404, "").into(), T::into_response)
    }
}

impl<'r, T: IntoResponse<'r>, E: Into<Error>> IntoResponse<'r> for Result<T, E> {
    fn into_response(self) -> Reply<'r> {
        self.map_or_else(|error| error.into().into(), T::into_response)
    }
}

impl<'r> IntoResponse<'r> for Stream {
    fn into_response(self) -> Reply<'r> {
        Reply::stream(self)
    }
}
