//! One connection, one request at a time: what a single user sees.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A kept connection that asks for one path.
pub(crate) struct One {
    stream: TcpStream,
    request: Vec<u8>,
    buf: Vec<u8>,
}

impl One {
    pub(crate) fn connect(address: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes();
        Self { stream, request, buf: vec![0; 16 << 10] }
    }

    /// Asks once, and gives the head of the answer.
    pub(crate) fn ask(&mut self) -> String {
        self.stream.write_all(&self.request).expect("a request is sent");
        let mut len = 0;
        loop {
            len += self.stream.read(&mut self.buf[len..]).expect("an answer");
            let text = String::from_utf8_lossy(&self.buf[..len]);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = value(&head, "content-length").and_then(|length| length.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    assert!(head.starts_with("http/1.1 200"), "{text}");
                    return head;
                }
            }
        }
    }

    /// Asks, and gives the number of the generation that answered.
    pub(crate) fn generation(&mut self) -> u64 {
        let head = self.ask();
        let named = value(&head, "x-host-generation").and_then(|named| named.rsplit_once('/'));
        named.and_then(|(_, number)| number.parse().ok()).expect("an answer that names its generation")
    }
}

fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
