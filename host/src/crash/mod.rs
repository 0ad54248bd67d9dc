//! What a worker does when it crashes: it writes down what it knows, and dies of the very signal.
//!
//! Native code may do anything, and what it left of the process cannot be relied on. So a signal handler here does three things:
//! it stores what the kernel told it in the scoreboard (`scoreboard/crash.rs`), which the supervisor can read when this process is
//! gone; it puts the system's own action back; and it returns, so that the same instruction ends the process the way it would have
//! ended without us, core dump included. Finding out whose fault it was is the supervisor's (`supervisor/blame`).
//!
//! - `handler` is the handler. Crates were weighed: `crash-handler` exports a `pthread_create` of its own, which is ours already
//!   (`thread_exit`), and locks a mutex in its handler; `signal-hook-registry` hands no context to its actions, and so no address of
//!   the instruction. What is left is one `sigaction`.
//! - `stack` gives threads of plugins a second stack: on that which has overflowed there is no room for a handler. Threads of the
//!   host have one of the standard library's.
//! - `whose` is what a thread knows about itself and a signal handler may read: which library started it, and in whose life it is.

mod handler;
mod stack;
mod whose;

pub(crate) use handler::watch;
pub(crate) use stack::{give_back_stack, take_stack};
pub(crate) use whose::{InLife, started_by};
