//! Errors of handlers: a status and a short sentence for the client, a cause for the log.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

type Cause = Box<dyn StdError + Send + Sync>;

/// An error as an answer: the app's error handler for its status answers, else the host's page with the message.
///
/// Every error of the standard kind becomes a 500 by `?`, whose text only the log sees. [`abort`] makes one with another
/// status. A [`Response`](crate::Response) with status 404 is no error: it goes out as it is.
///
/// ```
/// # use plugin_api::prelude::*;
/// #[get("/file/<name>")]
/// fn file(name: &str) -> Result<String, Error> {
///     if name.starts_with('.') {
///         return Err(abort(403, "hidden files stay hidden"));
///     }
///     Ok(std::fs::read_to_string(name)?) // a 500, with the cause in the log
/// }
/// ```
pub struct Error {
    pub(crate) status: u16,
    pub(crate) message: Cow<'static, str>,
    pub(crate) cause: Option<Cause>,
    pub(crate) headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

/// An error with a status and a message that the client may read.
pub fn abort(status: u16, message: impl Into<Cow<'static, str>>) -> Error {
    Error { status, message: message.into(), cause: None, headers: Vec::new() }
}

impl Error {
    /// A 500 whose reason only the log sees.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        abort(500, "").cause(cause)
    }

    /// Adds what the log says, and the client never reads.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds a header, such as `www-authenticate`.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What the client may read; empty: what the status means.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the log says: the cause with all that caused it, else the message.
    pub(crate) fn report(&self) -> String {
        let Some(cause) = &self.cause else { return self.message.clone().into_owned() };
        let mut report = cause.to_string();
        let mut source = cause.source();
        while let Some(error) = source {
            report = format!("{report}: {error}");
            source = error.source();
        }
        report
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(cause: E) -> Self {
        Self::internal(cause)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.report())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_ref() {
            "" => f.write_str(&self.report()),
            message => f.write_str(message),
        }
    }
}

/// Turns what is not there into an error: `None`, or an `Err` whose text only the log sees.
///
/// ```
/// # use plugin_api::prelude::*;
/// #[get("/age/<text>")]
/// fn age(text: &str) -> Result<String, Error> {
///     let age: u8 = text.parse().or_abort(400, "an age is a number")?;
///     Ok(format!("{age} years"))
/// }
/// ```
pub trait OrAbort<T> {
    /// The value, or an error with that status and message.
    ///
    /// # Errors
    /// There is no value.
    fn or_abort(self, status: u16, message: impl Into<Cow<'static, str>>) -> Result<T, Error>;
}

impl<T> OrAbort<T> for Option<T> {
    fn or_abort(self, status: u16, message: impl Into<Cow<'static, str>>) -> Result<T, Error> {
        self.ok_or_else(|| abort(status, message))
    }
}

impl<T, E: Into<Cause>> OrAbort<T> for Result<T, E> {
    fn or_abort(self, status: u16, message: impl Into<Cow<'static, str>>) -> Result<T, Error> {
        self.map_err(|cause| abort(status, message).cause(cause))
    }
}
