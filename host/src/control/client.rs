//! Asks a running host: what `host ctl` and whoever drives a host use.

use super::line::{Lines, NoLine, send};
use super::message::{Answer, Command};
use super::peer::Peer;
use crate::error::Error;
use crate::units;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest answer: the status of a host with a thousand plugins is far shorter.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A connection to the control socket of a host.
pub(crate) struct Client {
    path: PathBuf,
    stream: UnixStream,
    lines: Lines,
    /// The process that listens, to see its end; none when it is in another world of process ids.
    process: Option<OwnedFd>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, or it is not ours to connect to.
    pub(crate) fn connect(path: &Path) -> Result<Self, Error> {
        let stream = UnixStream::connect(path).map_err(|cause| no_connection(path, &cause))?;
        let reading = stream.try_clone().map_err(|cause| no_connection(path, &cause))?;
        // Opened while it is connected, and so alive: the number cannot be another process's yet.
        let pid = Peer::of(&stream).and_then(|peer| peer.pid);
        let process = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Ok(Self { path: path.to_owned(), stream, lines: Lines::new(reading, ANSWER_BYTES_MAX), process })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// It does not come in time, or at all.
    pub(crate) fn ask(&mut self, command: &Command, limit: Duration) -> Result<Answer, Error> {
        let until = Instant::now() + limit;
        let line = serde_json::to_string(command)
            .map_err(|cause| Error::usage(format!("cannot send the command: {cause}")))?;
        // A host that is full answers before it is asked, and leaves.
        let _ = send(&self.stream, &line, until);
        let line = self.lines.next(until).map_err(|why| self.no_answer(&why, limit))?;
        serde_json::from_slice(&line)
            .map_err(|cause| self.fail(&format!("it is no answer of a host: {cause}")))
    }

    /// Waits until the host has ended.
    ///
    /// # Errors
    /// It has not by then.
    pub(crate) fn wait_for_end(&mut self, limit: Duration) -> Result<(), Error> {
        let until = Instant::now() + limit;
        let ended = match &self.process {
            Some(process) => has_ended_by(process, until),
            None => !matches!(self.lines.next(until), Err(NoLine::Late)),
        };
        if ended {
            Ok(())
        } else {
            Err(self.fail(&format!("it has not ended within {}", units::duration(limit))))
        }
    }

    fn no_answer(&self, why: &NoLine, limit: Duration) -> Error {
        match why {
            NoLine::Late => {
                let error = self.fail(&format!("no answer within {}", units::duration(limit)));
                error
                    .help("it may still be at work: `host ctl status` says what runs; --timeout waits longer")
            }
            NoLine::Ended => self.fail("the host ended before it answered"),
            NoLine::TooLong => self.fail(&format!("an answer of more than {ANSWER_BYTES_MAX} bytes")),
            NoLine::Failed(cause) => self.fail(&cause.to_string()),
        }
    }

    fn fail(&self, why: &str) -> Error {
        Error::failed(format!("{}: {why}", self.path.display()))
    }
}

fn no_connection(path: &Path, cause: &std::io::Error) -> Error {
    let path = path.display();
    match cause.kind() {
        ErrorKind::NotFound => Error::failed(format!("{path}: no control socket: no host is running there")),
        ErrorKind::ConnectionRefused => {
            Error::failed(format!("{path}: nobody listens: its host was killed, or it is no socket"))
        }
        _ => Error::failed(format!("{path}: cannot connect: {cause}")),
    }
}

/// The descriptor of a process is readable once it has ended.
fn has_ended_by(process: &OwnedFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(_) if left.is_zero() => return false,
            Err(_) => {}
        }
    }
}
