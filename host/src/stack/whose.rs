//! Whose a thread is whose stack is asked for. The numbers come from memory that workers write to: one that runs hostile code could
//! name anybody's, and a supervisor may be root.

use super::Thread;
use crate::error::Error;
use std::fs::read_to_string;
use std::path::Path;

/// A worker, and what it forks.
const LEVELS: usize = 2;

/// Whether the thread is one of the process that asks, or of one below it.
///
/// # Errors
/// It is somebody else's, or has ended.
pub(super) fn check(asks: u32, of: &Thread) -> Result<(), Error> {
    let Thread { process, thread } = *of;
    let line = std::iter::successors(Some(process), |pid| parent(*pid)).take(LEVELS + 1);
    if !line.into_iter().any(|pid| pid == asks) {
        return Err(Error::failed(format!("process {process} is none of this host's")));
    }
    if !Path::new(&format!("/proc/{process}/task/{thread}")).exists() {
        return Err(Error::failed(format!("thread {thread} is none of process {process}, or has ended")));
    }
    Ok(())
}

fn parent(process: u32) -> Option<u32> {
    let stat = read_to_string(format!("/proc/{process}/stat")).ok()?;
    // `7 (a name (with anything)) S 1 …`
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoreboard::thread_id;
    use std::process::{Command, Stdio, id};

    #[test]
    fn threads_of_this_process_and_of_those_below_are_its_own() {
        assert_eq!(check(id(), &Thread { process: id(), thread: thread_id() }), Ok(()));
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat");
        let of_child = Thread { process: child.id(), thread: child.id() };
        assert_eq!(check(id(), &of_child), Ok(()));
        let error = check(id(), &Thread { thread: thread_id(), ..of_child }).expect_err("another's");
        assert!(error.to_string().contains("is none of process"), "{error}");
        // Of two that have one parent neither is the other's.
        assert!(check(child.id(), &Thread { process: id(), thread: thread_id() }).is_err());
        drop(child.stdin.take());
        child.wait().expect("it ends when nobody writes any more");
        assert!(check(id(), &of_child).is_err(), "it has ended");
        let error = check(id(), &Thread { process: 1, thread: 1 }).expect_err("the system's");
        assert_eq!(error.to_string(), "process 1 is none of this host's");
    }
}
