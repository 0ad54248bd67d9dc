//! Where lines go: standard error, and nobody who writes one waits for a slow reader.
//!
//! A line of the log is written at once where there is room for it, so that a crash that follows does not take it along. Access
//! lines are put in a queue, and a thread writes what has come together in one call: a busy server writes many. A line of the log
//! takes along what waits before it. Where standard error has no room it waits in the same queue, so that all stay in their order.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// How much may wait to be written: past it lines are dropped and counted, since a log must not stop a server.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// So much never waits where a pipe has room at all, and nothing of others comes in between: Linux's `PIPE_BUF`.
const AT_ONCE_BYTES_MAX: usize = 4096;
/// How long a line of the log waits for access lines that are being written, while there is room.
const WRITING_MAX: Duration = Duration::from_millis(10);
/// How long the last lines may take.
const FLUSH_MAX: Duration = Duration::from_secs(1);

static SINK: Sink = Sink { state: Mutex::new(State::EMPTY), changed: Condvar::new() };

struct Sink {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: Vec<u8>,
    dropped: u64,
    /// The process whose thread writes: one that was forked has none yet.
    thread_of: Option<u32>,
    is_writing: bool,
    /// This process is to have no thread, since it forks: whoever writes a line waits for the reader.
    is_alone: bool,
}

impl State {
    const EMPTY: Self =
        Self { lines: Vec::new(), dropped: 0, thread_of: None, is_writing: false, is_alone: false };
}

/// Writes a line at once where there is room, and before it what waits; else in its turn.
fn at_once(line: &[u8]) {
    let mut state = SINK.lock();
    if state.is_writing && has_room() {
        let wait = SINK.changed.wait_timeout_while(state, WRITING_MAX, |state| state.is_writing);
        state = wait.unwrap_or_else(PoisonError::into_inner).0;
    }
    let fits = state.lines.len() + line.len() <= AT_ONCE_BYTES_MAX;
    if state.is_writing || !fits || !has_room() {
        SINK.queue(state, line);
        return;
    }
    if state.lines.is_empty() {
        let _ = io::stderr().lock().write_all(line);
        return;
    }
    state.lines.extend_from_slice(line);
    let _ = io::stderr().lock().write_all(&state.lines);
    state.lines.clear();
    drop(state);
    SINK.changed.notify_all();
}

/// Writes a line in its turn.
pub(crate) fn later(line: &[u8]) {
    SINK.queue(SINK.lock(), line);
}

/// Waits until every line is written, or a moment has passed.
pub(crate) fn flush() {
    let until = Instant::now() + FLUSH_MAX;
    let mut state = SINK.lock();
    while state.is_writing || !state.lines.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        state = SINK.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// From now on there is no thread that writes: a process that forks must have none. Nothing waits at a fork, then, and nobody
/// holds the lock.
pub(crate) fn without_thread() {
    flush();
    SINK.lock().is_alone = true;
}

/// A process that was forked from one without a thread may have its own.
pub(crate) fn after_fork() {
    SINK.lock().is_alone = false;
}

/// Whether a write to standard error would not wait. A broken one takes everything.
fn has_room() -> bool {
    let stderr = io::stderr();
    let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
    poll(&mut fds, Some(&Timespec::default())) != Ok(0)
}

/// Whole lines, so many at a time as a pipe takes in one piece: several processes write to it, and what it takes in two has
/// theirs in between. A line that is longer is a piece of its own.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = match lines.len() {
            0 => return None,
            length if length <= AT_ONCE_BYTES_MAX => length,
            length => {
                let (fits, more) = lines.split_at(AT_ONCE_BYTES_MAX);
                let end_of = |more| memchr::memchr(b'\n', more).map(|end| AT_ONCE_BYTES_MAX + end);
                memchr::memrchr(b'\n', fits).or_else(|| end_of(more)).map_or(length, |end| end + 1)
            }
        };
        lines.split_off(..end)
    })
}

impl Sink {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&'static self, mut state: MutexGuard<'_, State>, line: &[u8]) {
        if state.is_alone {
            let _ = io::stderr().lock().write_all(line);
            return;
        }
        if state.lines.len() + line.len() > WAITING_BYTES_MAX {
            state.dropped += 1;
            return;
        }
        let own = std::process::id();
        if state.thread_of != Some(own) {
            let thread = std::thread::Builder::new().name("log".into()).spawn(|| self.run());
            if thread.is_err() {
                // Better late than never.
                let _ = io::stderr().lock().write_all(line);
                return;
            }
            (state.thread_of, state.is_writing) = (Some(own), false);
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.changed.notify_all();
        }
    }

    fn run(&self) {
        let mut out = Vec::new();
        let mut state = self.lock();
        loop {
            while state.lines.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut out, &mut state.lines);
            let dropped = std::mem::take(&mut state.dropped);
            state.is_writing = true;
            drop(state);
            if dropped > 0 {
                out.extend_from_slice(super::dropped(dropped).as_bytes());
            }
            let mut stderr = io::stderr().lock();
            for piece in pieces(&out) {
                let _ = stderr.write_all(piece);
            }
            drop(stderr);
            out.clear();
            state = self.lock();
            state.is_writing = false;
            self.changed.notify_all();
        }
    }
}

/// Takes whole lines of the log.
#[derive(Clone, Copy)]
pub(super) struct Now;

impl Write for Now {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        at_once(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Now {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_they_end_and_into_what_a_pipe_takes_in_one_piece() {
        let lengths = [1, 4096, 4097, 100, 9000, 2000, 2000, 2000, 96, 4000, 300];
        let lines: Vec<u8> =
            lengths.iter().flat_map(|length| [vec![b'x'; length - 1], vec![b'\n']].concat()).collect();
        let pieces: Vec<&[u8]> = pieces(&lines).collect();
        let want = [1, 4096, 4097, 100, 9000, 4000, 2096, 4000, 300];
        assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), want);
        assert!(pieces.iter().all(|piece| piece.ends_with(b"\n")) && pieces.concat() == lines);
        assert_eq!(super::pieces(b"no end").collect::<Vec<_>>(), [b"no end"]);
    }
}
