//! A request of a test.

use super::client::TestClient;
use super::exchange::Message;
use super::response::TestResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request that is built, then sent.
#[derive(Clone, Debug)]
#[must_use = "it is not sent yet: `send`, `text` and `json` do"]
pub struct TestRequest<'c> {
    client: &'c TestClient,
    message: Message,
}

impl<'c> TestRequest<'c> {
    pub(super) fn new(client: &'c TestClient, method: &str, target: &str) -> Self {
        let method = method.to_ascii_uppercase();
        let message = Message { method, target: target.to_owned(), version: 11, ..Message::default() };
        Self { client, message }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.message.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds a cookie.
    pub fn cookie(self, name: &str, value: &str) -> Self {
        self.header("cookie", format!("{name}={value}"))
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.message.body = body.into();
        self
    }

    /// Sets a body of JSON, with its content type.
    ///
    /// # Panics
    /// The value cannot be JSON.
    pub fn with_json(self, value: &impl Serialize) -> Self {
        let json =
            serde_json::to_vec(value).unwrap_or_else(|error| panic!("the body cannot be JSON: {error}"));
        self.header("content-type", "application/json").body(json)
    }

    /// Sets a body of a form, with its content type.
    ///
    /// # Panics
    /// The value cannot be a form.
    pub fn with_form(self, value: &impl Serialize) -> Self {
        let form = serde_html_form::to_string(value)
            .unwrap_or_else(|error| panic!("the body cannot be a form: {error}"));
        self.header("content-type", "application/x-www-form-urlencoded").body(form)
    }

    /// Speaks HTTP/1.0.
    pub fn http_1_0(mut self) -> Self {
        self.message.version = 10;
        self
    }

    /// Comes over TLS.
    pub fn secure(mut self) -> Self {
        self.message.secure = true;
        self
    }

    /// Sends it, and reads the answer to its end.
    pub fn send(self) -> TestResponse {
        self.client.send(&self.message)
    }

    /// Sends it; the status of the answer.
    pub fn status(self) -> u16 {
        self.send().status()
    }

    /// Sends it; the body of the answer as text.
    pub fn text(self) -> String {
        self.send().text()
    }

    /// Sends it; the body of the answer, read from JSON.
    ///
    /// # Panics
    /// It does not fit.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(self) -> T {
        self.send().json()
    }
}
