//! The process of a worker, as its supervisor sees it.

use super::blame::Heart;
use super::event::Event;
use super::message::ToWorker;
use super::outbox::Outbox;
use super::set::Served;
use super::wire::Reader;
use super::{CHANNEL_VARIABLE, message::FromWorker};
use crate::control::Counted;
use crate::error::Error;
use crate::scoreboard::View;
use crate::spec::Timeouts;
use crate::systemd;
use jiff::Timestamp;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};
use signal_hook::low_level::signal_name;
use std::fmt;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// The program that we run, also when its file was replaced: a worker must speak its supervisor's language.
const PROGRAM: &str = "/proc/self/exe";

/// Tells workers apart; the system uses the number of a process again.
pub(super) type WorkerId = u64;

/// A worker that was started and has not ended.
pub(super) struct Worker {
    pub(super) id: WorkerId,
    pub(super) pid: Pid,
    pub(super) phase: Phase,
    /// When it is killed, and why, if what it was given time for has not happened by then.
    pub(super) deadline: Option<(Instant, &'static str)>,
    /// Its deadline was over.
    pub(super) was_late: bool,
    /// It did not answer, says this, and was killed for it.
    pub(super) hangs: Option<String>,
    pub(super) heart: Heart,
    /// Its scoreboard; none until it has sent that.
    pub(super) board: Option<Arc<View>>,
    /// Its channel has ended: all that it said was heard.
    pub(super) is_silent: bool,
    /// What it published before it served. From then on that is its set's.
    pub(super) publishes: Served,
    /// The worker whose place it takes when it is ready; none: a free one of its set, if there is one.
    pub(super) replaces: Option<WorkerId>,
    /// What it said last of its requests.
    pub(super) counted: Vec<Counted>,
    /// How long it may need at its end.
    pub(super) timeouts: Timeouts,
    pub(super) started: (Instant, Timestamp),
    outbox: Outbox<ToWorker>,
    socket: Arc<UnixStream>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It loads.
    Starting,
    /// It could not load, says this, and waits for a change.
    Waiting(String),
    /// It serves, since then.
    Serving(Instant),
}

impl Worker {
    /// Starts a worker with the arguments of this process. To be called on the main thread: the system kills a worker
    /// when the thread that started it ends.
    pub(super) fn spawn(id: WorkerId, events: &SyncSender<Event>) -> Result<Self, Error> {
        let fail = |cause: std::io::Error| Error::failed(format!("cannot start a worker: {cause}"));
        let (ours, theirs) = UnixStream::pair().map_err(fail)?;
        let child = command(theirs).spawn().map_err(fail)?;
        Self::of(id, Pid::from_child(&child), ours, events)
    }

    /// A process with its channel.
    pub(super) fn of(
        id: WorkerId,
        pid: Pid,
        channel: UnixStream,
        events: &SyncSender<Event>,
    ) -> Result<Self, Error> {
        let socket = Arc::new(channel);
        let (reader, sender) = (Reader::new(socket.clone()), events.clone());
        let thread = std::thread::Builder::new().name("from worker".into());
        let thread = thread.spawn(move || pass_on(id, reader, &sender));
        thread.map_err(|cause| Error::failed(format!("cannot listen to a worker: {cause}")))?;
        Ok(Self {
            id,
            pid,
            phase: Phase::Starting,
            deadline: None,
            was_late: false,
            hangs: None,
            heart: Heart::default(),
            board: None,
            is_silent: false,
            publishes: Served::default(),
            replaces: None,
            counted: Vec::new(),
            timeouts: Timeouts::default(),
            started: (Instant::now(), Timestamp::now()),
            outbox: Outbox::start("to worker", socket.clone())?,
            socket,
        })
    }

    pub(super) fn tell(&self, message: ToWorker) -> Result<(), Error> {
        self.outbox.send(&message, None)
    }

    pub(super) fn hand(&self, message: ToWorker, descriptor: OwnedFd) -> Result<(), Error> {
        self.outbox.send(&message, Some(descriptor))
    }

    /// Whether there was anything to kill.
    pub(super) fn kill(&self) -> bool {
        kill_process(self.pid, Signal::KILL).is_ok()
    }

    /// For how long it has been serving.
    pub(super) fn served(&self) -> Duration {
        if let Phase::Serving(since) = self.phase { since.elapsed() } else { Duration::ZERO }
    }

    /// Whether it loads.
    pub(super) fn is_starting(&self) -> bool {
        self.phase == Phase::Starting
    }

    pub(super) fn is_serving(&self) -> bool {
        matches!(self.phase, Phase::Serving(_))
    }
}

/// Its threads here wait for the socket: they end with it.
impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn command(channel: UnixStream) -> Command {
    let mut args = std::env::args_os();
    let mut command = Command::new(PROGRAM);
    command.arg0(args.next().unwrap_or_else(|| "host".into())).args(args);
    command.env(CHANNEL_VARIABLE, "1").stdin(Stdio::from(OwnedFd::from(channel)));
    // The sockets that they name are bound here.
    for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].iter().chain(systemd::VARIABLES) {
        command.env_remove(name);
    }
    command
}

fn pass_on(worker: WorkerId, mut reader: Reader, events: &SyncSender<Event>) {
    let why = loop {
        match reader.next::<FromWorker>() {
            Ok(Some((message, descriptor))) => {
                if events.send(Event::Said { worker, message, descriptor }).is_err() {
                    return;
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let _ = events.send(Event::Silent { worker, why });
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Exit(u8),
    Signal(i32),
}

impl Ending {
    fn of(status: WaitStatus) -> Option<Self> {
        let exit = status.exit_status().map(|code| Self::Exit(u8::try_from(code).unwrap_or(u8::MAX)));
        exit.or_else(|| status.terminating_signal().map(Self::Signal))
    }
}

/// `was killed by SIGSEGV`, `ended with exit code 1`.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "was killed by {name}"),
                None => write!(f, "was killed by signal {signal}"),
            },
        }
    }
}

/// The next child that has ended, if any. Whoever runs us as the first process of a container gives us the orphans of
/// all others: they are taken off the system's list here, and mean nothing to us.
pub(super) fn next_ended() -> Option<(Pid, Ending)> {
    loop {
        let (pid, status) = waitpid(None, WaitOptions::NOHANG).ok().flatten()?;
        if let Some(ending) = Ending::of(status) {
            return Some((pid, ending));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal_hook::consts::SIGSEGV;

    #[test]
    fn an_ending_says_how() {
        assert_eq!(Ending::Signal(SIGSEGV).to_string(), "was killed by SIGSEGV");
        assert_eq!(Ending::Signal(63).to_string(), "was killed by signal 63");
        assert_eq!(Ending::Exit(78).to_string(), "ended with exit code 78");
    }
}
