//! The state of one connection, and what may be done with it when.

use super::body::{Body, BodyPart};
use super::buffer::Buffer;
use super::head::Head;
use super::limits::{DRAIN_BYTES_MAX, Limits};
use super::parse::parse_head;
use super::refusal::Refusal;
use super::response::{self, Asked, BodyLength, Output, ResponseError};
use super::scan::Scan;

/// What [`Connection::poll_head`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadPoll {
    /// The head is there. Answer it before the next one is asked for.
    Ready,
    /// Nothing yet; feed the connection.
    NeedMore,
    /// No request will come any more.
    Closed,
}

/// What [`Connection::response_done`] wants next, once the output is flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Poll the next head. It may be here already.
    Request,
    /// The client still sends a body that was not read: feed the connection and ask again.
    Drain,
    /// Close: stop sending, let the client read for a moment what was sent, and drop the socket.
    Close,
}

/// Where the connection stands between two requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    Request,
    Closed,
}

/// The server's side of one HTTP/1 connection. The [module](super) tells how it is used.
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    input: Buffer,
    at_eof: bool,
    scan: Scan,
    phase: Phase,
    asked: Asked,
    body: Body,
    /// The client may be waiting for `100 Continue`, and has got neither that nor been read from.
    awaits_continue: bool,
    drained_bytes: u64,
    output: Output,
    closes: bool,
    refusal: Option<Refusal>,
}

impl Connection {
    /// A connection that nothing has been read from. It takes memory with the first [`Connection::read_buf`].
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            input: Buffer::new(limits.head_bytes_max),
            at_eof: false,
            scan: Scan::default(),
            phase: Phase::Head,
            asked: Asked::default(),
            body: Body::Ended,
            awaits_continue: false,
            drained_bytes: 0,
            output: Output::NotExpected,
            closes: false,
            refusal: None,
        }
    }

    /// Room to read into, followed by [`Connection::filled`]. It is only empty when nothing of a full buffer
    /// was used: a server that reads ahead must then wait until a poll has made room.
    pub fn read_buf(&mut self) -> &mut [u8] {
        self.input.spare()
    }

    /// Says that `count` bytes were read into the front of [`Connection::read_buf`].
    pub fn filled(&mut self, count: usize) {
        self.input.filled(count);
    }

    /// Says that the client sends no more. What it sent is still served.
    pub fn eof(&mut self) {
        self.at_eof = true;
    }

    /// Whether no byte of a next request is here: the client is quiet, not slow.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Head && self.input.is_empty()
    }

    /// Gives back the memory of an empty read buffer: for a server with many connections that wait.
    pub fn shrink(&mut self) {
        self.input.shrink();
    }

    /// Looks for the next head, and puts it into `head` when it is all there. After a head comes its
    /// response, up to [`Connection::response_done`]; asking sooner gives [`HeadPoll::Closed`].
    ///
    /// # Errors
    /// The request is not served; see [`Connection::refuse`]. Every later poll says so again.
    pub fn poll_head(&mut self, head: &mut Head) -> Result<HeadPoll, Refusal> {
        self.check_refusal()?;
        if self.phase != Phase::Head {
            return Ok(HeadPoll::Closed);
        }
        let poll = self.next_head(head);
        self.refusal = poll.err();
        poll
    }

    fn next_head(&mut self, head: &mut Head) -> Result<HeadPoll, Refusal> {
        match self.scan.head_len(&mut self.input, &self.limits)? {
            Some(head_len) => {
                parse_head(head, self.input.take(head_len), &self.limits)?;
                self.begin_request(head);
                Ok(HeadPoll::Ready)
            }
            None if !self.at_eof => Ok(HeadPoll::NeedMore),
            None if self.input.is_empty() => {
                self.phase = Phase::Closed;
                Ok(HeadPoll::Closed)
            }
            None => Err(Refusal::malformed("the connection ended within a request head")),
        }
    }

    fn begin_request(&mut self, head: &Head) {
        let keep_alive = head.keep_alive();
        self.asked = Asked { is_head: head.method() == "HEAD", version: head.version(), keep_alive };
        self.body = Body::new(head.meaning.framing, self.limits.body_bytes_max);
        self.awaits_continue = head.expects_continue() && head.has_body();
        self.drained_bytes = 0;
        self.output = Output::NotStarted;
        self.phase = Phase::Request;
    }

    /// Lends the next part of the request's body.
    ///
    /// # Errors
    /// The body is malformed or too large, or the client went away: see [`Connection::refuse`]. What was lent
    /// so far is not the whole body.
    pub fn poll_body(&mut self) -> Result<BodyPart<'_>, Refusal> {
        self.check_refusal()?;
        self.awaits_continue &= self.input.is_empty();
        let part = match self.body.poll(&mut self.input) {
            Ok(BodyPart::NeedMore) if self.at_eof => {
                Err(Refusal::malformed("the connection ended within a request body"))
            }
            part => part,
        };
        self.refusal = part.err();
        part
    }

    /// Whether the client waits for `100 Continue`: it said so, nothing of its body came, and nothing was
    /// answered.
    pub fn wants_continue(&self) -> bool {
        self.awaits_continue && self.input.is_empty() && self.output == Output::NotStarted
    }

    /// Appends `100 Continue` if [`Connection::wants_continue`]. To be called before a server waits for the
    /// body.
    ///
    /// A final response that starts while the client waits makes the connection close: whether the body still
    /// comes is then the client's choice, and nobody can tell the body from a next request.
    pub fn write_continue(&mut self, out: &mut Vec<u8>) {
        if self.wants_continue() {
            out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.awaits_continue = false;
        }
    }

    /// Appends the head of the response. `date` is the value of the `date` header, which is left out when
    /// empty.
    ///
    /// Headers that frame the message are the connection's to say: an application's `content-length`,
    /// `transfer-encoding`, `connection`, `keep-alive`, `proxy-connection`, `upgrade`, `trailer` and `date`
    /// are left out. `connection: close` is done, and a `content-length` is kept in the answer to HEAD.
    ///
    /// # Errors
    /// Nothing was written and nothing has changed: another response, such as a 500, can be started.
    pub fn start_response<'a>(
        &mut self,
        out: &mut Vec<u8>,
        status: u16,
        headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        body: BodyLength,
        date: &[u8],
    ) -> Result<(), ResponseError> {
        if self.output != Output::NotStarted {
            return Err(ResponseError::NotExpected);
        }
        let may_go_on = self.refusal.is_none() && !self.will_not_drain();
        let asked = Asked { keep_alive: self.asked.keep_alive && may_go_on, ..self.asked };
        let mark = out.len();
        match response::write_head(out, status, headers, body, date, asked) {
            Ok((output, closes)) => {
                self.output = output;
                self.closes |= closes;
                Ok(())
            }
            Err(error) => {
                out.truncate(mark);
                Err(error)
            }
        }
    }

    /// Whether the rest of the request's body is known to be more than is drained, or may never be sent.
    fn will_not_drain(&self) -> bool {
        match self.body {
            Body::Ended => false,
            Body::Length(left) => self.awaits_continue || left > DRAIN_BYTES_MAX,
            Body::Chunked(_) => self.awaits_continue,
        }
    }

    /// Appends a part of the response's body. An empty one is nothing. HEAD, 204, 205 and 304 take it and
    /// send none.
    ///
    /// # Errors
    /// It is longer than promised, in which case nothing was written, or there is no response to be part of.
    pub fn write_chunk(&mut self, out: &mut Vec<u8>, data: &[u8]) -> Result<(), ResponseError> {
        if self.begin_chunk(out, data.len())? {
            out.extend_from_slice(data);
            self.end_chunk(out);
        }
        Ok(())
    }

    /// [`Connection::write_chunk`] without the copy: appends what stands before `count` bytes of body. If it
    /// says `true`, exactly these bytes are to be sent next, and then [`Connection::end_chunk`]. If `false`,
    /// none are.
    ///
    /// # Errors
    /// As [`Connection::write_chunk`].
    pub fn begin_chunk(&mut self, out: &mut Vec<u8>, count: usize) -> Result<bool, ResponseError> {
        self.output.begin_chunk(out, count)
    }

    /// Appends what stands behind the bytes that [`Connection::begin_chunk`] announced.
    pub fn end_chunk(&mut self, out: &mut Vec<u8>) {
        self.output.end_chunk(out);
    }

    /// Ends the response.
    ///
    /// # Errors
    /// Less was written than promised: the connection closes, so that the client notices. Or there is no
    /// response.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ResponseError> {
        self.output.finish(out)
    }

    /// Appends the answer to a refused request: status, one sentence, `connection: close`. Nothing is
    /// appended when the response has begun already. Either way the connection is done: flush, and close as
    /// for [`Next::Close`].
    pub fn refuse(&mut self, out: &mut Vec<u8>, refusal: Refusal, date: &[u8]) {
        self.refusal = Some(refusal);
        self.phase = Phase::Closed;
        if matches!(self.output, Output::NotExpected | Output::NotStarted) {
            self.write_refusal(out, refusal, date);
        }
        self.output = Output::Finished;
    }

    /// A status that is none, or a date with a line end, are the caller's mistake: the connection closes
    /// unanswered.
    fn write_refusal(&mut self, out: &mut Vec<u8>, refusal: Refusal, date: &[u8]) {
        let is_head = self.output == Output::NotStarted && self.asked.is_head;
        let headers = [(&b"content-type"[..], &b"text/plain; charset=utf-8"[..])];
        let text = refusal.reason.as_bytes();
        let body = BodyLength::Known(text.len() as u64 + 1);
        let asked = Asked { is_head, version: 11, keep_alive: false };
        let mark = out.len();
        match response::write_head(out, refusal.status, headers, body, date, asked) {
            Ok((Output::Length(_), _)) => {
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            Ok(_) => {}
            Err(_) => out.truncate(mark),
        }
    }

    /// Ends the exchange, and says how it goes on. A body that the application left unread is read and thrown
    /// away, up to [`DRAIN_BYTES_MAX`].
    pub fn response_done(&mut self) -> Next {
        let is_answered = self.phase == Phase::Request && self.output == Output::Finished;
        let next = match is_answered && !self.closes && self.refusal.is_none() {
            true => self.drain(),
            false => Next::Close,
        };
        match next {
            Next::Request => (self.phase, self.output) = (Phase::Head, Output::NotExpected),
            Next::Drain => {}
            Next::Close => self.phase = Phase::Closed,
        }
        next
    }

    fn drain(&mut self) -> Next {
        if self.will_not_drain() {
            return Next::Close;
        }
        while self.drained_bytes <= DRAIN_BYTES_MAX {
            match self.poll_body() {
                Ok(BodyPart::Data(data)) => self.drained_bytes += data.len() as u64,
                Ok(BodyPart::NeedMore) => return Next::Drain,
                Ok(BodyPart::End) => return Next::Request,
                Err(_) => return Next::Close,
            }
        }
        Next::Close
    }

    fn check_refusal(&self) -> Result<(), Refusal> {
        self.refusal.map_or(Ok(()), Err)
    }
}
