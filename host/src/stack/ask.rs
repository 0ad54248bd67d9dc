//! Whoever wants stacks: starts a tracer, and waits no longer than it may take.

use super::{TRACER, Taken, Thread, whose};
use crate::error::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::io::{Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// This program, also when its file was replaced.
const PROGRAM: &str = "/proc/self/exe";
/// How long all of it may take: reading debug information does.
const TAKE_MAX: Duration = Duration::from_secs(20);
/// Stacks are cut off at so many frames; this is more than they can take.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The stacks of these threads. `copied` is called when they have been taken, and names are looked for. Waits: to be called on a
/// thread that may.
pub(crate) fn take(mut wanted: Vec<Thread>, copied: impl FnOnce()) -> Vec<Taken> {
    // Two tracers would be in each other's way: a thread has one.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    wanted.sort_by_key(|one| one.process);
    let asks = std::process::id();
    let mut refused = Vec::new();
    wanted.retain(|of| {
        let error = whose::check(asks, of).err();
        refused.extend(error.map(|error| Taken { of: *of, frames: Err(error) }));
        refused.iter().all(|refused| refused.of != *of)
    });
    let (mut taken, error) = match ask(&wanted, copied) {
        Ok(taken) => (
            taken,
            Error::failed(format!(
                "no stack of it came within {TAKE_MAX:?}, or the process that takes it died"
            )),
        ),
        Err(error) => (Vec::new(), error),
    };
    for of in wanted {
        if !taken.iter().any(|known| known.of == of) {
            taken.push(Taken { of, frames: Err(error.clone()) });
        }
    }
    taken.extend(refused);
    taken
}

fn ask(wanted: &[Thread], copied: impl FnOnce()) -> Result<Vec<Taken>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let fail = |cause: String| Error::failed(format!("cannot start a process that takes stacks: {cause}"));
    let mut child = command().spawn().map_err(|cause| fail(cause.to_string()))?;
    let text = serde_json::to_vec(wanted).map_err(|cause| fail(cause.to_string()))?;
    // It reads all of it before it begins; dropping it is the end.
    let asked = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(&text));
    let answer = child.stdout.take().map(|stdout| read_until(stdout, Instant::now() + TAKE_MAX, copied));
    end(child);
    asked.map_err(|cause| fail(cause.to_string()))?;
    let answer = answer.unwrap_or_default();
    let lines = answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    // The last one may be cut off.
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok().flatten()).collect())
}

/// Without our variables: they are flags of the command line, and say what a worker is.
fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg(TRACER).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn read_until(mut stdout: ChildStdout, until: Instant, first_line: impl FnOnce()) -> Vec<u8> {
    let (mut answer, mut first_line) = (Vec::new(), Some(first_line));
    while answer.len() < ANSWER_BYTES_MAX {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else { break };
        match poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&left)) {
            Ok(0) => break,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => break,
            Ok(_) => {}
        }
        let mut part = [0; 16 << 10];
        match stdout.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&part[..count]),
        }
        if let Some(then) = first_line.take_if(|_| answer.contains(&b'\n')) {
            then();
        }
    }
    answer
}

/// It has ended, or is made to. A supervisor takes it off the system's list before we do, perhaps.
fn end(mut child: Child) {
    let pid = rustix::process::Pid::from_child(&child);
    if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
        && matches!(child.try_wait(), Ok(None))
    {
        let _ = pidfd_send_signal(&process, Signal::KILL);
    }
    let _ = child.wait();
}
