//! Reading requests: heads and bodies, at the pace of their client.

use super::{Broken, Conversation, is_retry};
use crate::h1::{BodyPart, HeadPoll, Next, Refusal};
use crate::server::pace::Pace;
use crate::server::wait::{Deadline, wait};
use rustix::event::PollFlags;
use std::os::fd::AsFd;
use std::time::Duration;

impl Conversation<'_> {
    /// Waits for a head. The first one of a connection has the head's deadline from the start; later ones have it from
    /// their first byte, after waiting between two requests for as long as the connection is kept.
    pub(super) fn read_head(&mut self) -> Result<bool, Broken> {
        let mut deadline = Deadline::after(self.timeouts().head);
        let mut is_idle = self.served > 0 && self.http.is_idle();
        if is_idle {
            deadline = Deadline::after(self.timeouts().keep_alive);
        }
        loop {
            match self.http.poll_head(&mut self.exchange.head_mut().head)? {
                HeadPoll::Ready => return Ok(true),
                HeadPoll::Closed => return Ok(false),
                HeadPoll::NeedMore => {}
            }
            let is_quiet = self.http.is_idle();
            if is_idle && !is_quiet {
                (is_idle, deadline) = (false, Deadline::after(self.timeouts().head));
            }
            match self.wait_for_head(is_quiet, is_idle, deadline) {
                true => self.receive()?,
                // Nobody is answered who has not asked: the connection is only closed.
                false if is_quiet => return Ok(false),
                false => return Err(Refusal::TIMEOUT.into()),
            }
        }
    }

    /// Whether bytes arrived. A connection on which no request has begun ends at once when the server stops, and one that
    /// is kept between two requests also when somebody else waits.
    fn wait_for_head(&mut self, is_quiet: bool, is_kept: bool, deadline: Deadline) -> bool {
        let socket = self.socket.as_fd();
        let stop = if is_quiet { self.serving.stop.event() } else { socket };
        let others = self.others.filter(|_| is_kept).unwrap_or(socket);
        let fds = [socket, stop, others, self.thread.event()].map(|fd| (fd, PollFlags::IN));
        loop {
            let [bytes, stop, others, woken] = wait(fds, deadline);
            if !woken.is_empty() {
                self.thread.work(|| self.exchange.refresh());
                if bytes.is_empty() && stop.is_empty() && others.is_empty() {
                    continue;
                }
            }
            // A descriptor that stands there twice may be ready at its second place only, and a request may come just behind
            // the stop: who has asked is served.
            return !bytes.is_empty() || self.wait_for(PollFlags::IN, Deadline::after(Some(Duration::ZERO)));
        }
    }

    /// Reads what there is.
    pub(super) fn receive(&mut self) -> Result<(), Broken> {
        match self.socket.read(self.http.read_buf()) {
            Ok(0) => self.http.eof(),
            Ok(count) => self.http.filled(count),
            Err(cause) if is_retry(&cause) => {}
            Err(cause) => return Err(cause.into()),
        }
        Ok(())
    }

    /// Reads the whole body of a request.
    pub(super) fn read_body(&mut self) -> Result<(), Broken> {
        let mut pace = Pace::new(self.timeouts().body);
        let memory_max = self.exchange.settings().limits.body_memory;
        loop {
            match self.http.poll_body()? {
                BodyPart::End => return Ok(()),
                BodyPart::Data(data) => {
                    pace.moved(data.len());
                    if let Err(cause) = self.exchange.body.push(data, memory_max) {
                        tracing::error!("cannot spill a request body to a file: {cause}");
                        return Err(Refusal::new(507, "there is no room for the body").into());
                    }
                }
                BodyPart::NeedMore => {
                    self.send_continue()?;
                    if !self.wait_for(PollFlags::IN, Deadline::at(pace.due())) {
                        return Err(Refusal::TIMEOUT.into());
                    }
                    self.receive()?;
                }
            }
        }
    }

    fn send_continue(&mut self) -> Result<(), Broken> {
        if self.http.wants_continue() {
            self.http.write_continue(&mut self.out);
            self.flush()?;
        }
        Ok(())
    }

    /// Waits for the socket, and does what this thread is asked for meanwhile; false when the deadline is over.
    pub(super) fn wait_for(&self, flags: PollFlags, deadline: Deadline) -> bool {
        loop {
            let fds = [(self.socket.as_fd(), flags), (self.thread.event(), PollFlags::IN)];
            let [ready, woken] = wait(fds, deadline);
            if !woken.is_empty() {
                self.thread.work(|| {});
            }
            if !ready.is_empty() || woken.is_empty() {
                return !ready.is_empty();
            }
        }
    }

    /// Hands on what is here of a streamed body; false if nothing is.
    pub(super) fn feed(&mut self) -> Result<bool, Broken> {
        self.send_continue()?;
        let Some(pipe) = self.exchange.pipe() else { return Ok(false) };
        match self.http.poll_body() {
            Ok(BodyPart::Data(data)) => pipe.push(data.to_vec()),
            Ok(BodyPart::End) => pipe.end(),
            Ok(BodyPart::NeedMore) => return Ok(false),
            Err(refusal) => {
                pipe.fail();
                return Err(refusal.into());
            }
        }
        Ok(true)
    }

    /// Reads what is left of the request's body; whether another request may follow.
    pub(super) fn drain(&mut self) -> Result<bool, Broken> {
        let deadline = Deadline::after(self.timeouts().body);
        loop {
            match self.http.response_done() {
                Next::Request => return Ok(true),
                Next::Close => return Ok(false),
                Next::Drain => {
                    if !self.wait_for(PollFlags::IN, deadline) {
                        return Ok(false);
                    }
                    self.receive()?;
                }
            }
        }
    }
}
