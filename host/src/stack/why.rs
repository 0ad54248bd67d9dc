//! Why the system does not let a thread be stopped.

use crate::error::Error;
use std::os::unix::fs::MetadataExt;

/// Only what this says of a system forbids it to us.
const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";

/// What is known of it.
struct Facts {
    /// Who traces it already; 0: nobody.
    tracer: u32,
    /// Whose it is, and whose its files in /proc are: root's, when it does not dump.
    users: (u32, u32),
    yama: u32,
}

pub(super) fn why_not(process: u32, thread: u32) -> Error {
    let status = std::fs::read_to_string(format!("/proc/{process}/task/{thread}/status")).unwrap_or_default();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let owner = std::fs::metadata(format!("/proc/{process}/maps")).map_or(0, |meta| meta.uid());
    let yama = std::fs::read_to_string(YAMA).ok().and_then(|text| text.trim().parse().ok());
    let facts =
        Facts { tracer: number("TracerPid:"), users: (number("Uid:"), owner), yama: yama.unwrap_or(0) };
    error(process, thread, &facts)
}

fn error(process: u32, thread: u32, facts: &Facts) -> Error {
    let fail = |why: String| Error::failed(format!("cannot stop thread {thread}: {why}"));
    match facts {
        Facts { tracer, .. } if *tracer != 0 => fail(format!("process {tracer} traces it already"))
            .help("a debugger, or `strace`: let go of it first"),
        Facts { users: (user, owner), .. } if user != owner => {
            let why = format!("process {process} does not dump, because its user was changed after it began");
            fail(why).help("start the host as the user that it is to run as, or as root")
        }
        Facts { yama: 2.., .. } => {
            fail("the system forbids it to all but root".to_owned()).help(format!("see {YAMA}; 1 is enough"))
        }
        _ => fail("the system forbids it".to_owned())
            .help("a filter for system calls may be why: in a container, allow `ptrace`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_first_that_holds() {
        let said = |tracer, users, yama| error(7, 8, &Facts { tracer, users, yama }).to_string();
        let cases = [
            (said(9, (1, 0), 3), "cannot stop thread 8: process 9 traces it already\nhelp: a debugger"),
            (
                said(0, (1, 0), 3),
                "cannot stop thread 8: process 7 does not dump, because its user was changed",
            ),
            (
                said(0, (1, 1), 2),
                "cannot stop thread 8: the system forbids it to all but root\nhelp: see /proc",
            ),
            (said(0, (1, 1), 1), "cannot stop thread 8: the system forbids it\nhelp: a filter"),
        ];
        for (said, want) in cases {
            assert!(said.starts_with(want), "{said}");
        }
    }
}
