//! A connection as actix reads and writes it: TCP or Unix, with its guard and its place.

use super::connection::Guard;
use super::loops::Place;
use crate::server::socket::Socket;
use crate::spec::Timeouts;
use crate::stop::Stop;
use actix_web::rt::net::{TcpStream, UnixStream};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct Io {
    guard: Rc<Guard>,
    stream: Stream,
    _place: Place,
}

enum Stream {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Io {
    /// To be called on the loop that serves it.
    pub(super) fn of(socket: Socket, place: Place, timeouts: Timeouts, stop: &Stop) -> io::Result<Self> {
        let stream = match socket {
            Socket::Tcp(stream, peer) => Stream::Tcp(TcpStream::from_std(stream)?, peer),
            Socket::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        };
        let fd = match &stream {
            Stream::Tcp(stream, _) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        };
        Ok(Self { guard: Guard::begin(fd, timeouts, stop), stream, _place: place })
    }

    pub(super) fn guard(&self) -> &Rc<Guard> {
        &self.guard
    }

    /// The client's address; a Unix socket has none.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match &self.stream {
            Stream::Tcp(_, peer) => Some(*peer),
            Stream::Unix(_) => None,
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        // The stream is dropped after this: the guard must not know a number that may be another's.
        self.guard.has_ended();
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let had = buf.filled().len();
        let read = match &mut self.stream {
            Stream::Tcp(stream, _) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if buf.filled().len() > had {
            self.guard.receiving();
        }
        read
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(stream, _) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream, _) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream, _) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
