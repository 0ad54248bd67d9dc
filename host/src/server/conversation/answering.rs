//! Writing answers.

use super::writer::{Waiting, Writer};
use super::{Answered, Broken, Conversation, is_bodiless};
use crate::exchange::{self, Exchange, OwnedBody};
use crate::h1::{BodyLength, Refusal};
use crate::server::wait::{Deadline, wait};
use rustix::event::PollFlags;
use std::os::fd::AsFd;
use std::task::Poll;

impl Conversation<'_> {
    /// Writes the answer.
    pub(super) fn respond(&mut self) -> Result<Answered, Broken> {
        self.start()?;
        let answer = self.exchange.answer();
        let (status, is_streamed) = (answer.status(), answer.is_streamed());
        let body = answer.body();
        let waiting = Waiting { socket: self.socket, thread: self.thread, exchange: &self.exchange };
        let timeout = self.timeouts().write;
        Writer::new(&waiting, timeout, &mut self.http, &mut self.out).send(body, is_streamed)?;
        let mut sent = body.len() as u64;
        let is_bare = exchange::Head::method(self.exchange.head()) == "HEAD" || is_bodiless(status);
        // Nothing of a stream would go out, so nothing would ever end one that has no end.
        if is_streamed && !is_bare {
            sent += self.send_stream()?;
        }
        let _ = self.http.finish(&mut self.out);
        let id = *self.exchange.id();
        // What the client has not taken yet is here: the plugin need not wait for it.
        self.exchange.give_back();
        self.flush()?;
        Ok(Answered { id, status, bytes: if is_bare { 0 } else { sent } })
    }

    fn start(&mut self) -> Result<(), Broken> {
        let answer = self.exchange.answer();
        let length = match answer.is_streamed() {
            true => BodyLength::Unknown,
            false => BodyLength::Known(answer.body().len() as u64),
        };
        let close = [(&b"connection"[..], &b"close"[..])];
        let is_last = !(self.may_go_on)() || self.serving.stop.is_retiring();
        let close = if is_last { &close[..] } else { &[] };
        let headers = answer.headers().chain(close.iter().copied());
        let (http, out) = (&mut self.http, &mut self.out);
        let started =
            crate::date::with_now(|date| http.start_response(out, answer.status(), headers, length, date));
        if let Err(error) = started {
            tracing::error!(
                request = &**self.exchange.id(),
                "cannot send the answer of the handler: {error}"
            );
            self.exchange.has_failed();
            return Err(Refusal::new(500, "the handler's answer cannot be sent").into());
        }
        Ok(())
    }

    fn send_stream(&mut self) -> Result<u64, Broken> {
        let mut sent = 0;
        self.slot.answer_has_begun(true);
        while let Some(chunk) = self.next_chunk()? {
            let waiting = Waiting { socket: self.socket, thread: self.thread, exchange: &self.exchange };
            let timeout = self.timeouts().write;
            Writer::new(&waiting, timeout, &mut self.http, &mut self.out).send(chunk.as_ref(), true)?;
            sent += chunk.as_ref().len() as u64;
        }
        self.slot.answer_has_begun(false);
        Ok(sent)
    }

    /// The next chunk of a streamed answer. What was written so far goes out before anybody waits for more.
    fn next_chunk(&mut self) -> Result<Option<OwnedBody>, Broken> {
        loop {
            match self.watched(Exchange::poll_chunk)? {
                Poll::Ready(None) => return Ok(None),
                Poll::Ready(Some(Ok(chunk))) => return Ok(Some(chunk)),
                Poll::Ready(Some(Err(_))) => {
                    tracing::error!(
                        request = &**self.exchange.id(),
                        "the handler's stream failed: the answer is cut short"
                    );
                    self.flush()?;
                    return Err(Broken::Gone);
                }
                Poll::Pending => self.wait_for_chunk()?,
            }
        }
    }

    /// A stream may be quiet for as long as it likes, until its client goes away or the server stops.
    fn wait_for_chunk(&mut self) -> Result<(), Broken> {
        self.flush()?;
        let socket = (self.socket.as_fd(), PollFlags::RDHUP);
        let [woken, socket] = wait([(self.thread.event(), PollFlags::IN), socket], Deadline::NEVER);
        if !socket.is_empty() {
            return Err(Broken::Gone);
        }
        if !woken.is_empty() {
            self.thread.work(|| {});
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), Broken> {
        let waiting = Waiting { socket: self.socket, thread: self.thread, exchange: &self.exchange };
        let timeout = self.timeouts().write;
        Writer::new(&waiting, timeout, &mut self.http, &mut self.out).flush()
    }
}
