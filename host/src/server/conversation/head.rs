//! The head of a request, as exchanges read it.

use crate::exchange::Head;
use crate::h1;
use crate::scoreboard::Client;

/// The head of a request as the connection parsed it.
pub(super) struct SocketHead {
    pub(super) head: h1::Head,
    pub(super) peer: String,
    pub(super) client: Client,
}

impl Head for SocketHead {
    fn method(&self) -> &str {
        self.head.method()
    }
    fn target(&self) -> &[u8] {
        self.head.target_bytes()
    }
    fn path(&self) -> &[u8] {
        self.head.path_bytes()
    }
    fn query(&self) -> Option<&[u8]> {
        self.head.query_bytes()
    }
    fn version(&self) -> u16 {
        self.head.version().into()
    }
    fn host(&self) -> Option<&[u8]> {
        self.head.host().map(str::as_bytes)
    }
    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.head.header(std::str::from_utf8(name).ok()?)
    }
    fn header_at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        self.head.header_at(index).map(|(name, value)| (name.as_bytes(), value))
    }
    fn peer(&self) -> String {
        self.peer.clone()
    }
    fn client(&self) -> Client {
        self.client
    }
}
