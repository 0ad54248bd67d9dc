//! The rest of the way behind a middleware: `next`, and the run of it.
#![allow(unsafe_code, reason = "calls the next handler and polls its answer, through the ABI")]

use crate::abi::{self, Handler, Poll};
use crate::endpoint::BoxFuture;
use crate::error::Error;
use crate::finish::cleared;
use crate::poll::OwnedPoll;
use crate::request::Request;
use crate::response::Reply;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll as Step};

/// The handler behind a middleware: the next middleware, or the route's own handler. Not running it is a short circuit;
/// running it twice is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Next<'r> {
    handler: Handler,
    lent: PhantomData<&'r ()>,
}

impl<'r> Next<'r> {
    /// # Safety
    /// The handler is valid for as long as `'r`.
    pub(crate) const unsafe fn new(handler: Handler) -> Self {
        Self { handler, lent: PhantomData }
    }

    /// Runs it. In an `async fn` the answer is an `await` away; elsewhere [`Run::then`] works on it.
    pub fn run(self, request: &'r Request) -> Run<'r> {
        // SAFETY: `new` was promised a valid handler, so its table is there.
        let function = unsafe { (*self.handler.vt).call };
        let (mut response, mut pending) = (cleared(), Poll::NONE);
        let (out, poll) = (&raw mut response, &raw mut pending);
        // The lock of the request is held: what runs behind uses the same functions of the host.
        // SAFETY: the request is valid, response and poll are cleared places for this call.
        let code = request.call(|_, _| unsafe { function(self.handler.data, request.raw(), out, poll) });
        let state = match code {
            // SAFETY: READY: the response is filled and ours, for this request.
            abi::READY => State::Ready(Some(unsafe { Reply::from_raw(response) })),
            // SAFETY: PENDING: the poll is filled and ours to drop.
            abi::PENDING => match unsafe { OwnedPoll::new(pending) } {
                Some(poll) => State::Next(poll),
                None => State::Ready(Some(Reply::from_code(abi::ERR))),
            },
            code => State::Ready(Some(Reply::from_code(code))),
        };
        Run { state, then: Vec::new() }
    }
}

/// What a middleware makes of a request: an answer that is there, or one that is still to come.
///
/// Await it, or hand it back; `Response`, [`Reply`] and [`Error`] become one by `into()`.
#[must_use = "it is the answer"]
pub struct Run<'r> {
    state: State<'r>,
    then: Vec<After<'r>>,
}

type After<'r> = Box<dyn FnOnce(Reply<'r>) -> Reply<'r> + Send + 'r>;

enum State<'r> {
    Ready(Option<Reply<'r>>),
    Next(OwnedPoll),
    Future(BoxFuture<'r, Reply<'r>>),
}

impl<'r> Run<'r> {
    /// Works on the answer: now if it is there, else when it comes.
    pub fn then(mut self, work: impl FnOnce(Reply<'r>) -> Reply<'r> + Send + 'r) -> Self {
        match &mut self.state {
            State::Ready(reply) => *reply = reply.take().map(work),
            State::Next(_) | State::Future(_) => self.then.push(Box::new(work)),
        }
        self
    }

    /// An answer that is made asynchronously.
    pub fn future(future: impl Future<Output = Reply<'r>> + Send + 'r) -> Self {
        Self { state: State::Future(Box::pin(future)), then: Vec::new() }
    }
}

impl<'r> From<Reply<'r>> for Run<'r> {
    fn from(reply: Reply<'r>) -> Self {
        Self { state: State::Ready(Some(reply)), then: Vec::new() }
    }
}

impl From<Error> for Run<'_> {
    fn from(error: Error) -> Self {
        Reply::from(error).into()
    }
}

impl<'r> Future for Run<'r> {
    type Output = Reply<'r>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Step<Reply<'r>> {
        let reply = match &mut self.state {
            State::Ready(reply) => reply.take().unwrap_or_else(|| Reply::from_code(abi::ERR)),
            State::Future(future) => match future.as_mut().poll(cx) {
                Step::Ready(reply) => reply,
                Step::Pending => return Step::Pending,
            },
            State::Next(poll) => match poll_next(poll, cx) {
                Step::Ready(reply) => reply,
                Step::Pending => return Step::Pending,
            },
        };
        self.state = State::Ready(None);
        let then = std::mem::take(&mut self.then);
        Step::Ready(then.into_iter().fold(reply, |reply, work| work(reply)))
    }
}

fn poll_next<'r>(poll: &mut OwnedPoll, cx: &Context<'_>) -> Step<Reply<'r>> {
    let mut response = cleared();
    // SAFETY: the poll of a response is given a place for one; it is not done: its state changes when it is.
    match unsafe { poll.poll(cx, (&raw mut response).cast()) } {
        abi::PENDING => Step::Pending,
        // SAFETY: READY: the response is filled and ours, for the request that `'r` belongs to.
        abi::READY => Step::Ready(unsafe { Reply::from_raw(response) }),
        code => Step::Ready(Reply::from_code(code)),
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Ready(_) => "ready",
            State::Next(_) | State::Future(_) => "to come",
        };
        write!(f, "Run({state})")
    }
}

/// What a middleware may return: a [`Run`], an answer, or a `Result` of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a middleware",
    label = "not an answer",
    note = "return `Run` (from `next.run(request)`), `Response`, `Result<Run, Error>`, or in an `async fn` `Reply`"
)]
pub trait IntoRun<'r> {
    /// The run.
    fn into_run(self) -> Run<'r>;
}

impl<'r> IntoRun<'r> for Run<'r> {
    fn into_run(self) -> Self {
        self
    }
}

impl<'r> IntoRun<'r> for Reply<'r> {
    fn into_run(self) -> Run<'r> {
        self.into()
    }
}

impl<'r, T: IntoRun<'r>, E: Into<Error>> IntoRun<'r> for Result<T, E> {
    fn into_run(self) -> Run<'r> {
        self.map_or_else(|error| error.into().into(), T::into_run)
    }
}
