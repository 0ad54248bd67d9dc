//! A run of `cargo build` that can be given up, and all that it said as data.

use super::Profile;
use super::group::Group;
use super::message::{self, Artifact, Diagnostic};
use super::package::Package;
use super::run::{Cargo, Messages, ending};
use crate::error::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdout, ExitStatus, Stdio};

/// More of what cargo says is not kept.
const TEXT_BYTES_MAX: usize = 4 << 20;
/// A longer message of cargo's is not looked at.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
const READ_BYTES: usize = 64 << 10;

/// A run of cargo. Dropped before its end, it is given up: cargo, its compilers and their linkers are ended.
pub(crate) struct Attempt {
    group: Group,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    said: Said,
}

/// What a run of cargo came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
    /// What a terminal would have shown, with colours.
    pub(crate) text: String,
    /// What the compiler said of the sources.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The library.
    pub(crate) artifact: Option<Artifact>,
    /// The folders of the packages on this machine that were built or looked at.
    pub(crate) packages: BTreeSet<PathBuf>,
}

impl Attempt {
    /// Starts cargo for a package.
    ///
    /// # Errors
    /// Cargo cannot be run.
    pub(crate) fn start(cargo: &Cargo, package: &Package, profile: Profile) -> Result<Self, Error> {
        let mut command = cargo.command(package, profile, Messages::AsData);
        let group = Group::spawn(command.stderr(Stdio::piped()));
        let mut group = group.map_err(|cause| cargo.cannot_run(&package.name, &cause))?;
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        Ok(Self { group, stdout, stderr, said: Said::new(package.manifest()) })
    }

    /// Waits for its end; whenever `event` is readable it asks whether to give up. None: it was given up.
    ///
    /// # Errors
    /// The system does not let us wait for it.
    pub(crate) fn wait(
        mut self,
        event: BorrowedFd<'_>,
        mut gives_up: impl FnMut() -> bool,
    ) -> io::Result<Option<Outcome>> {
        loop {
            let ready = self.poll(Some(event), None)?;
            if ready.event && gives_up() {
                return Ok(None);
            }
            self.read(&ready)?;
            if ready.exit {
                return self.end().map(Some);
            }
        }
    }

    /// What is still in the pipes is read, and no more: somebody that cargo started may keep them open.
    fn end(mut self) -> io::Result<Outcome> {
        loop {
            let ready = self.poll(None, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
            if !ready.stdout && !ready.stderr {
                let status = self.group.wait()?;
                return Ok(self.said.outcome(status));
            }
            self.read(&ready)?;
        }
    }

    fn poll(&self, event: Option<BorrowedFd<'_>>, timeout: Option<&Timespec>) -> io::Result<Ready> {
        let stdout = self.stdout.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let stderr = self.stderr.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let event = event.map(|event| PollFd::from_borrowed_fd(event, PollFlags::IN));
        let exit = PollFd::from_borrowed_fd(self.group.exit(), PollFlags::IN);
        let has = [stdout.is_some(), stderr.is_some(), event.is_some()];
        let mut fds: Vec<_> = [stdout, stderr, event, Some(exit)].into_iter().flatten().collect();
        while let Err(cause) = poll(&mut fds, timeout) {
            if cause != rustix::io::Errno::INTR {
                return Err(cause.into());
            }
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut next = |is_there: bool| is_there && ready.next().unwrap_or(false);
        Ok(Ready { stdout: next(has[0]), stderr: next(has[1]), event: next(has[2]), exit: next(true) })
    }

    /// Messages before cargo's own lines: the errors of a package come before the line that it has some.
    fn read(&mut self, ready: &Ready) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        if let Some(pipe) = self.stdout.as_mut().filter(|_| ready.stdout) {
            let bytes = pipe.read(&mut buffer)?;
            self.said.messages(&buffer[..bytes]);
            self.stdout = self.stdout.take().filter(|_| bytes > 0);
        }
        if let Some(pipe) = self.stderr.as_mut().filter(|_| ready.stderr) {
            let bytes = pipe.read(&mut buffer)?;
            self.said.text(&buffer[..bytes]);
            self.stderr = self.stderr.take().filter(|_| bytes > 0);
        }
        Ok(())
    }
}

/// What there is to be read, or is over.
struct Ready {
    stdout: bool,
    stderr: bool,
    event: bool,
    exit: bool,
}

/// What cargo said so far.
struct Said {
    manifest: PathBuf,
    /// A message whose end did not come yet.
    part: Vec<u8>,
    text: Vec<u8>,
    diagnostics: Vec<Diagnostic>,
    artifact: Option<Artifact>,
    packages: BTreeSet<PathBuf>,
}

impl Said {
    fn new(manifest: PathBuf) -> Self {
        let (part, text, diagnostics) = (Vec::new(), Vec::new(), Vec::new());
        Self { manifest, part, text, diagnostics, artifact: None, packages: BTreeSet::new() }
    }

    fn messages(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.part.len() + piece.len() <= MESSAGE_BYTES_MAX {
                self.part.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.part);
                // Other lines are not cargo's.
                if let Ok(message) = serde_json::from_slice(&line) {
                    self.message(&message);
                }
            }
        }
    }

    fn message(&mut self, message: &Value) {
        self.packages.extend(message::local_package(message));
        if let Some(artifact) = message::artifact(&self.manifest, message) {
            self.artifact = Some(artifact);
        }
        if let Some(diagnostic) = message::diagnostic(message) {
            self.text(diagnostic.rendered.as_bytes());
            if !diagnostic.rendered.ends_with('\n') {
                self.text(b"\n");
            }
            self.diagnostics.push(diagnostic);
        }
    }

    fn text(&mut self, bytes: &[u8]) {
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn outcome(self, status: ExitStatus) -> Outcome {
        let failure = match (status.success(), &self.artifact) {
            (false, _) => Some(format!("cargo failed ({})", ending(status))),
            (true, None) => Some("cargo made no shared library".to_owned()),
            (true, Some(_)) => None,
        };
        Outcome {
            failure,
            text: String::from_utf8_lossy(&self.text).into_owned(),
            diagnostics: self.diagnostics,
            artifact: self.artifact,
            packages: self.packages,
        }
    }
}
