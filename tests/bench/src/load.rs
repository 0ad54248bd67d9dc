//! The load: one thread, keep-alive connections, one request at a time on each. Light, so that the server is what counts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// How many connections are open at once.
pub(crate) const CONNECTIONS: usize = 64;

/// No answer of these is longer.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// Connections that ask the same thing again and again.
pub(crate) struct Load {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Load {
    pub(crate) fn new(address: SocketAddr, path: &str) -> Self {
        let connect = |_| {
            let stream = TcpStream::connect(address).expect("the server listens");
            stream.set_nodelay(true).expect("a TCP connection");
            stream
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
        let connections = (0..CONNECTIONS).map(connect).collect();
        Self { connections, request, answer: vec![0; ANSWER_BYTES_MAX] }
    }

    /// Sends so many requests at least, and reads every answer; how many it were.
    pub(crate) fn run(&mut self, requests: usize) -> usize {
        let rounds = requests.div_ceil(CONNECTIONS);
        for _ in 0..rounds {
            for stream in &mut self.connections {
                stream.write_all(&self.request).expect("a request is sent");
            }
            for stream in &mut self.connections {
                read(stream, &mut self.answer);
            }
        }
        rounds * CONNECTIONS
    }
}

/// Reads one answer to its end. Not all are of one length: they have an id.
fn read(stream: &mut TcpStream, buf: &mut [u8]) {
    let (mut len, mut whole) = (0, None);
    while whole.is_none_or(|whole| len < whole) {
        let read = stream.read(&mut buf[len..]).expect("an answer");
        assert!(read > 0, "cut off: {}", String::from_utf8_lossy(&buf[..len]));
        len += read;
        whole = whole.or_else(|| whole_bytes(&buf[..len]));
    }
    assert_eq!(whole, Some(len), "more than one answer: {}", String::from_utf8_lossy(&buf[..len]));
}

/// How many bytes an answer has, once its head is there.
fn whole_bytes(begin: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(begin).expect("an answer") else { return None };
    assert_eq!(answer.code, Some(200), "{}", String::from_utf8_lossy(begin));
    let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|length| std::str::from_utf8(length.value).ok()?.parse::<usize>().ok());
    Some(head + length.expect("a content-length"))
}
