//! Writing an answer, at the pace of its client.

use super::Broken;
use super::head::SocketHead;
use crate::exchange::Exchange;
use crate::h1::Connection;
use crate::server::pace::Pace;
use crate::server::socket::Socket;
use crate::server::threads::PluginThread;
use crate::server::wait::{Deadline, wait};
use rustix::event::PollFlags;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::time::Duration;

/// A streamed answer is written when so much has come together.
const STREAM_BYTES: usize = 16 << 10;

/// A connection keeps so much room for what it writes: a large body that was put by once does not keep its memory for as long as
/// the connection lives.
const ROOM_BYTES_MAX: usize = 2 * STREAM_BYTES;

/// What a writer looks at while it waits for its client.
pub(super) struct Waiting<'a> {
    pub(super) socket: &'a Socket,
    pub(super) thread: &'a PluginThread,
    pub(super) exchange: &'a Exchange<SocketHead>,
}

impl Waiting<'_> {
    /// Waits until the client takes more, or this thread is asked for something, which it does. `false`: the time is over, or the
    /// request was cut off.
    fn wait(&self, deadline: Deadline) -> bool {
        let fds = [(self.socket.as_fd(), PollFlags::OUT), (self.thread.event(), PollFlags::IN)];
        let [ready, woken] = wait(fds, deadline);
        if !woken.is_empty() {
            self.thread.work(|| {});
        }
        !(self.exchange.is_cancelled() || ready.is_empty() && woken.is_empty())
    }
}

/// What the rest of a conversation lends to write an answer.
pub(super) struct Writer<'a> {
    waiting: &'a Waiting<'a>,
    timeout: Option<Duration>,
    http: &'a mut Connection,
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        waiting: &'a Waiting<'a>,
        timeout: Option<Duration>,
        http: &'a mut Connection,
        out: &'a mut Vec<u8>,
    ) -> Self {
        Self { waiting, timeout, http, out }
    }

    /// Sends a part of the body. A small one is put by, to go out with what follows; a large one goes from where it
    /// lies, behind what was put by, without a copy.
    pub(super) fn send(&mut self, part: &[u8], more: bool) -> Result<(), Broken> {
        if part.len() < STREAM_BYTES {
            self.http.write_chunk(self.out, part).map_err(|_| Broken::Gone)?;
            if more && self.out.len() >= STREAM_BYTES {
                self.flush()?;
            }
        } else if self.http.begin_chunk(self.out, part.len()).map_err(|_| Broken::Gone)? {
            self.write(part)?;
            self.http.end_chunk(self.out);
        }
        Ok(())
    }

    /// Writes all that waits.
    pub(super) fn flush(&mut self) -> Result<(), Broken> {
        self.write(&[])
    }

    /// Writes all that waits, and then `tail`. When its plugin was swapped, what the client has not taken is put by, and the plugin
    /// need not wait for it: `tail` is not needed any more when this returns.
    fn write(&mut self, tail: &[u8]) -> Result<(), Broken> {
        // Begins when the client makes us wait: what the kernel takes at once says nothing of the client.
        let mut pace = None;
        let (mut done, head_len) = (0, self.out.len());
        let holds_body = !tail.is_empty();
        while done < head_len + tail.len() {
            let bufs = [
                IoSlice::new(&self.out[done.min(head_len)..]),
                IoSlice::new(&tail[done.saturating_sub(head_len)..]),
            ];
            match self.waiting.socket.write(&bufs) {
                Ok(0) => return Err(Broken::Gone),
                Ok(count) => {
                    done += count;
                    pace.iter_mut().for_each(|pace: &mut Pace| pace.moved(count));
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                    let pace = pace.get_or_insert_with(|| Pace::new(self.timeout));
                    let _wanted = holds_body.then(|| self.waiting.thread.wants_refresh());
                    if holds_body && self.waiting.exchange.is_retiring() {
                        self.put_by(done, tail);
                        return Ok(());
                    }
                    if !self.waiting.wait(Deadline::at(pace.due())) {
                        return Err(Broken::Gone);
                    }
                }
                Err(cause) => return Err(cause.into()),
            }
        }
        self.out.clear();
        self.out.shrink_to(ROOM_BYTES_MAX);
        Ok(())
    }

    /// Takes over what was not written yet.
    fn put_by(&mut self, done: usize, tail: &[u8]) {
        let head_len = self.out.len();
        self.out.drain(..done.min(head_len));
        self.out.extend_from_slice(&tail[done.saturating_sub(head_len)..]);
    }
}
