//! Native stacks of threads, taken from outside.
//!
//! A thread that unwinds itself can deadlock: it may be stuck in the very lock of the loader or the allocator. So a process of its
//! own does it, a *tracer*: this program once more, which lives for a moment. It stops one thread at a time by ptrace, for as long
//! as it takes to copy its registers and a part of its stack, and has it go on. Unwinding and names come afterwards, from the files
//! of the modules: for plugins, from their sealed copies.
//!
//! That it is another process keeps whoever asks safe, too: a damaged library takes the tracer's memory and time, and nobody
//! else's. `ask` is the side of whoever asks, `tracer` the other one.

mod ask;
mod found;
mod maps;
mod module;
mod stopped;
mod tracer;
mod unwind;
mod whose;
mod why;

pub(crate) use ask::take;
pub(crate) use tracer::trace;

use crate::error::Error;
use rustix::process::{PTracer, Pid, set_ptracer};
use serde::{Deserialize, Serialize};

/// The subcommand that makes this program a tracer.
pub(crate) const TRACER: &str = "take-stacks";

/// A thread whose stack is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    pub(crate) process: u32,
    pub(crate) thread: u32,
}

/// What became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) of: Thread,
    pub(crate) frames: Result<Vec<Frame>, Error>,
}

/// A call, the innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// Where in the memory of the process.
    pub(crate) address: u64,
    /// The file that has the code, without its folder.
    pub(crate) library: Option<String>,
    /// Where in that file's own addresses: what `addr2line` takes.
    pub(crate) offset: Option<u64>,
    /// What the linker called that file, in hexadecimal.
    pub(crate) build_id: Option<String>,
    /// The function, demangled.
    pub(crate) function: Option<String>,
    /// The file of its source, and the line.
    pub(crate) source: Option<(String, u32)>,
    /// Its function was inlined into that of the next frame.
    pub(crate) is_inlined: bool,
}

/// Lets the tracers of that process stop the threads of this one, where Yama asks for that: they need not be above this one.
/// Each process whose stacks are to be had says so itself: one that is forked has not said it.
pub(crate) fn allow_tracers_of(whom: Option<Pid>) {
    // A system without Yama does not know it, and needs it not.
    let _ = set_ptracer(whom.map_or(PTracer::None, PTracer::ProcessID));
}
