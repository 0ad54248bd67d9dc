//! Calls a handler and waits for its answer.
#![allow(unsafe_code, reason = "polls what the plugin answers, through the ABI")]

use super::owned::OwnedHandler;
use super::waker::ThreadWaker;
use crate::abi::{self, Buf, Poll};
use crate::chunk::{Body, OwnedBuf};
use crate::finish::cleared;
use std::ffi::c_void;
use std::thread;

/// An answer, all of it read.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) is_error: bool,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    /// The stream ended with an error.
    pub(super) is_cut: bool,
}

/// The answer, or the code that stands for one.
pub(super) fn call(handler: &OwnedHandler, request: &abi::Request) -> Result<Answer, i32> {
    let (mut response, mut pending) = (cleared(), Poll::NONE);
    let mut code = handler.call(request, &mut response, &mut pending);
    if code == abi::PENDING {
        code = wait(&pending, (&raw mut response).cast());
    }
    let answer = if code == abi::READY { Ok(read(response)) } else { Err(code) };
    // The request and its arena live on until here, as the contract says.
    release(pending);
    answer
}

/// Polls until there is more than PENDING to say.
fn wait(poll: &Poll, out: *mut c_void) -> i32 {
    let waker = ThreadWaker::current();
    loop {
        // SAFETY: a poll that the plugin gave, and that is not done.
        let function = unsafe { (*poll.vt).poll };
        // SAFETY: `out` is what this kind of poll fills; the waker is lent for the call.
        let code = unsafe { function(poll.data, waker.as_raw(), out) };
        if code != abi::PENDING {
            return code;
        }
        thread::park();
    }
}

fn release(poll: Poll) {
    if !poll.is_some() {
        return;
    }
    // SAFETY: a poll that the plugin gave.
    let drop = unsafe { (*poll.vt).drop };
    // SAFETY: dropped once.
    unsafe { drop(poll.data) }
}

fn read(mut response: abi::Response) -> Answer {
    let headers = headers(&response);
    let mut body = bytes(response.body.take());
    let mut is_cut = false;
    while response.stream.is_some() {
        let mut chunk = Buf::EMPTY;
        match wait(&response.stream, (&raw mut chunk).cast()) {
            abi::READY => body.extend(bytes(chunk)),
            code => {
                is_cut = code != abi::END;
                break;
            }
        }
    }
    release(response.stream);
    let is_error = response.flags & abi::RESPONSE_ERROR != 0;
    Answer { status: response.status, is_error, headers, body, is_cut }
}

fn bytes(buf: Buf) -> Vec<u8> {
    // SAFETY: the plugin filled it, and it is released once.
    Body::Foreign(unsafe { OwnedBuf::new(buf) }).bytes().to_vec()
}

fn headers(response: &abi::Response) -> Vec<(String, Vec<u8>)> {
    if response.headers_len == 0 {
        return Vec::new();
    }
    // SAFETY: the contract: that many headers, valid until the response is finished.
    let pairs = unsafe { std::slice::from_raw_parts(response.headers, response.headers_len as usize) };
    let pair = |pair: &abi::Pair| {
        // SAFETY: as above.
        let name = unsafe { pair.name.str() };
        // SAFETY: as above.
        let value = unsafe { pair.value.bytes() };
        (name.unwrap_or_default().to_ascii_lowercase(), value.unwrap_or_default().to_vec())
    };
    pairs.iter().map(pair).collect()
}
