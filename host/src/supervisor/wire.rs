//! Messages with descriptors over a Unix socket: SCM_RIGHTS.
//!
//! A descriptor travels with the first byte of its message, so it is here when the message is whole. Each message has at
//! most one: when the process has no number left for it, the kernel drops it and says so, and the others keep their places.

use super::message::{MESSAGE_BYTES_MAX, Message};
use crate::control::{LineBuffer, TooLong};
use crate::error::Error;
use rustix::cmsg_space;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How many descriptors may wait for their messages. Each comes with the first byte of one, so that one waits at most, while the rest
/// of its message comes.
const DESCRIPTORS_MAX: usize = 16;

/// A message as it is sent.
pub(super) fn line_of<M: Message>(message: &M) -> Result<Vec<u8>, Error> {
    let line = serde_json::to_vec(message);
    let mut line = line.map_err(|cause| Error::failed(format!("cannot tell the other process: {cause}")))?;
    if line.len() > MESSAGE_BYTES_MAX {
        let bytes = line.len();
        return Err(Error::failed(format!(
            "cannot tell the other process: {bytes} bytes, and a message has at most {MESSAGE_BYTES_MAX}"
        )));
    }
    line.push(b'\n');
    Ok(line)
}

/// Sends all of it.
pub(super) fn send(
    socket: &UnixStream,
    line: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> std::io::Result<()> {
    let mut sent = send_some(socket, line, descriptor)?;
    while sent < line.len() {
        sent += send_some(socket, &line[sent..], None)?;
    }
    Ok(())
}

fn send_some(
    socket: &UnixStream,
    bytes: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> rustix::io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors {
        // There is room for one.
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    rustix::io::retry_on_intr(|| sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL))
}

/// The receiving half of a channel.
pub(super) struct Reader {
    socket: Arc<UnixStream>,
    lines: LineBuffer,
    /// In their order; none where the kernel had to drop one.
    descriptors: VecDeque<Option<OwnedFd>>,
}

impl Reader {
    pub(super) fn new(socket: Arc<UnixStream>) -> Self {
        Self { socket, lines: LineBuffer::new(MESSAGE_BYTES_MAX), descriptors: VecDeque::new() }
    }

    /// The next message, with its descriptor; none at the end of the channel. Waits as long as it takes.
    ///
    /// # Errors
    /// What came is no message, or the channel is broken.
    pub(super) fn next<M: Message>(&mut self) -> Result<Option<(M, Option<OwnedFd>)>, Error> {
        self.next_until(None)
    }

    /// The same, by that moment.
    ///
    /// # Errors
    /// Nothing came in time, too.
    pub(super) fn next_until<M: Message>(
        &mut self,
        until: Option<Instant>,
    ) -> Result<Option<(M, Option<OwnedFd>)>, Error> {
        loop {
            if let Some(line) = self.lines.take().map_err(|TooLong| broken("a message without an end"))? {
                return self.message(&line).map(Some);
            }
            if !self.receive(until)? {
                return Ok(None);
            }
        }
    }

    /// The next one that is here already; none: nothing is.
    ///
    /// # Errors
    /// The channel has ended, too.
    pub(super) fn next_here<M: Message>(&mut self) -> Result<Option<(M, Option<OwnedFd>)>, Error> {
        loop {
            if let Some(line) = self.lines.take().map_err(|TooLong| broken("a message without an end"))? {
                return self.message(&line).map(Some);
            }
            let mut channel = [PollFd::new(&*self.socket, PollFlags::IN)];
            let nothing = Timespec { tv_sec: 0, tv_nsec: 0 };
            if !matches!(poll(&mut channel, Some(&nothing)), Ok(1..)) {
                return Ok(None);
            }
            if !self.receive(None)? {
                return Err(broken("it has ended"));
            }
        }
    }

    fn message<M: Message>(&mut self, line: &[u8]) -> Result<(M, Option<OwnedFd>), Error> {
        let message: M = serde_json::from_slice(line).map_err(|cause| broken(&cause.to_string()))?;
        let descriptor = if message.has_descriptor() { self.descriptors.pop_front().flatten() } else { None };
        Ok((message, descriptor))
    }

    /// Whether there was more before the end.
    fn receive(&mut self, until: Option<Instant>) -> Result<bool, Error> {
        self.socket.set_read_timeout(time_left(until)?).map_err(|cause| broken(&cause.to_string()))?;
        let mut chunk = [0; CHUNK_BYTES];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let chunks = &mut [IoSliceMut::new(&mut chunk)];
        let got = match recvmsg(self.socket.as_fd(), chunks, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(got) => got,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(true),
            Err(Errno::CONNRESET) => return Ok(false),
            Err(cause) => return Err(broken(&cause.to_string())),
        };
        self.descriptors.extend(descriptors(&mut ancillary));
        if got.flags.contains(ReturnFlags::CTRUNC) {
            self.descriptors.push_back(None);
        }
        if self.descriptors.len() > DESCRIPTORS_MAX {
            return Err(broken("more descriptors than messages"));
        }
        self.lines.push(&chunk[..got.bytes]);
        Ok(got.bytes > 0)
    }
}

fn descriptors(ancillary: &mut RecvAncillaryBuffer<'_>) -> Vec<Option<OwnedFd>> {
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    rights.flatten().map(Some).collect()
}

/// None is for ever.
fn time_left(until: Option<Instant>) -> Result<Option<Duration>, Error> {
    let Some(until) = until else { return Ok(None) };
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(broken("nothing came in time")) } else { Ok(Some(left)) }
}

fn broken(cause: &str) -> Error {
    Error::failed(format!("cannot read what the other process says: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::super::message::{FromWorker, ToWorker};
    use super::*;
    use crate::deployment::{Published, Standing};
    use std::ffi::OsStr;
    use std::io::{Read, Seek, Write};
    use std::os::unix::ffi::OsStrExt;

    fn pair() -> (UnixStream, Reader) {
        let (one, other) = UnixStream::pair().expect("a pair");
        (one, Reader::new(Arc::new(other)))
    }

    fn published(number: u64, config_json: &str) -> FromWorker {
        let (plugin, version, digest) = ("shop".to_owned(), "1.0.0".to_owned(), "00".to_owned());
        let (path, config_json) = ("/a/libshop.so".into(), config_json.to_owned());
        let standing = Standing::Current;
        let source = String::new();
        let generation =
            Published { plugin, number, version, path, source, digest, config_json, standing, by_name: None };
        FromWorker::Published { generation }
    }

    /// A file with a text in it, which can only be read through its descriptor.
    fn file(text: &str) -> std::fs::File {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("room");
        file.rewind().expect("a file");
        file
    }

    #[test]
    fn each_message_keeps_its_own_descriptor_whatever_its_length() {
        let (socket, mut reader) = pair();
        let long = "x".repeat(3 * CHUNK_BYTES);
        let sender = std::thread::spawn(move || {
            for number in 0..20 {
                let config = if number % 3 == 0 { &*long } else { "{}" };
                let copy = file(&number.to_string());
                let line = line_of(&published(number, config)).expect("a line");
                send(&socket, &line, Some(copy.as_fd())).expect("it is read");
                let line = line_of(&FromWorker::Stopping).expect("a line");
                send(&socket, &line, None).expect("it is read");
            }
        });
        let mut number = 0;
        while let Some((message, descriptor)) = reader.next::<FromWorker>().expect("a message") {
            let FromWorker::Published { generation } = message else {
                assert!(descriptor.is_none());
                continue;
            };
            let mut text = String::new();
            let copy = descriptor.expect("its descriptor");
            std::fs::File::from(copy).read_to_string(&mut text).expect("text");
            assert_eq!((generation.number, text), (number, number.to_string()));
            number += 1;
        }
        assert_eq!(number, 20);
        sender.join().expect("the sender");
    }

    #[test]
    fn the_end_of_the_channel_is_no_error_and_silence_is_one() {
        let (socket, mut reader) = pair();
        let soon = Some(Instant::now() + Duration::from_millis(30));
        let late = reader.next_until::<ToWorker>(soon).expect_err("nothing came");
        assert_eq!(late.message(), "cannot read what the other process says: nothing came in time");
        drop(socket);
        assert!(reader.next::<ToWorker>().expect("the end").is_none());
    }

    #[test]
    fn descriptors_without_messages_are_an_error_before_there_are_many() {
        let (socket, mut reader) = pair();
        let file = file("one");
        let refused = (0..100).find_map(|_| {
            send(&socket, b" ", Some(file.as_fd())).expect("room");
            reader.next_here::<FromWorker>().err()
        });
        let error = refused.expect("there are too many");
        assert!(error.message().ends_with(": more descriptors than messages"), "{error}");
        assert_eq!(reader.descriptors.len(), DESCRIPTORS_MAX + 1);
    }

    #[test]
    fn a_message_that_was_cut_or_changed_anywhere_is_a_message_or_an_error() {
        let whole = line_of(&published(7, "{\"a\": [1]}")).expect("a line");
        let reads = |bytes: &[u8]| {
            let (socket, mut reader) = pair();
            send(&socket, bytes, None).expect("room");
            drop(socket);
            while let Ok(Some(_)) = reader.next::<FromWorker>() {}
        };
        for at in 0..whole.len() {
            reads(&whole[..at]);
            for new in [b'"', b'\\', b'{', b'9', b'-', b'\n', 0, 0xff] {
                let mut changed = whole.clone();
                changed[at] = new;
                reads(&changed);
            }
        }
        reads(&[b'['].repeat(100_000));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for text in ["\n", "{}\n", "{\"message\":\"fly\"}\n", "\u{fffd}\n", "[\"stop\"]x\n"] {
            let (socket, mut reader) = pair();
            (&socket).write_all(text.as_bytes()).expect("room");
            assert!(reader.next::<ToWorker>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_an_error_of_who_says_it() {
        let long = line_of(&published(1, &"x".repeat(MESSAGE_BYTES_MAX))).expect_err("too long");
        assert!(long.message().ends_with("and a message has at most 33554432"), "{long}");
        let FromWorker::Published { mut generation } = published(1, "{}") else { panic!("a generation") };
        generation.path = OsStr::from_bytes(b"/not/\xff/utf8").into();
        assert!(line_of(&FromWorker::Published { generation }).is_err());
    }

    #[test]
    fn a_message_is_one_object_with_its_name() {
        assert_eq!(line_of(&ToWorker::Stop).expect("a line"), b"{\"message\":\"stop\"}\n");
        let error = Error::failed("taken").help("stop the other");
        let message = ToWorker::NotBound { listen: 3, error: error.clone() };
        let text = serde_json::to_string(&message).expect("JSON");
        let ToWorker::NotBound { error: read, .. } = serde_json::from_str(&text).expect("the same") else {
            panic!("{text}");
        };
        assert_eq!(read, error);
    }
}
