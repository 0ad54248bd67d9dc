//! An accepted connection: TCP or Unix, never blocking.

use crate::listener::Listener;
use crate::scoreboard::Client;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// A connection. Reading and writing take `&self`: a watcher may answer in the place of a handler that does not return.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Socket {
    /// The next connection of a listener, if one waits.
    pub(super) fn accept(listener: &Listener) -> io::Result<Self> {
        let socket = match listener {
            Listener::Tcp(listener, _) => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                // An answer goes out in one write; waiting for more to send only delays its last part.
                stream.set_nodelay(true)?;
                Self::Tcp(stream, peer)
            }
            Listener::Unix(listener, _) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Self::Unix(stream)
            }
        };
        Ok(socket)
    }

    /// The client, for logs.
    pub(super) fn peer(&self) -> String {
        match self {
            Self::Tcp(_, peer) => peer.to_string(),
            Self::Unix(_) => "unix:".to_owned(),
        }
    }

    /// The client, for the scoreboard.
    pub(super) fn client(&self) -> Client {
        match self {
            Self::Tcp(_, peer) => Client::At(*peer),
            Self::Unix(_) => Client::Unix,
        }
    }

    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream, _) => (&mut &*stream).read(buf),
            Self::Unix(stream) => (&mut &*stream).read(buf),
        }
    }

    pub(super) fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream, _) => (&mut &*stream).write_vectored(bufs),
            Self::Unix(stream) => (&mut &*stream).write_vectored(bufs),
        }
    }

    /// Ends one direction or both; every thread that waits for the connection sees it.
    pub(super) fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Self::Tcp(stream, _) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream, _) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
