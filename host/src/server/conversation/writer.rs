//! Writing an answer, at the pace of its client.

use super::Broken;
use crate::h1::Connection;
use crate::server::pace::Pace;
use crate::server::socket::Socket;
use crate::server::wait::{Deadline, wait};
use crate::service::Service;
use rustix::event::PollFlags;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;

/// A streamed answer is written when so much has come together.
const STREAM_BYTES: usize = 16 << 10;

/// What the rest of a conversation lends to write an answer.
pub(super) struct Writer<'a> {
    socket: &'a Socket,
    service: &'a Service,
    http: &'a mut Connection,
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        socket: &'a Socket,
        service: &'a Service,
        http: &'a mut Connection,
        out: &'a mut Vec<u8>,
    ) -> Self {
        Self { socket, service, http, out }
    }

    /// Sends a part of the body. A small one is put by, to go out with what follows; a large one goes from where it
    /// lies, behind what was put by, without a copy.
    pub(super) fn send(&mut self, part: &[u8], more: bool) -> Result<u64, Broken> {
        if part.len() < STREAM_BYTES {
            self.http.write_chunk(self.out, part).map_err(|_| Broken::Gone)?;
            if more && self.out.len() >= STREAM_BYTES {
                self.flush(&[])?;
            }
        } else if self.http.begin_chunk(self.out, part.len()).map_err(|_| Broken::Gone)? {
            self.flush(part)?;
            self.http.end_chunk(self.out);
        }
        Ok(part.len() as u64)
    }

    /// Writes all that waits, and then `tail`.
    pub(super) fn flush(&mut self, tail: &[u8]) -> Result<(), Broken> {
        // Begins when the client makes us wait: what the kernel takes at once says nothing of the client.
        let mut pace = None;
        let (mut done, head_len) = (0, self.out.len());
        while done < head_len + tail.len() {
            let bufs = [
                IoSlice::new(&self.out[done.min(head_len)..]),
                IoSlice::new(&tail[done.saturating_sub(head_len)..]),
            ];
            match self.socket.write(&bufs) {
                Ok(0) => return Err(Broken::Gone),
                Ok(count) => {
                    done += count;
                    pace.iter_mut().for_each(|pace: &mut Pace| pace.moved(count));
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                    let pace = pace.get_or_insert_with(|| Pace::new(self.service.timeouts.write));
                    let [ready] = wait([(self.socket.as_fd(), PollFlags::OUT)], Deadline::at(pace.due()));
                    if ready.is_empty() {
                        return Err(Broken::Gone);
                    }
                }
                Err(cause) => return Err(cause.into()),
            }
        }
        self.out.clear();
        Ok(())
    }
}
