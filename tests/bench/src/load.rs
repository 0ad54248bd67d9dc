//! The load: one thread, keep-alive connections, one request at a time on each. Light, so that the server is what counts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// How many connections are open at once.
pub(crate) const CONNECTIONS: usize = 64;

/// Connections that ask the same thing again and again.
pub(crate) struct Load {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    answer_bytes: usize,
}

impl Load {
    /// Connects, and learns how long an answer is.
    pub(crate) fn new(address: SocketAddr, path: &str) -> Self {
        let connect = |_| {
            let stream = TcpStream::connect(address).expect("the server listens");
            stream.set_nodelay(true).expect("a TCP connection");
            stream
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
        let mut load =
            Self { connections: (0..CONNECTIONS).map(connect).collect(), request, answer_bytes: 0 };
        load.answer_bytes = load.first_answer();
        load
    }

    fn first_answer(&mut self) -> usize {
        let stream = &mut self.connections[0];
        stream.write_all(&self.request).expect("a request is sent");
        let mut buf = [0; 16 << 10];
        let mut len = 0;
        loop {
            len += stream.read(&mut buf[len..]).expect("an answer");
            let text = String::from_utf8_lossy(&buf[..len]).to_ascii_lowercase();
            assert!(text.starts_with("http/1.1 200"), "{text}");
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|length| length.parse().ok()).expect("a content-length");
            if body.len() >= length {
                return head.len() + 4 + length;
            }
        }
    }

    /// Sends so many requests at least, and reads every answer; how many it were.
    pub(crate) fn run(&mut self, requests: usize) -> usize {
        let rounds = requests.div_ceil(CONNECTIONS);
        let mut answer = vec![0; self.answer_bytes];
        for _ in 0..rounds {
            for stream in &mut self.connections {
                stream.write_all(&self.request).expect("a request is sent");
            }
            for stream in &mut self.connections {
                stream.read_exact(&mut answer).expect("a whole answer");
                assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
            }
        }
        rounds * CONNECTIONS
    }
}
