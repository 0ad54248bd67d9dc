//! Where a host listens, and a connection to it: TCP or Unix.

use super::PATIENCE;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// As the banner writes it: `http://127.0.0.1:8080/` or `unix:PATH`.
    pub(crate) fn of_url(url: &str) -> Self {
        if let Some(path) = url.strip_prefix("unix:") {
            return Self::Unix(path.into());
        }
        let address = url.strip_prefix("http://").and_then(|url| url.strip_suffix('/'));
        let address = address.and_then(|address| address.parse().ok());
        Self::Tcp(address.unwrap_or_else(|| panic!("`{url}` is no URL that a host listens on")))
    }
}

pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(super) fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, PATIENCE)?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Address::Unix(path) => Ok(Self::Unix(UnixStream::connect(path)?)),
        }
    }

    /// A connection that takes in little at a time: what its owner does not read stays with the server.
    pub(super) fn connect_narrow(address: &Address) -> io::Result<Self> {
        let Address::Tcp(address) = address else { return Self::connect(address) };
        let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
        socket.set_recv_buffer_size(16 << 10)?;
        socket.connect_timeout(&SockAddr::from(*address), PATIENCE)?;
        Ok(Self::Tcp(socket.into()))
    }

    /// Zero: at the end. An error of the kind `WouldBlock` or `TimedOut`: nothing came in that time.
    pub(super) fn read(&mut self, buf: &mut [u8], limit: Duration) -> io::Result<usize> {
        let limit = Some(limit.max(Duration::from_millis(1)));
        match self {
            Self::Tcp(stream) => {
                stream.set_read_timeout(limit)?;
                stream.read(buf)
            }
            Self::Unix(stream) => {
                stream.set_read_timeout(limit)?;
                stream.read(buf)
            }
        }
    }

    /// As `write`, for so long at most.
    pub(super) fn write(&mut self, bytes: &[u8], limit: Duration) -> io::Result<usize> {
        let limit = Some(limit.max(Duration::from_millis(1)));
        match self {
            Self::Tcp(stream) => {
                stream.set_write_timeout(limit)?;
                stream.write(bytes)
            }
            Self::Unix(stream) => {
                stream.set_write_timeout(limit)?;
                stream.write(bytes)
            }
        }
    }

    pub(super) fn half_close(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}
