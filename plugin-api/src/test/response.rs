//! The answer to a test's request.

use cookie::Cookie;
use serde::de::DeserializeOwned;
use std::fmt;

/// An answer, all of it read: a stream is at its end.
#[derive(Clone)]
pub struct TestResponse {
    pub(super) status: u16,
    pub(super) is_error: bool,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) is_cut: bool,
    pub(super) log: Vec<String>,
}

impl TestResponse {
    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether it is an error that no error handler answered: the host would send its own page.
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// The headers of that name, in any case.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> + use<'_> {
        let name = name.to_owned();
        let named = self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(&name));
        named.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// A cookie that was set, with its attributes.
    pub fn cookie(&self, name: &str) -> Option<Cookie<'_>> {
        let cookies = self.headers("set-cookie").filter_map(|line| Cookie::parse(line).ok());
        cookies.filter(|cookie| cookie.name() == name).last()
    }

    /// The body; of an error its message.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, read from JSON.
    ///
    /// # Panics
    /// It does not fit; the message has the body.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in the JSON of {self:?}"))
    }

    /// Whether a stream ended with an error: the client would see that the body is cut.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What the plugin logged for this request, a line each: `error: GET /: ...`.
    pub fn log(&self) -> &[String] {
        &self.log
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}{}", self.status, if self.is_error { " (error)" } else { "" })?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value))?;
        }
        writeln!(f, "\n{}", self.text())?;
        self.log.iter().try_for_each(|line| writeln!(f, "log: {line}"))
    }
}
