//! Extractors: arguments of handlers that are made from the request.

use crate::error::{Error, abort};
use crate::instance::Instance;
use crate::request::Request;
use serde::de::DeserializeOwned;
use std::ops::Deref;

/// An argument of a handler that is made from the request.
///
/// ```
/// # use plugin_api::prelude::*;
/// struct User(String);
///
/// impl<'r> FromRequest<'r> for User {
///     fn from_request(request: &'r Request, _: &'r Instance) -> Result<Self, Error> {
///         let name = request.cookie("user").or_abort(401, "log in first")?;
///         Ok(Self(name))
///     }
/// }
///
/// #[get("/me")]
/// fn me(user: User) -> String {
///     user.0
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler",
    label = "not made from a request",
    note = "an argument with the name of a `<wildcard>` is a parameter; others are `&Request`, `State<T>`, `Query<T>`, \
            `Json<T>`, `Form<T>`, `Text`, `&[u8]`, `Vec<u8>` or `BodyStream`; a type of your own implements `FromRequest`",
    note = "the state is recognised by its name: write `State<T>`"
)]
pub trait FromRequest<'r>: Sized {
    /// What it needs of the body; nothing, if it does not say.
    const BODY: BodyMode = BodyMode::None;

    /// Makes the argument.
    ///
    /// # Errors
    /// The request does not have what is needed: the error is the answer, and the handler is not called.
    fn from_request(request: &'r Request, instance: &'r Instance) -> Result<Self, Error>;
}

/// What a route does with the body of a request. The host reads a whole body, within its limits, before it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum BodyMode {
    /// It reads none.
    None = crate::abi::BODY_NONE,
    /// It wants all of it at once.
    Whole = crate::abi::BODY_WHOLE,
    /// It reads chunks as they arrive; in `async fn` handlers alone.
    Stream = crate::abi::BODY_STREAM,
}

impl<'r> FromRequest<'r> for &'r Request {
    fn from_request(request: &'r Request, _: &'r Instance) -> Result<Self, Error> {
        Ok(request)
    }
}

impl<'r> FromRequest<'r> for &'r [u8] {
    const BODY: BodyMode = BodyMode::Whole;

    fn from_request(request: &'r Request, _: &'r Instance) -> Result<Self, Error> {
        Ok(request.body())
    }
}

impl FromRequest<'_> for Vec<u8> {
    const BODY: BodyMode = BodyMode::Whole;

    fn from_request(request: &Request, _: &Instance) -> Result<Self, Error> {
        Ok(request.body().to_vec())
    }
}

/// The whole body as text. Bytes that are no UTF-8 are a 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl FromRequest<'_> for Text {
    const BODY: BodyMode = BodyMode::Whole;

    fn from_request(request: &Request, _: &Instance) -> Result<Self, Error> {
        let text = std::str::from_utf8(request.body());
        text.map(|text| Self(text.to_owned()))
            .map_err(|cause| abort(400, format!("the body is not UTF-8: {cause}")))
    }
}

/// As an argument the whole body, read from JSON; as an answer JSON.
///
/// # Errors
/// 415 unless the body says that it is JSON, 400 for broken JSON, 422 for JSON that does not fit, with the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> Json<T> {
    /// Reads it from bytes that are no request: a file, or a state in one of several schemas.
    ///
    /// # Errors
    /// The bytes are no JSON, or do not fit the type: the message names the field.
    ///
    /// ```
    /// # use plugin_api::prelude::*;
    /// let Json(stars) = Json::<Vec<u8>>::parse(b"[4, 5]")?;
    /// assert_eq!(stars, [4, 5]);
    /// assert!(Json::<Vec<u8>>::parse(b"[4, 500]").unwrap_err().to_string().starts_with("`[1]`: invalid value"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        crate::config::parse(bytes).map(Self).map_err(Error::internal)
    }
}

impl<T: DeserializeOwned> FromRequest<'_> for Json<T> {
    const BODY: BodyMode = BodyMode::Whole;

    fn from_request(request: &Request, _: &Instance) -> Result<Self, Error> {
        if !is_json(media_type(request)) {
            return Err(abort(415, "the body has to be JSON: send `content-type: application/json`"));
        }
        let mut json = serde_json::Deserializer::from_slice(request.body());
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let status = if error.inner().is_data() { 422 } else { 400 };
            abort(status, format!("body: {}", at_field(&error)))
        })?;
        json.end().map_err(|error| abort(400, format!("body: {error}")))?;
        Ok(Self(value))
    }
}

/// The query, read into a type. Repeated names go into a `Vec`; a name that may be missing is an `Option`.
///
/// # Errors
/// 400, with the field's name.
///
/// ```
/// # use plugin_api::prelude::*;
/// #[derive(Deserialize)]
/// struct Search { q: String, #[serde(default)] tag: Vec<String> }
///
/// #[get("/search")]
/// fn search(query: Query<Search>) -> String {
///     format!("{} in {:?}", query.q, query.tag)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest<'_> for Query<T> {
    fn from_request(request: &Request, _: &Instance) -> Result<Self, Error> {
        let value = form(request.query().as_bytes());
        value.map(Self).map_err(|cause| abort(400, format!("query: {cause}")))
    }
}

/// The whole body, read from a form (`application/x-www-form-urlencoded`).
///
/// # Errors
/// 415 unless the body says that it is a form, 422 for a form that does not fit, with the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<'_> for Form<T> {
    const BODY: BodyMode = BodyMode::Whole;

    fn from_request(request: &Request, _: &Instance) -> Result<Self, Error> {
        if !media_type(request).eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(abort(
                415,
                "the body has to be a form: send `content-type: application/x-www-form-urlencoded`",
            ));
        }
        form(request.body()).map(Self).map_err(|cause| abort(422, format!("body: {cause}")))
    }
}

macro_rules! deref {
    ($($type:ident)*) => { $(
        impl<T> Deref for $type<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }
    )* };
}

deref! { Json Query Form }

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

fn form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let form = serde_html_form::Deserializer::from_bytes(bytes);
    serde_path_to_error::deserialize(form).map_err(|error| at_field(&error))
}

/// The cause with the field that it is about, unless it names it already.
pub(crate) fn at_field<E: std::fmt::Display>(error: &serde_path_to_error::Error<E>) -> String {
    let (path, cause) = (error.path().to_string(), error.inner().to_string());
    // serde_path_to_error writes `?` for a place that it does not know.
    if path == "." || path.contains('?') || cause.contains(&format!("`{path}`")) {
        cause
    } else {
        format!("`{path}`: {cause}")
    }
}

/// The body's content type without its parameters.
fn media_type(request: &Request) -> &str {
    let value = request.header("content-type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

fn is_json(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    let subtype = media_type.strip_prefix("application/");
    subtype.is_some_and(|subtype| matches!(subtype, "json" | "json-rpc") || subtype.ends_with("+json"))
}
