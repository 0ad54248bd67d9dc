//! A server around one connection, without a socket: pieces of bytes in, events and output bytes out.
//! The fuzz target is built on it too.

use crate::h1::{BodyLength, BodyPart, Connection, Head, HeadPoll, Limits, Next, Refusal};

/// What the application does with each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) reads_body: bool,
    pub(crate) status: u16,
    pub(crate) length: BodyLength,
    /// The response's body; its length decides if `length` is known.
    pub(crate) body: &'static [u8],
}

/// Reads the body, answers 200 `ok`.
pub(crate) const OK: Plan = Plan { reads_body: true, status: 200, length: BodyLength::Known(2), body: b"ok" };

/// What was seen of a connection, in order, and not how its bytes were cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Head(String),
    Body(Vec<u8>),
    Refused(Refusal),
    Closed,
}

/// All of a connection's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) events: Vec<Event>,
    /// Everything sent, without `100 Continue`: whether that is sent depends on when the body comes.
    pub(crate) out: Vec<u8>,
    /// For each response, whether it answers HEAD.
    pub(crate) is_head: Vec<bool>,
    pub(crate) continues: usize,
}

impl Run {
    pub(crate) fn has_closed(&self) -> bool {
        self.events.last() == Some(&Event::Closed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Head,
    Body,
    Drain,
    Closed,
}

struct Server {
    connection: Connection,
    head: Head,
    body: Vec<u8>,
    plan: Plan,
    step: Step,
    run: Run,
}

/// Feeds the pieces one after another, and does all there is to do after each.
pub(crate) fn serve<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    half_close: bool,
    limits: Limits,
    plan: Plan,
) -> Run {
    let mut server = Server {
        connection: Connection::new(limits),
        head: Head::default(),
        body: Vec::new(),
        plan,
        step: Step::Head,
        run: Run { events: Vec::new(), out: Vec::new(), is_head: Vec::new(), continues: 0 },
    };
    for piece in pieces {
        server.feed(piece);
    }
    if half_close {
        server.connection.eof();
        server.advance();
        assert_eq!(server.step, Step::Closed, "a connection must close when no more bytes can come");
    }
    server.run
}

impl Server {
    fn feed(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && self.step != Step::Closed {
            let room = self.connection.read_buf();
            assert!(!room.is_empty(), "a connection that waits for bytes must have room for them");
            let count = room.len().min(piece.len());
            room[..count].copy_from_slice(&piece[..count]);
            self.connection.filled(count);
            piece = &piece[count..];
            self.advance();
        }
    }

    /// Goes on until more bytes are needed, or none.
    fn advance(&mut self) {
        loop {
            let goes_on = match self.step {
                Step::Head => self.poll_head(),
                Step::Body => self.poll_body(),
                Step::Drain => self.response_done(),
                Step::Closed => false,
            };
            if !goes_on {
                break;
            }
        }
    }

    fn poll_head(&mut self) -> bool {
        match self.connection.poll_head(&mut self.head) {
            Ok(HeadPoll::Ready) => self.begin_request(),
            Ok(HeadPoll::NeedMore) => return false,
            Ok(HeadPoll::Closed) => self.close(),
            Err(refusal) => self.refuse(refusal),
        }
        true
    }

    fn begin_request(&mut self) {
        assert!(!self.connection.is_idle());
        self.run.events.push(Event::Head(describe(&self.head)));
        self.body.clear();
        match self.plan.reads_body {
            true => self.step = Step::Body,
            false => self.respond(),
        }
    }

    fn poll_body(&mut self) -> bool {
        match self.connection.poll_body() {
            Ok(BodyPart::Data(data)) => {
                assert!(!data.is_empty());
                self.body.extend_from_slice(data);
            }
            Ok(BodyPart::NeedMore) => {
                self.run.continues += usize::from(self.connection.wants_continue());
                let mut interim = Vec::new();
                self.connection.write_continue(&mut interim);
                assert!(!self.connection.wants_continue());
                return false;
            }
            Ok(BodyPart::End) => {
                self.run.events.push(Event::Body(self.body.clone()));
                self.respond();
            }
            Err(refusal) => {
                self.run.events.push(Event::Body(self.body.clone()));
                self.refuse(refusal);
            }
        }
        true
    }

    fn respond(&mut self) {
        self.run.is_head.push(self.head.method() == "HEAD");
        let Plan { status, length, body, .. } = self.plan;
        let length = match length {
            BodyLength::Known(_) => BodyLength::Known(body.len() as u64),
            other => other,
        };
        let (connection, out) = (&mut self.connection, &mut self.run.out);
        let headers = [(&b"x-app"[..], &b"1"[..])];
        let date = b"Thu, 01 Jan 1970 00:00:00 GMT";
        connection.start_response(out, status, headers, length, date).expect("a response to every request");
        if length != BodyLength::None {
            let (first, second) = body.split_at(body.len() / 2);
            connection.write_chunk(out, first).expect("the first half");
            connection.write_chunk(out, second).expect("the second half");
        }
        connection.finish(out).expect("exactly the promised bytes");
        self.step = Step::Drain;
    }

    fn response_done(&mut self) -> bool {
        match self.connection.response_done() {
            Next::Request => self.step = Step::Head,
            Next::Drain => return false,
            Next::Close => self.close(),
        }
        true
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.run.events.push(Event::Refused(refusal));
        self.run.is_head.push(self.step == Step::Body && self.head.method() == "HEAD");
        self.connection.refuse(&mut self.run.out, refusal, b"");
        assert_eq!(self.connection.response_done(), Next::Close);
        self.close();
    }

    fn close(&mut self) {
        self.run.events.push(Event::Closed);
        self.step = Step::Closed;
    }
}

/// Everything that a head can be asked, so that every way into it is taken.
fn describe(head: &Head) -> String {
    let headers: Vec<String> =
        head.headers().map(|(name, value)| format!("{name}={}", value.escape_ascii())).collect();
    for (index, (name, _)) in head.headers().enumerate() {
        assert_eq!(head.header_at(index).map(|(name, _)| name), Some(name));
        assert!(head.header(&name.to_ascii_uppercase()).is_some(), "header `{name}` is found in any case");
    }
    assert_eq!(head.header_at(headers.len()), None);
    format!(
        "{} {} path={} query={:?} host={:?} version={} length={:?} chunked={} body={} keep={} continue={} {}",
        head.method(),
        head.target(),
        head.path(),
        head.query(),
        head.host(),
        head.version(),
        head.content_length(),
        head.is_chunked(),
        head.has_body(),
        head.keep_alive(),
        head.expects_continue(),
        headers.join(" "),
    )
}
