//! A child process and all that it starts. It ends when we do, however that is.
#![allow(unsafe_code, reason = "what a child does between fork and exec cannot be checked by the compiler")]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, kill_process_group, pidfd_open, set_parent_process_death_signal,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

/// Time to remove temporary files after the signal to terminate; then it is killed.
const GRACE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A child in a process group of its own. When this is dropped before the child was waited for, the whole group is ended; when
/// this thread or the process ends, however that is, the child is killed.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) child: Child,
    exit: OwnedFd,
    is_reaped: bool,
}

impl Group {
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        let parent = getpid();
        command.process_group(0);
        let die_with_us = move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // We may have died before the signal was asked for.
            if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
        };
        // SAFETY: between fork and exec this makes two system calls, and allocates nothing: neither does an error of that kind.
        unsafe { command.pre_exec(die_with_us) };
        let mut child = command.spawn()?;
        match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(exit) => Ok(Self { child, exit, is_reaped: false }),
            Err(cause) => {
                child.kill().and_then(|()| child.wait())?;
                Err(cause.into())
            }
        }
    }

    /// Readable when the child has ended.
    pub(crate) fn exit(&self) -> BorrowedFd<'_> {
        self.exit.as_fd()
    }

    /// Waits for the child. What it started and left is nobody's then: a compiler cache, say.
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.is_reaped = true;
        Ok(status)
    }

    /// The group has its number for as long as the child was not waited for.
    fn end(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        let _ = poll(&mut [PollFd::new(&self.exit, PollFlags::IN)], Some(&GRACE));
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo_build::fixture::Crates;
    use std::fs::File;
    use std::io::{BufRead, BufReader, Read};

    /// A child that has started another one, both of which keep the pipe open.
    fn two(crates: &Crates) -> (Group, BufReader<File>) {
        let fifo = crates.fifo("alive");
        let mut command = Command::new("sh");
        command.args(["-c", "exec 3>\"$0\"; sleep 1000 & echo started >&3; wait"]).arg(&fifo);
        let group = Group::spawn(&mut command).unwrap();
        let mut alive = BufReader::new(File::open(&fifo).unwrap());
        let mut line = String::new();
        alive.read_line(&mut line).unwrap();
        assert_eq!(line, "started\n");
        (group, alive)
    }

    #[test]
    fn a_dropped_group_has_ended_with_all_that_it_started() {
        let crates = Crates::new(&[]);
        let (group, mut alive) = two(&crates);
        drop(group);
        assert_eq!(alive.read_to_end(&mut Vec::new()).unwrap(), 0);
    }

    #[test]
    fn a_child_ends_with_the_thread_that_started_it() {
        let thread = std::thread::spawn(|| {
            let group = Group::spawn(Command::new("sleep").arg("1000"));
            let exit = group.as_ref().unwrap().exit().try_clone_to_owned().unwrap();
            // As if the process were killed: nothing is dropped.
            std::mem::forget(group);
            exit
        });
        let exit = thread.join().unwrap();
        let deadline = Timespec { tv_sec: 30, tv_nsec: 0 };
        assert_eq!(poll(&mut [PollFd::new(&exit, PollFlags::IN)], Some(&deadline)), Ok(1), "it has ended");
    }

    #[test]
    fn a_child_that_ended_by_itself_is_waited_for() {
        let mut group = Group::spawn(Command::new("sh").args(["-c", "exit 7"])).unwrap();
        assert_eq!(group.wait().unwrap().code(), Some(7));
        let error = Group::spawn(&mut Command::new("/no/such/program")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
