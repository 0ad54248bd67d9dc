//! The tracer: reads which threads are wanted, and writes a line for each.

use super::found::found;
use super::maps::mappings;
use super::module::Module;
use super::stopped::Snapshot;
use super::unwind::Modules;
use super::{Frame, Taken, Thread};
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
    let mut out = std::io::stdout().lock();
    for of_one in wanted.chunk_by(|one, other| one.process == other.process) {
        for taken in of_process(of_one) {
            let mut line = serde_json::to_vec(&taken).map_err(|cause| fail(cause.to_string()))?;
            line.push(b'\n');
            out.write_all(&line).map_err(|cause| fail(cause.to_string()))?;
        }
    }
    Ok(())
}

/// All of one process: first what stops a thread, for all of them; then what takes its time.
fn of_process(wanted: &[Thread]) -> Vec<Taken> {
    let process = wanted[0].process;
    let mappings = mappings(process).unwrap_or_default();
    let snapshots: Vec<_> =
        wanted.iter().map(|one| (*one, Snapshot::take(process, one.thread, &mappings))).collect();
    let found = found(process, &mappings);
    let modules = Modules::of(found.iter().filter_map(Module::of).collect());
    let frames =
        |snapshot: Result<Snapshot, Error>| -> Result<Vec<Frame>, Error> { Ok(modules.frames(&snapshot?)) };
    snapshots.into_iter().map(|(of, snapshot)| Taken { of, frames: frames(snapshot) }).collect()
}
