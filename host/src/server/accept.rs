//! Accepting connections on several listeners, until the stop.

use super::Serving;
use super::socket::Socket;
use super::wait::{Deadline, wait};
use crate::listener::Listener;
use rustix::event::PollFlags;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait when the process has no descriptor left: a connection that ends gives one back.
const PAUSE: Duration = Duration::from_millis(50);

/// Calls back for each connection until the stop is asked for, and closes the listener then: clients are refused at once
/// while others are still served. A thread waits for one listener, so that none starves another.
pub(super) fn accept_until_stop(serving: &Serving, listener: Listener, mut each: impl FnMut(Arc<Socket>)) {
    let mut warned = false;
    while !serving.stop.is_requested() {
        match Socket::accept(&listener) {
            Ok(socket) => each(Arc::new(socket)),
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                let fds = [(listener.as_fd(), PollFlags::IN), (serving.stop.event(), PollFlags::IN)];
                wait(fds, Deadline::NEVER);
            }
            // The client gave up between its connect and the accept.
            Err(cause)
                if matches!(cause.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {}
            Err(cause) => {
                if !std::mem::replace(&mut warned, true) {
                    tracing::error!("cannot accept connections on {listener}: {cause}; trying again");
                }
                let stop = (serving.stop.event(), PollFlags::IN);
                wait([stop], Deadline::after(Some(PAUSE)));
            }
        }
    }
}
