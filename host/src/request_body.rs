//! The body of a request: read whole, in memory or spilled to a file, or handed to its handler chunk by chunk.
#![allow(unsafe_code, reason = "a spilled body is mapped, and a streamed one is polled through the ABI")]

use crate::waker::Foreign;
use memmap2::Mmap;
use plugin_api::abi;
use std::ffi::c_void;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A whole body. Small ones reuse one buffer from request to request.
#[derive(Default)]
pub(crate) struct WholeBody {
    memory: Vec<u8>,
    spilled: Option<Spilled>,
}

struct Spilled {
    file: std::fs::File,
    map: Option<Mmap>,
}

impl WholeBody {
    /// Appends; past `memory_max` bytes all of it moves to an unnamed temporary file.
    pub(crate) fn push(&mut self, bytes: &[u8], memory_max: usize) -> io::Result<()> {
        if let Some(spilled) = &mut self.spilled {
            return spilled.file.write_all(bytes);
        }
        if self.memory.len() + bytes.len() <= memory_max {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&self.memory)?;
        file.write_all(bytes)?;
        self.memory.clear();
        self.spilled = Some(Spilled { file, map: None });
        Ok(())
    }

    /// Makes the whole body readable.
    pub(crate) fn finish(&mut self) -> io::Result<&[u8]> {
        let Some(spilled) = &mut self.spilled else { return Ok(&self.memory) };
        // SAFETY: the file has no name and this is its only descriptor, so nobody changes or cuts it while it is mapped.
        let map = unsafe { Mmap::map(&spilled.file) }?;
        Ok(spilled.map.insert(map))
    }

    pub(crate) fn clear(&mut self) {
        self.memory.clear();
        self.spilled = None;
    }
}

/// A body on its way from the socket to its handler: one side pushes what it read, the other polls.
#[derive(Default)]
pub(crate) struct BodyPipe(Mutex<Pipe>);

#[derive(Default)]
struct Pipe {
    chunk: Option<Vec<u8>>,
    state: PipeState,
    waker: Option<Foreign>,
    wanted: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum PipeState {
    #[default]
    Open,
    Ended,
    Failed,
}

static PIPE_VT: abi::PollVt =
    abi::PollVt { size: size_of::<abi::PollVt>() as u32, reserved: 0, poll: pipe_poll, drop: pipe_drop };

impl BodyPipe {
    /// The handler's end. Borrowed by the handler: dropped by the host, with the exchange.
    pub(crate) fn poll_of(self: &Arc<Self>) -> abi::Poll {
        abi::Poll { data: Arc::as_ptr(self).cast_mut().cast(), vt: &raw const PIPE_VT }
    }

    fn lock(&self) -> MutexGuard<'_, Pipe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the handler waits for bytes. Reading more before it does would only fill memory: this is back-pressure.
    pub(crate) fn is_wanted(&self) -> bool {
        let pipe = self.lock();
        pipe.wanted && pipe.chunk.is_none() && pipe.state == PipeState::Open
    }

    /// Hands a chunk over.
    pub(crate) fn push(&self, chunk: Vec<u8>) {
        self.change(|pipe| pipe.chunk = Some(chunk));
    }

    /// The body is complete.
    pub(crate) fn end(&self) {
        self.change(|pipe| pipe.state = PipeState::Ended);
    }

    /// The rest of the body will never come.
    pub(crate) fn fail(&self) {
        self.change(|pipe| pipe.state = PipeState::Failed);
    }

    fn change(&self, change: impl FnOnce(&mut Pipe)) {
        let waker = {
            let mut pipe = self.lock();
            change(&mut pipe);
            pipe.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

unsafe extern "C" fn pipe_poll(data: *mut c_void, waker: *const abi::Waker, out: *mut c_void) -> i32 {
    // SAFETY: `data` is the pipe of an exchange that is alive: the handler may poll until its response is finished.
    let pipe = unsafe { &*data.cast::<BodyPipe>() };
    let mut pipe = pipe.lock();
    pipe.wanted = true;
    if let Some(chunk) = pipe.chunk.take() {
        // SAFETY: the contract: for a stream `out` is a place for one buffer.
        unsafe { out.cast::<abi::Buf>().write(abi::Buf::from_vec(chunk)) };
        return abi::READY;
    }
    match pipe.state {
        PipeState::Ended => abi::END,
        PipeState::Failed => abi::ERR,
        PipeState::Open => {
            // SAFETY: the waker is valid for this call.
            pipe.waker = Some(unsafe { Foreign::clone_of(waker) });
            abi::PENDING
        }
    }
}

/// The handler only borrows the pipe: nothing to do.
unsafe extern "C" fn pipe_drop(_data: *mut c_void) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_past_its_memory_limit_is_spilled_and_reads_the_same() {
        let mut body = WholeBody::default();
        for chunk in [b"hello ".as_slice(), b"large ", b"world"] {
            body.push(chunk, 8).expect("a temporary file");
        }
        assert!(body.spilled.is_some());
        assert_eq!(body.finish().expect("a map"), b"hello large world");
    }

    #[test]
    fn a_body_is_empty_again_after_clear() {
        let mut body = WholeBody::default();
        body.push(b"one", 1).expect("a temporary file");
        body.clear();
        body.push(b"2", 1).expect("memory");
        assert_eq!(body.finish().expect("memory"), b"2");
    }
}
