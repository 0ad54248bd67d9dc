//! One connection to a host: sends any bytes, reads answers strictly, and never waits without a deadline.

use super::PATIENCE;
use super::stream::{Address, Stream};
use std::io;
use std::time::{Duration, Instant};

mod response;

pub(crate) use response::Response;

/// How much of a long message is shown.
const SHOWN_BYTES_MAX: usize = 400;

/// One connection.
pub(crate) struct Client {
    stream: Stream,
    /// What was sent last, for messages.
    sent: Vec<u8>,
    /// What came and was not read as an answer yet.
    received: Vec<u8>,
    at_end: bool,
    patience: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The connection ended within an answer, or before it.
    Ended,
    /// Nothing more came in time.
    TimedOut,
    /// What came is no answer.
    Malformed(String),
}

impl Client {
    pub(crate) fn connect(address: &Address) -> Self {
        Self::new(
            Stream::connect(address).unwrap_or_else(|cause| panic!("cannot connect to {address:?}: {cause}")),
        )
    }

    /// None: nobody listens there, or the connection was refused.
    pub(crate) fn try_connect(address: &Address) -> Option<Self> {
        Stream::connect(address).ok().map(Self::new)
    }

    /// A connection with a small receive buffer: what is not read soon waits at the server.
    pub(crate) fn connect_narrow(address: &Address) -> Self {
        Self::new(
            Stream::connect_narrow(address)
                .unwrap_or_else(|cause| panic!("cannot connect to {address:?}: {cause}")),
        )
    }

    fn new(stream: Stream) -> Self {
        Self { stream, sent: Vec::new(), received: Vec::new(), at_end: false, patience: PATIENCE }
    }

    /// How long each later step may take, instead of [`PATIENCE`].
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// The server does not take them.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        if let Err(cause) = self.try_send(bytes) {
            panic!("cannot send {}: {cause}; received: {}", shown(bytes), shown(&self.received));
        }
        self
    }

    /// Sends bytes, to a server that may refuse them.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent = bytes[..bytes.len().min(SHOWN_BYTES_MAX)].to_vec();
        let until = Instant::now() + self.patience;
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest, until.saturating_duration_since(Instant::now())) {
                Ok(count) => rest = &rest[count..],
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// Sends what the server takes, until it takes nothing for that long; how many bytes that was.
    pub(crate) fn send_until_stuck(&mut self, bytes: &[u8], quiet: Duration) -> usize {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..], quiet) {
                Ok(count) => sent += count,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        sent
    }

    /// Sends the head of a request, without a body and with the headers as they are given.
    #[track_caller]
    pub(crate) fn send_head(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> &mut Self {
        self.send(head(method, path, headers))
    }

    /// One request and its answer. A body gets a `content-length`, unless the headers frame it.
    #[track_caller]
    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Response {
        let body = body.as_ref();
        let length = body.len().to_string();
        let is_framed = headers.iter().any(|(name, _)| {
            name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
        });
        let mut all = headers.to_vec();
        if !body.is_empty() && !is_framed {
            all.push(("content-length", &length));
        }
        let mut message = head(method, path, &all).into_bytes();
        message.extend_from_slice(body);
        self.send(message);
        self.read_answer_to(method)
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, &[], "")
    }

    /// As [`Client::get`], from a server that may be gone.
    pub(crate) fn try_get(&mut self, path: &str) -> Result<Response, NoAnswer> {
        // A server that has closed may still have answered.
        let _ = self.try_send(head("GET", path, &[]).as_bytes());
        self.try_read()
    }

    /// The next answer.
    ///
    /// # Panics
    /// It does not come, or is malformed.
    #[track_caller]
    pub(crate) fn read(&mut self) -> Response {
        self.read_answer_to("GET")
    }

    /// The next answer: to HEAD, it has no body.
    #[track_caller]
    pub(crate) fn read_answer_to(&mut self, method: &str) -> Response {
        let began = Instant::now();
        self.try_read_answer_to(method).unwrap_or_else(|why| {
            let (sent, received) = (shown(&self.sent), shown(&self.received));
            panic!("no answer after {:?}: {why:?}\nsent last: {sent}\nreceived: {received}", began.elapsed())
        })
    }

    /// The next answer, or why there is none.
    pub(crate) fn try_read(&mut self) -> Result<Response, NoAnswer> {
        self.try_read_answer_to("GET")
    }

    /// As [`Client::try_read`]; to HEAD, it has no body.
    pub(crate) fn try_read_answer_to(&mut self, method: &str) -> Result<Response, NoAnswer> {
        let until = Instant::now() + self.patience;
        let mut interim = Vec::new();
        loop {
            let parsed = response::parse(&self.received, method == "HEAD", self.at_end)
                .map_err(NoAnswer::Malformed)?;
            match parsed {
                Some((response, used)) => {
                    self.received.drain(..used);
                    if response.status >= 200 {
                        return Ok(Response { interim, ..response });
                    }
                    interim.push(response.status);
                }
                None if self.at_end => return Err(NoAnswer::Ended),
                None => self.receive(until).ok_or(NoAnswer::TimedOut)?,
            }
        }
    }

    /// Waits until what came, and is no part of an answer read before, contains `part`.
    ///
    /// # Panics
    /// It does not come.
    #[track_caller]
    pub(crate) fn wait_for_bytes(&mut self, part: &str) {
        let until = Instant::now() + self.patience;
        while !contains(&self.received, part.as_bytes()) {
            let came = !self.at_end && self.receive(until).is_some();
            assert!(came, "`{part}` did not come; received: {}", shown(&self.received));
        }
    }

    /// What came and was not read as an answer.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }

    /// Whether the server ended the connection, as far as it was read.
    pub(crate) fn has_ended(&self) -> bool {
        self.at_end
    }

    /// Takes in what is here, up to about so many bytes.
    pub(crate) fn receive_up_to(&mut self, count: usize) {
        let (had, until) = (self.received.len(), Instant::now() + self.patience);
        while !self.at_end && self.received.len() < had + count && self.receive(until).is_some() {}
    }

    /// Whether nothing comes, not even the end, for that long.
    pub(crate) fn is_quiet_for(&mut self, time: Duration) -> bool {
        let had = self.received.len();
        let _ = self.receive(Instant::now() + time);
        !self.at_end && self.received.len() == had
    }

    /// Says that no more will be sent; answers can still be read.
    pub(crate) fn half_close(&mut self) -> &mut Self {
        // A connection that the server has ended already is half closed enough.
        let _ = self.stream.half_close();
        self
    }

    /// Waits for the end of the connection: how long that took, and what came before it.
    ///
    /// # Panics
    /// It does not end in time.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) -> (Duration, Vec<u8>) {
        let began = Instant::now();
        let until = began + self.patience;
        while !self.at_end {
            let waited = self.receive(until);
            assert!(
                waited.is_some(),
                "not closed after {:?}; received: {}",
                began.elapsed(),
                shown(&self.received)
            );
        }
        (began.elapsed(), std::mem::take(&mut self.received))
    }

    /// Waits for some bytes or the end. None: neither came in time. A reset is an end.
    fn receive(&mut self, until: Instant) -> Option<()> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        let mut buf = vec![0; 64 << 10];
        match self.stream.read(&mut buf, left) {
            Ok(0) => self.at_end = true,
            Ok(count) => self.received.extend_from_slice(&buf[..count]),
            Err(cause) if matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return None;
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.at_end = true,
        }
        Some(())
    }
}

/// The head of a request, with `Host` unless it is given.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Bytes for a message: what is long is cut.
fn shown(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN_BYTES_MAX) {
        Some(first) => format!("\"{}\" ... ({} bytes)", first.escape_ascii(), bytes.len()),
        None => format!("\"{}\"", bytes.escape_ascii()),
    }
}
