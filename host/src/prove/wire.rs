//! One connection to the host under proof: hyper's client, without a pool and without a second try.

use super::address::Address;
use super::asked::Asked;
use super::failed::Failed;
use super::rest::Rest;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{CONNECTION, HeaderMap};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// A longer answer is given up.
const BODY_BYTES_MAX: usize = 64 << 20;
/// The receive buffer of who reads slowly: what is not read soon stays with the host. hyper wants 8 KiB at least.
const NARROW_BYTES: u32 = 8 << 10;
/// How long the end of a connection may take to be told, once an answer failed to come.
const EPITAPH: Duration = Duration::from_millis(200);
/// How long a host may take to close a connection that it was told to close.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// How an answer is read.
#[derive(Clone, Copy)]
pub(super) enum Pace<'a> {
    Fast,
    /// With a pause behind each portion of so many bytes, unless somebody waits for a rest.
    Slow {
        portion: usize,
        pause: Duration,
        rest: &'a Rest,
    },
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The generation that it names.
    pub(super) named: Option<String>,
    pub(super) body: Vec<u8>,
    /// Its length was not announced.
    pub(super) is_streamed: bool,
    /// The host says that it closes the connection.
    pub(super) closes: bool,
}

/// Why there is no whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) failed: Failed,
    pub(super) said: String,
}

impl Trouble {
    pub(super) fn new(failed: Failed, said: impl Into<String>) -> Self {
        Self { failed, said: said.into() }
    }
}

/// A connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<hyper::Result<()>>,
    pub(super) opened: Instant,
    /// How many requests it has had.
    pub(super) requests: u64,
}

impl Connection {
    /// Connects; `narrow`: with a small receive buffer.
    pub(super) async fn open(address: &Address, narrow: bool) -> Result<Self, Trouble> {
        let refused = |cause: io::Error| Trouble::new(Failed::Refused, format!("cannot connect: {cause}"));
        match address {
            Address::Tcp(_) => Self::of(open_tcp(address, narrow).await.map_err(refused)?, narrow).await,
            Address::Unix(path) => Self::of(UnixStream::connect(path).await.map_err(refused)?, narrow).await,
        }
    }

    async fn of(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        narrow: bool,
    ) -> Result<Self, Trouble> {
        let mut builder = Builder::new();
        if narrow {
            builder.max_buf_size(NARROW_BYTES as usize);
        }
        let made = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) =
            made.map_err(|cause| Trouble::new(Failed::Refused, format!("cannot connect: {cause}")))?;
        let driver = tokio::spawn(connection);
        Ok(Self { sender, driver, opened: Instant::now(), requests: 0 })
    }

    /// One request, and all of its answer.
    pub(super) async fn ask(
        &mut self,
        asked: &Asked,
        is_last: bool,
        pace: Pace<'_>,
    ) -> Result<Answer, Trouble> {
        self.requests += 1;
        let mut body = Vec::new();
        let response = match self.send(asked.request(is_last)).await {
            Ok(response) => response,
            Err(cause) => return Err(self.trouble(&cause, None).await),
        };
        let mut answer = head(&response);
        match read(response.into_body(), &mut body, pace).await {
            Ok(()) if body.len() <= BODY_BYTES_MAX => {
                answer.body = body;
                Ok(answer)
            }
            Ok(()) => Err(Trouble::new(Failed::Malformed, format!("more than {BODY_BYTES_MAX} bytes"))),
            Err(cause) => Err(self.trouble(&cause, Some(body.len())).await),
        }
    }

    /// Once the driver has done with the answer before: it may still be at that on another thread, and takes no request meanwhile.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    /// What the end of an answer means; `came`: so many bytes of its body were here.
    async fn trouble(&mut self, cause: &hyper::Error, came: Option<usize>) -> Trouble {
        // Whichever of the two sees the system's error, the other one sees only that it is over.
        let ended = tokio::time::timeout(EPITAPH, &mut self.driver).await;
        let ended = ended.ok().and_then(Result::ok).and_then(Result::err);
        let kinds = [io_kind(cause), ended.as_ref().and_then(|ended| io_kind(ended))];
        let is_reset = |kind: &Option<ErrorKind>| {
            matches!(kind, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
        };
        let parse = [Some(cause), ended.as_ref()].into_iter().flatten().find(|cause| cause.is_parse());
        match (came, parse) {
            _ if kinds.iter().any(is_reset) => {
                let when = came.map_or("before the answer".to_owned(), |came| {
                    format!("behind {came} bytes of the body")
                });
                Trouble::new(Failed::Reset, when)
            }
            (_, Some(parse)) => Trouble::new(Failed::Malformed, parse.to_string()),
            (None, _) => Trouble::new(Failed::Closed, cause.to_string()),
            (Some(came), _) => Trouble::new(Failed::Short, format!("{came} bytes of the body, then the end")),
        }
    }

    /// Waits until the host has closed the connection, as it was told to: so its port is not kept by this side.
    pub(super) async fn closed(mut self) {
        let _ = tokio::time::timeout(CLOSE_MAX, &mut self.driver).await;
    }
}

/// The driver goes with its connection, whatever it is at.
impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn open_tcp(address: &Address, narrow: bool) -> io::Result<TcpStream> {
    let Address::Tcp(address) = address else { return Err(ErrorKind::Unsupported.into()) };
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if narrow {
        socket.set_recv_buffer_size(NARROW_BYTES)?;
    }
    let stream = socket.connect(*address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn head(response: &Response<Incoming>) -> Answer {
    let headers = response.headers();
    Answer {
        status: response.status().as_u16(),
        named: text_of(headers, crate::exchange::GENERATION_HEADER),
        body: Vec::new(),
        is_streamed: response.body().size_hint().exact().is_none(),
        closes: response.version() == Version::HTTP_10
            || text_of(headers, CONNECTION.as_str()).is_some_and(|value| value.eq_ignore_ascii_case("close")),
    }
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Reads to the end, or a little more than may be.
async fn read(mut body: Incoming, bytes: &mut Vec<u8>, pace: Pace<'_>) -> hyper::Result<()> {
    let mut next_pause = 0;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > BODY_BYTES_MAX {
            break;
        }
        if let Pace::Slow { portion, pause, rest } = pace
            && bytes.len() >= next_pause
            && !rest.is_wanted()
        {
            next_pause = bytes.len() + portion;
            tokio::time::sleep(pause).await;
        }
    }
    Ok(())
}

/// The system's error below an error.
fn io_kind(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    let mut error = Some(error);
    while let Some(this) = error {
        if let Some(io) = this.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        error = this.source();
    }
    None
}
