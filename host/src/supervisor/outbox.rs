//! The sending half of a channel: messages wait in a queue of a limited length, and a thread sends them. So nobody who has
//! something to say ever waits for the other process to read.

use super::message::Message;
use super::wire;
use crate::error::Error;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// How many messages may wait: more than a host with a thousand plugins has to say at once.
const MESSAGES_MAX: usize = 4096;

/// How long the other process may take to read, where nobody else could wait for that.
const WRITE_MAX: Duration = Duration::from_secs(5);

pub(super) struct Outbox<M>(Way, PhantomData<fn(M)>);

enum Way {
    Queue(SyncSender<Item>),
    /// By whoever has something to say: there is no other thread, and the supervisor always reads.
    Here(Arc<UnixStream>),
}

enum Item {
    Line(Vec<u8>, Option<OwnedFd>),
    /// Everything before it was sent.
    Flush(SyncSender<()>),
}

impl<M: Message> Outbox<M> {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is none left.
    pub(super) fn start(thread: &str, socket: Arc<UnixStream>) -> Result<Self, Error> {
        let (queue, items) = sync_channel(MESSAGES_MAX);
        let thread = std::thread::Builder::new().name(thread.to_owned());
        let started = thread.spawn(move || send_all(&socket, &items));
        started.map_err(|cause| Error::failed(format!("cannot start a thread for messages: {cause}")))?;
        Ok(Self(Way::Queue(queue), PhantomData))
    }

    /// Without a thread, in a process that must have none.
    ///
    /// # Errors
    /// The socket is none.
    pub(super) fn without_thread(socket: Arc<UnixStream>) -> Result<Self, Error> {
        let limited = socket.set_write_timeout(Some(WRITE_MAX));
        limited.map_err(|cause| Error::failed(format!("cannot talk to the other process: {cause}")))?;
        Ok(Self(Way::Here(socket), PhantomData))
    }

    /// Puts a message in the queue.
    ///
    /// # Errors
    /// It is too long or cannot be said, or the other process does not read, or is gone.
    pub(super) fn send(&self, message: &M, descriptor: Option<OwnedFd>) -> Result<(), Error> {
        debug_assert_eq!(message.has_descriptor(), descriptor.is_some());
        let line = wire::line_of(message)?;
        let sent = match &self.0 {
            Way::Queue(queue) => queue.try_send(Item::Line(line, descriptor)).is_ok(),
            Way::Here(socket) => wire::send(socket, &line, descriptor.as_ref().map(AsFd::as_fd)).is_ok(),
        };
        sent.then_some(()).ok_or_else(|| Error::failed("the other process does not read what it is told"))
    }

    /// Waits until everything so far was sent, or cannot be.
    pub(super) fn flush(&self, limit: Duration) {
        let (done, is_done) = sync_channel(1);
        if let Way::Queue(queue) = &self.0
            && queue.try_send(Item::Flush(done)).is_ok()
        {
            let _ = is_done.recv_timeout(limit);
        }
    }
}

/// Until nobody can say more, or the other process is gone.
fn send_all(socket: &UnixStream, items: &Receiver<Item>) {
    for item in items {
        match item {
            Item::Flush(done) => drop(done.send(())),
            Item::Line(line, descriptor) => {
                if wire::send(socket, &line, descriptor.as_ref().map(AsFd::as_fd)).is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::ToWorker;
    use super::super::wire::Reader;
    use super::*;
    use crate::control::Command;

    #[test]
    fn messages_arrive_in_their_order_and_a_flush_waits_for_them() {
        let (one, other) = UnixStream::pair().expect("a pair");
        let outbox = Outbox::start("test", Arc::new(one)).expect("a thread");
        for id in 0..100 {
            outbox.send(&ToWorker::Execute { id, command: Command::Status }, None).expect("room");
        }
        outbox.flush(Duration::from_secs(10));
        drop(outbox);
        let mut reader = Reader::new(Arc::new(other));
        for want in 0..100 {
            let (message, _) = reader.next::<ToWorker>().expect("a message").expect("not the end");
            assert!(matches!(message, ToWorker::Execute { id, .. } if id == want));
        }
        assert!(reader.next::<ToWorker>().expect("the end").is_none());
    }

    #[test]
    fn nobody_waits_for_a_process_that_does_not_read() {
        let (one, other) = UnixStream::pair().expect("a pair");
        let outbox = Outbox::start("test", Arc::new(one)).expect("a thread");
        let full = (0..1_000_000).find(|_| outbox.send(&ToWorker::Stop, None).is_err());
        assert!(full.is_some_and(|sent| sent >= MESSAGES_MAX));
        outbox.flush(Duration::from_millis(10));
        drop(other);
    }

    #[test]
    fn what_is_said_to_a_process_that_is_gone_is_an_error_in_the_end() {
        let (one, other) = UnixStream::pair().expect("a pair");
        drop(other);
        let outbox = Outbox::start("test", Arc::new(one)).expect("a thread");
        let _ = outbox.send(&ToWorker::Stop, None);
        outbox.flush(Duration::from_secs(10));
        assert!(outbox.send(&ToWorker::Stop, None).is_err());
    }
}
