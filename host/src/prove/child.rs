//! A host that is started to be proved: our own program, as a child that does not outlive us.

use crate::cargo_build::group::Group;
use crate::control::{Client, Command};
use crate::error::{Error, Exit};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The program that we are, also when its file was replaced.
const PROGRAM: &str = "/proc/self/exe";
/// How long a start may take: plugins may have to be built first.
const START_MAX: Duration = Duration::from_secs(600);
/// How long to wait before looking again.
const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
/// How long the host may take to say how it is.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How long to wait for the rest of what a host wrote that has ended.
const LAST_WORD_MAX: Duration = Duration::from_secs(1);
/// So many of its last lines are kept.
const LINES_MAX: usize = 30;

/// A host of our own.
pub(super) struct Child {
    group: Group,
    /// With its control socket; gone with it.
    folder: tempfile::TempDir,
    log: Log,
}

/// What it writes.
#[derive(Clone, Default)]
struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    last: VecDeque<String>,
    is_whole: bool,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a process writes, until it ends.
    fn read(&self, pipe: impl Read) {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let last = &mut self.lock().last;
            if last.len() == LINES_MAX {
                last.pop_front();
            }
            last.push_back(String::from_utf8_lossy(&line).into_owned());
        }
        self.lock().is_whole = true;
        self.0.1.notify_all();
    }

    /// Waits for the last word of a process that has ended.
    fn wait_until_whole(&self) {
        let is_read = |lines: &mut Lines| !lines.is_whole;
        drop(self.0.1.wait_timeout_while(self.lock(), LAST_WORD_MAX, is_read));
    }
}

impl Child {
    /// Starts it on a free port. To be called on the main thread: the child ends with the thread that started it.
    pub(super) fn spawn(args: &[OsString]) -> Result<Self, Error> {
        let fail = |cause: std::io::Error| Error::failed(format!("cannot start a host: {cause}"));
        let folder = tempfile::Builder::new().prefix("host-prove-").tempdir().map_err(fail)?;
        let mut process = Process::new(PROGRAM);
        process.args(args).args(["--bind", "127.0.0.1:0", "--quiet", "--control"]).arg(socket_in(&folder));
        // Only a supervisor says where it listens.
        process.env_remove("HOST_NO_SUPERVISOR");
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut group = Group::spawn(&mut process).map_err(fail)?;
        let log = Log::default();
        if let Some(pipe) = group.child.stderr.take() {
            let log = log.clone();
            std::thread::Builder::new().name("log".into()).spawn(move || log.read(pipe)).map_err(fail)?;
        }
        Ok(Self { group, folder, log })
    }

    /// Waits until it serves, and gives its control socket.
    pub(super) fn wait_for_control(&mut self) -> Result<PathBuf, Error> {
        let (control, until) = (socket_in(&self.folder), Instant::now() + START_MAX);
        while !is_serving(&control) {
            let mut exit = [PollFd::from_borrowed_fd(self.group.exit(), PollFlags::IN)];
            if poll(&mut exit, Some(&MOMENT)) == Ok(1) {
                return Err(self.ended());
            }
            if Instant::now() >= until {
                return Err(self.said(Error::failed("the host does not serve in time")));
            }
        }
        Ok(control)
    }

    /// It has ended, and why, in its own words.
    fn ended(&mut self) -> Error {
        let code = self.group.wait().ok().and_then(|status| status.code());
        self.log.wait_until_whole();
        let exits = [Exit::Usage, Exit::Spec];
        let exit = exits.into_iter().find(|exit| Some(i32::from(exit.code())) == code);
        let words = self.last_words();
        match (exit, words.iter().position(|line| line.starts_with("host: "))) {
            (exit, Some(first)) => {
                let text = words[first..].join("\n");
                let text = text.strip_prefix("host: ").unwrap_or(&text).to_owned();
                Error::failed(text).exiting(exit.unwrap_or(Exit::Failed))
            }
            (_, None) => self.said(Error::failed("the host ended before it served")),
        }
    }

    fn said(&self, error: Error) -> Error {
        self.last_words().into_iter().fold(error, |error, line| error.help(format!("it said: {line}")))
    }

    /// The last lines that it wrote.
    pub(super) fn last_words(&self) -> Vec<String> {
        self.log.lock().last.iter().cloned().collect()
    }
}

fn socket_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("control.sock")
}

fn is_serving(control: &Path) -> bool {
    let answer = Client::connect(control).and_then(|mut client| client.ask(&Command::Status, ANSWER_MAX));
    answer.is_ok_and(|answer| answer.data["state"] == "serving" && answer.data["server"].is_string())
}
