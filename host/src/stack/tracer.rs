//! The tracer: reads which threads are wanted, and writes a line when they run again, and then one for each.

use super::found::found;
use super::maps::{Mapping, mappings};
use super::module::Module;
use super::stopped::Snapshot;
use super::unwind::Modules;
use super::{Taken, Thread};
use crate::error::Error;
use std::io::Write;

/// Takes the stacks of the threads that standard input names, to standard output.
///
/// # Errors
/// What comes is no list of threads, or nobody reads the answers.
pub(crate) fn trace() -> Result<(), Error> {
    let fail = |cause: String| Error::failed(format!("cannot take stacks: {cause}"));
    let wanted: Vec<Thread> =
        serde_json::from_reader(std::io::stdin().lock()).map_err(|cause| fail(cause.to_string()))?;
    let copied = copied(&wanted);
    let mut out = std::io::stdout().lock();
    let mut say = |line: serde_json::Result<Vec<u8>>| {
        let line = line.map_err(|cause| fail(cause.to_string()))?;
        out.write_all(&line).and_then(|()| out.write_all(b"\n")).map_err(|cause| fail(cause.to_string()))
    };
    // Whatever the threads do from here on: what comes is what they did before.
    say(serde_json::to_vec(&None::<Taken>))?;
    copied.into_iter().flat_map(Copied::named).try_for_each(|taken| say(serde_json::to_vec(&Some(taken))))
}

/// On a thread of its own: a thread that did not stop in time may stop later, and the end of the thread that traces it is what has it
/// go on.
fn copied(wanted: &[Thread]) -> Vec<Copied> {
    let copy = || wanted.chunk_by(|one, other| one.process == other.process).map(Copied::of).collect();
    std::thread::scope(|threads| threads.spawn(copy).join().unwrap_or_default())
}

/// Threads of one process, which run again.
struct Copied {
    process: u32,
    mappings: Vec<Mapping>,
    snapshots: Vec<(Thread, Result<Snapshot, Error>)>,
}

impl Copied {
    fn of(wanted: &[Thread]) -> Self {
        let process = wanted[0].process;
        let mappings = mappings(process).unwrap_or_default();
        let of_one = |one: &Thread| (*one, Snapshot::take(process, one.thread, &mappings));
        Self { process, snapshots: wanted.iter().map(of_one).collect(), mappings }
    }

    /// What takes its time.
    fn named(self) -> Vec<Taken> {
        let found = found(self.process, &self.mappings);
        let modules = Modules::of(found.iter().filter_map(Module::of).collect());
        let frames = |snapshot: Snapshot| modules.frames(&snapshot);
        self.snapshots.into_iter().map(|(of, snapshot)| Taken { of, frames: snapshot.map(frames) }).collect()
    }
}
