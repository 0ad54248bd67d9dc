//! Lines of a limited length, from whoever may send anything.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How much is read at once.
const CHUNK_BYTES: usize = 16 << 10;

/// Bytes that came, cut into lines.
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    /// So many bytes at the beginning hold no line end.
    searched: usize,
    line_bytes_max: usize,
}

/// A line is longer than it may be; where the next one begins is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl LineBuffer {
    pub(crate) fn new(line_bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), searched: 0, line_bytes_max }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub(crate) fn take(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let Some(found) = memchr::memchr(b'\n', &self.bytes[self.searched..]) else {
            self.searched = self.bytes.len();
            return if self.searched > self.line_bytes_max { Err(TooLong) } else { Ok(None) };
        };
        let end = self.searched + found;
        self.searched = 0;
        let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
        line.pop();
        if line.len() > self.line_bytes_max { Err(TooLong) } else { Ok(Some(line)) }
    }

    /// What came after the last line end, once no more will come.
    fn take_rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        std::mem::take(&mut self.bytes)
    }
}

/// Lines from a connection.
pub(super) struct Lines {
    stream: UnixStream,
    buffer: LineBuffer,
}

/// Why there is no line.
#[derive(Debug)]
pub(super) enum NoLine {
    /// The other side sends no more.
    Ended,
    /// It did not come in time.
    Late,
    /// See [`TooLong`].
    TooLong,
    /// The connection is broken.
    Failed(io::Error),
}

impl Lines {
    pub(super) fn new(stream: UnixStream, line_bytes_max: usize) -> Self {
        Self { stream, buffer: LineBuffer::new(line_bytes_max) }
    }

    /// The next line. Its last byte must be here by `until`: who sends a byte now and then does not keep us waiting.
    pub(super) fn next(&mut self, until: Instant) -> Result<Vec<u8>, NoLine> {
        loop {
            if let Some(line) = self.buffer.take().map_err(|TooLong| NoLine::TooLong)? {
                return Ok(line);
            }
            if !self.receive(until)? {
                let rest = self.buffer.take_rest();
                return if rest.is_empty() { Err(NoLine::Ended) } else { Ok(rest) };
            }
        }
    }

    /// Whether there was more before the end.
    fn receive(&mut self, until: Instant) -> Result<bool, NoLine> {
        let mut chunk = [0; CHUNK_BYTES];
        let left = time_left(until).ok_or(NoLine::Late)?;
        let read = self.stream.set_read_timeout(Some(left)).and_then(|()| (&self.stream).read(&mut chunk));
        match read {
            Ok(count) => {
                self.buffer.push(&chunk[..count]);
                Ok(count > 0)
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(cause) if is_timeout(&cause) => Err(NoLine::Late),
            Err(cause) => Err(NoLine::Failed(cause)),
        }
    }
}

/// Sends a line, all of it by `until`.
pub(super) fn send(stream: &UnixStream, line: &str, until: Instant) -> io::Result<()> {
    send_all(stream, format!("{line}\n").as_bytes(), until)
}

/// Sends bytes, all of them by `until`.
pub(super) fn send_all(mut stream: &UnixStream, bytes: &[u8], until: Instant) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let left = time_left(until).ok_or(io::ErrorKind::TimedOut)?;
        stream.set_write_timeout(Some(left))?;
        match stream.write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

/// None when it is over: a timeout of zero would be none.
fn time_left(until: Instant) -> Option<Duration> {
    Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
}

fn is_timeout(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 8;

    fn lines_of(chunks: &[&[u8]]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut buffer = LineBuffer::new(MAX);
        let mut lines = Vec::new();
        for chunk in chunks {
            buffer.push(chunk);
            while let Some(line) = buffer.take()? {
                lines.push(line);
            }
        }
        Ok(lines)
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text = b"one\n\ntwo \nnot whole";
        let want = [&b"one"[..], b"", b"two "];
        assert_eq!(lines_of(&[text.as_slice()]).err(), Some(TooLong), "the rest is longer than a line");
        let text = &text[..text.len() - 2];
        for cut in 0..text.len() {
            let (one, other) = text.split_at(cut);
            assert_eq!(lines_of(&[one, other]).expect("lines"), want, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines_of(&bytes).expect("lines"), want);
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_not_longer() {
        assert_eq!(lines_of(&[b"12345678\n"]).expect("a line").len(), 1);
        assert_eq!(lines_of(&[b"123456789\n"]), Err(TooLong));
        assert_eq!(lines_of(&[b"12345678"]), Ok(vec![]));
        assert_eq!(lines_of(&[b"1234", b"56789"]), Err(TooLong), "it need not have ended");
    }

    #[test]
    fn whoever_sends_a_byte_now_and_then_is_late_all_the_same() {
        let (client, server) = UnixStream::pair().expect("a pair");
        let mut lines = Lines::new(server, MAX);
        (&client).write_all(b"slow").expect("room");
        let began = Instant::now();
        assert!(matches!(lines.next(began + Duration::from_millis(50)), Err(NoLine::Late)));
        (&client).write_all(b"er\n").expect("room");
        let soon = Instant::now() + Duration::from_secs(10);
        assert_eq!(lines.next(soon).expect("a line"), b"slower");
        (&client).write_all(b"rest").expect("room");
        drop(client);
        assert_eq!(lines.next(soon).expect("what came before the end"), b"rest");
        assert!(matches!(lines.next(soon), Err(NoLine::Ended)));
    }

    #[test]
    fn a_line_that_nobody_reads_is_given_up() {
        let (client, server) = UnixStream::pair().expect("a pair");
        let long = "x".repeat(1 << 20);
        let result = send(&server, &long, Instant::now() + Duration::from_millis(50));
        assert!(result.is_err_and(|cause| is_timeout(&cause)));
        drop(client);
    }
}
