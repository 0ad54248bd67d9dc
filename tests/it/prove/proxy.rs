//! A proxy between clients and a host that breaks some answers on purpose: what a broken host would look like.

use super::generation;
use crate::harness::{Address, Client, Host, Response};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What is done to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// A reset in place of the answer.
    Reset,
    /// A reset within the body.
    ResetInBody,
    /// The connection ends without an answer.
    Close,
    /// It ends within the head.
    CloseInHead,
    /// It ends within a body of an announced length.
    CutBody,
    /// It ends between two chunks of a stream.
    CutStream,
    /// No HTTP.
    Garbage,
    /// The answer comes when nobody waits for it any more.
    Delay(Duration),
    /// 500 in place of what it was.
    Status,
    /// The second half of the body is of the other build.
    MixHalf,
    /// One byte of it is.
    MixByte,
    /// All of it is.
    OtherBody,
    /// It lacks its last byte, and the length says so: nothing but the body itself is wrong.
    LostByte,
    /// A generation is named that is not current any more.
    Earlier,
    /// Something else is named.
    Named(&'static str),
    /// None is named.
    Unnamed,
}

pub(super) struct Proxy {
    shared: Arc<Shared>,
    url: String,
}

struct Shared {
    host: Address,
    how: Break,
    /// Only answers of this generation and later ones are broken: what is asked before the load begins is answered well.
    first: u64,
    /// So many more answers are broken.
    left: AtomicUsize,
    done: AtomicUsize,
}

impl Proxy {
    /// In front of a host: breaks so many answers, once a proof swaps under load.
    pub(super) fn start(host: &Host, how: Break, times: usize) -> Self {
        // A proof of one plugin swaps it once before that.
        let first = generation(host) + 2;
        let host = host.address();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let (left, done) = (AtomicUsize::new(times), AtomicUsize::new(0));
        let shared = Arc::new(Shared { host, how, first, left, done });
        let of_thread = shared.clone();
        // It waits for a next client until the process ends, as each of its connections does until its client does.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = of_thread.clone();
                std::thread::spawn(move || shared.serve(client));
            }
        });
        Self { shared, url }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// How many answers it broke.
    pub(super) fn broken(&self) -> usize {
        self.shared.done.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// One connection of a client, and one to the host behind it.
    fn serve(&self, mut client: TcpStream) {
        let _ = client.set_nodelay(true);
        let Some(mut host) = Client::try_connect(&self.host) else { return };
        while let Some(request) = read_request(&mut client) {
            if host.try_send(&request).is_err() {
                return;
            }
            let Ok(answer) = host.try_read() else { return };
            let closes = answer.header("connection") == Some("close");
            let went_on = if self.is_to_break(&answer) {
                self.break_it(&mut client, answer)
            } else {
                client.write_all(&bytes_of(&answer)).is_ok()
            };
            if !went_on || closes {
                return;
            }
        }
    }

    fn is_to_break(&self, answer: &Response) -> bool {
        let number =
            answer.header("x-host-generation").and_then(|named| named.rsplit_once('/')?.1.parse().ok());
        let is_streamed = answer.header("transfer-encoding").is_some();
        let fits = number.is_some_and(|number: u64| number >= self.first)
            && is_streamed == (self.how == Break::CutStream);
        let one_less = |left: usize| left.checked_sub(1);
        let breaks = fits && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        if breaks {
            self.done.fetch_add(1, Ordering::SeqCst);
        }
        breaks
    }

    /// Whether the connection goes on.
    fn break_it(&self, client: &mut TcpStream, mut answer: Response) -> bool {
        let (half, other) = (answer.body.len() / 2, if answer.body[0] == b'A' { b'B' } else { b'A' });
        match self.how {
            Break::Reset => return reset(client, b""),
            Break::ResetInBody => {
                let bytes = bytes_of(&answer);
                return reset(client, &bytes[..bytes.len() - half]);
            }
            Break::Close => return false,
            Break::CloseInHead => return end(client, b"HTTP/1.1 200 OK\r\ncontent-le"),
            Break::CutBody | Break::CutStream => {
                let bytes = bytes_of(&answer);
                return end(client, &bytes[..bytes.len() - half]);
            }
            Break::Garbage => return end(client, b"nobody speaks like this\r\n\r\n"),
            Break::Delay(time) => std::thread::sleep(time),
            Break::Status => answer.status = 500,
            Break::MixHalf => answer.body[half..].fill(other),
            Break::MixByte => answer.body[half] = other,
            Break::OtherBody => answer.body.fill(other),
            Break::LostByte => drop(answer.body.pop()),
            Break::Earlier => name(&mut answer, Some(&format!("pages/{}", self.first - 2))),
            Break::Named(named) => name(&mut answer, Some(named)),
            Break::Unnamed => name(&mut answer, None),
        }
        client.write_all(&bytes_of(&answer)).is_ok()
    }
}

fn name(answer: &mut Response, named: Option<&str>) {
    answer.headers.retain(|(name, _)| name != "x-host-generation");
    answer.headers.extend(named.map(|named| ("x-host-generation".to_owned(), named.to_owned())));
}

/// Sends that much, and resets the connection once the client has read it: a reset overtakes what is on its way.
fn reset(client: &mut TcpStream, bytes: &[u8]) -> bool {
    let _ = client.write_all(bytes);
    std::thread::sleep(Duration::from_millis(50));
    let _ = SockRef::from(&*client).set_linger(Some(Duration::ZERO));
    false
}

fn end(client: &mut TcpStream, bytes: &[u8]) -> bool {
    let _ = client.write_all(bytes);
    false
}

/// A whole request; none: the client has ended.
fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut bytes, mut buf) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        if let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if bytes.len() >= head + 4 + length.map_or(0, |length| length.parse().expect("a number")) {
                return Some(bytes);
            }
        }
        match client.read(&mut buf) {
            Ok(count @ 1..) => bytes.extend_from_slice(&buf[..count]),
            _ => return None,
        }
    }
}

/// An answer as the host would send it.
fn bytes_of(answer: &Response) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, answer.reason);
    for (name, value) in answer.headers.iter().filter(|(name, _)| name != "content-length") {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let is_streamed = answer.header("transfer-encoding").is_some();
    let mut bytes = head.into_bytes();
    if is_streamed {
        bytes.extend_from_slice(b"\r\n");
        for chunk in answer.body.chunks(1000) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
    } else {
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", answer.body.len()).as_bytes());
        bytes.extend_from_slice(&answer.body);
    }
    bytes
}
