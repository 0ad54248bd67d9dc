//! The head of a request as actix parsed it: looked up where it lies, never copied.

use crate::exchange::Head;
use crate::scoreboard::Client;
use actix_http::{Request, Version};
use actix_web::http::header::HeaderName;

/// None between two requests: the exchange outlives them.
#[derive(Default)]
pub(super) struct ActixHead {
    pub(super) request: Option<Request>,
    pub(super) peer: Option<std::net::SocketAddr>,
}

impl ActixHead {
    fn with<'a, T>(&'a self, default: T, get: impl FnOnce(&'a Request) -> T) -> T {
        self.request.as_ref().map_or(default, get)
    }
}

impl Head for ActixHead {
    fn method(&self) -> &str {
        self.with("", |request| request.method().as_str())
    }
    fn target(&self) -> &[u8] {
        self.with(b"", |request| {
            request.uri().path_and_query().map_or("", |target| target.as_str()).as_bytes()
        })
    }
    fn path(&self) -> &[u8] {
        self.with(b"", |request| request.uri().path().as_bytes())
    }
    fn query(&self) -> Option<&[u8]> {
        self.with(None, |request| request.uri().query().map(str::as_bytes))
    }
    fn version(&self) -> u16 {
        self.with(11, |request| if request.version() == Version::HTTP_10 { 10 } else { 11 })
    }
    fn host(&self) -> Option<&[u8]> {
        let absolute = self
            .with(None, |request| request.uri().authority().map(|authority| authority.as_str().as_bytes()));
        absolute.or_else(|| self.header(b"host"))
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        let name = HeaderName::from_bytes(name).ok()?;
        self.with(None, |request| request.head().headers.get(name).map(|value| value.as_bytes()))
    }
    fn header_at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let (name, value) = self.request.as_ref()?.head().headers.iter().nth(index)?;
        Some((name.as_str().as_bytes(), value.as_bytes()))
    }
    fn peer(&self) -> String {
        self.peer.map_or_else(|| "unix:".to_owned(), |peer| peer.to_string())
    }
    fn client(&self) -> Client {
        self.peer.map_or(Client::Unix, Client::At)
    }
}
