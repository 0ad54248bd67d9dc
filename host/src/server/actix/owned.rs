//! A head that was copied, for a handler that runs on another thread: actix's own cannot leave its loop.

use super::head::ActixHead;
use crate::exchange::Head;
use crate::scoreboard::Client;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

/// All its text lies in one buffer, which is used again.
#[derive(Default)]
pub(super) struct OwnedHead {
    text: Vec<u8>,
    method: Range<usize>,
    target: Range<usize>,
    path: Range<usize>,
    query: Option<Range<usize>>,
    host: Option<Range<usize>>,
    headers: Vec<(Range<usize>, Range<usize>)>,
    version: u16,
    peer: Option<SocketAddr>,
}

impl From<&ActixHead> for OwnedHead {
    fn from(head: &ActixHead) -> Self {
        let mut owned = Self::default();
        owned.fill(head);
        owned
    }
}

impl OwnedHead {
    /// Becomes a copy of that one.
    pub(super) fn fill(&mut self, head: &ActixHead) {
        self.text.clear();
        self.headers.clear();
        self.method = self.push(head.method().as_bytes());
        self.target = self.push(head.target());
        self.path = self.push(head.path());
        self.query = head.query().map(|query| self.push(query));
        self.host = head.host().map(|host| self.push(host));
        let request = head.request.iter();
        for (name, value) in request.flat_map(|request| request.head().headers.iter()) {
            let header = (self.push(name.as_str().as_bytes()), self.push(value.as_bytes()));
            self.headers.push(header);
        }
        (self.version, self.peer) = (head.version(), head.peer);
    }

    fn push(&mut self, part: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(part);
        start..self.text.len()
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

impl Head for OwnedHead {
    fn method(&self) -> &str {
        std::str::from_utf8(self.part(&self.method)).unwrap_or_default()
    }
    fn target(&self) -> &[u8] {
        self.part(&self.target)
    }
    fn path(&self) -> &[u8] {
        self.part(&self.path)
    }
    fn query(&self) -> Option<&[u8]> {
        self.query.as_ref().map(|query| self.part(query))
    }
    fn version(&self) -> u16 {
        self.version
    }
    fn host(&self) -> Option<&[u8]> {
        self.host.as_ref().map(|host| self.part(host))
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(known, _)| self.part(known).eq_ignore_ascii_case(name));
        found.map(|(_, value)| self.part(value))
    }
    fn header_at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        self.headers.get(index).map(|(name, value)| (self.part(name), self.part(value)))
    }
    fn peer(&self) -> String {
        self.peer.map_or_else(|| "unix:".to_owned(), |peer| peer.to_string())
    }
    fn client(&self) -> Client {
        self.peer.map_or(Client::Unix, Client::At)
    }
}

/// Shared with whoever waits for the exchange that has it.
impl Head for Arc<OwnedHead> {
    fn method(&self) -> &str {
        (**self).method()
    }
    fn target(&self) -> &[u8] {
        (**self).target()
    }
    fn path(&self) -> &[u8] {
        (**self).path()
    }
    fn query(&self) -> Option<&[u8]> {
        (**self).query()
    }
    fn version(&self) -> u16 {
        (**self).version()
    }
    fn host(&self) -> Option<&[u8]> {
        (**self).host()
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        (**self).header(name)
    }
    fn header_at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        (**self).header_at(index)
    }
    fn peer(&self) -> String {
        (**self).peer()
    }
    fn client(&self) -> Client {
        (**self).client()
    }
}
