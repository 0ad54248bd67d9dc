//! A head that was copied, for a handler that runs on another thread: actix's own cannot leave its worker.

use super::head::ActixHead;
use crate::exchange::Head;
use crate::scoreboard::Client;

pub(super) struct OwnedHead {
    method: String,
    target: Vec<u8>,
    path: Vec<u8>,
    query: Option<Vec<u8>>,
    version: u16,
    host: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    peer: String,
    client: Client,
}

impl From<&ActixHead> for OwnedHead {
    fn from(head: &ActixHead) -> Self {
        let mut headers = Vec::new();
        while let Some((name, value)) = head.header_at(headers.len()) {
            headers.push((name.to_vec(), value.to_vec()));
        }
        Self {
            method: head.method().to_owned(),
            target: head.target().to_vec(),
            path: head.path().to_vec(),
            query: head.query().map(<[u8]>::to_vec),
            version: head.version(),
            host: head.host().map(<[u8]>::to_vec),
            headers,
            peer: head.peer(),
            client: head.client(),
        }
    }
}

impl Head for OwnedHead {
    fn method(&self) -> &str {
        &self.method
    }
    fn target(&self) -> &[u8] {
        &self.target
    }
    fn path(&self) -> &[u8] {
        &self.path
    }
    fn query(&self) -> Option<&[u8]> {
        self.query.as_deref()
    }
    fn version(&self) -> u16 {
        self.version
    }
    fn host(&self) -> Option<&[u8]> {
        self.host.as_deref()
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
    fn header_at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        self.headers.get(index).map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
    fn peer(&self) -> String {
        self.peer.clone()
    }
    fn client(&self) -> Client {
        self.client
    }
}
