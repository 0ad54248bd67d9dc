//! One request in flight, whatever server it came from.
//!
//! A server fills the [`Head`], asks with [`Exchange::begin`] how much of the body the route wants, reads that, calls, and
//! polls while the answer is pending. It knows nothing of routes, plugins and error pages; all of that is in here.
//!
//! An exchange is made once for a connection (or taken from a pool) and used for one request after the other: a request
//! allocates nothing of the host's own. Between requests it keeps the table that it used last, and one relaxed load
//! tells whether that is still the current one.
#![allow(
    unsafe_code,
    reason = "the request is lent to plugins as a struct of the ABI, and their handlers are called"
)]

mod answer;
mod begin;
mod context;
mod failing;
mod own;
mod shown;
mod vtable;

pub(crate) use answer::{OwnedBody, StreamFailed};
pub(crate) use context::Head;

use crate::own_pages::{OwnAnswer, OwnStream};
use crate::request_body::{BodyPipe, WholeBody};
use crate::request_id;
use crate::scoreboard::{self, State};
use crate::service::{Service, Settings};
use crate::table::Route;
use crate::usage::Slot;
use crate::waker::HostWaker;
use context::Inner;
use plugin_api::abi::{self, Slice};
use std::cell::UnsafeCell;
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::Waker;

/// Names the generation that a route is of: `catalog/8`. Sent while somebody proves something.
pub(crate) const GENERATION_HEADER: &str = "x-host-generation";

/// What a server has to do before it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Call at once; a body that the client sends anyway is the server's to skip.
    NoBody,
    /// Read the whole body into [`Exchange::body`] first, and [begin](Exchange::begin_with_body) again with it.
    Whole,
    /// Call at once, and feed [`Exchange::pipe`] while the answer is pending.
    Stream,
    /// The plugin's state moves into its next generation: [wait](Exchange::is_at_gate) until it has, and begin again.
    Gate,
}

/// Where the answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// [`Exchange::answer`] has it.
    Ready,
    /// [`Exchange::poll`] goes on with it.
    Pending,
}

/// Who answers now.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Idle,
    /// The handler of the route; or nobody yet.
    Route,
    /// The error handler of the app, which is not asked a second time.
    ErrorHandler,
    /// The answer is complete.
    Done,
}

/// One request in flight. See the module.
pub(crate) struct Exchange<H: Head> {
    /// Owned, and shared with plugins while a request is in flight: so a pointer, and never a `&mut` to all of it.
    inner: NonNull<Inner<H>>,
    service: Arc<Service>,
    pending: abi::Poll,
    waker: Option<Arc<HostWaker>>,
    pub(crate) body: WholeBody,
    pipe: Option<Arc<BodyPipe>>,
    pipe_poll: UnsafeCell<abi::Poll>,
    stage: Stage,
    /// An error that was found before any handler ran: status and message.
    refused: Option<(u16, String)>,
    /// Says which generations the request uses.
    slot: Arc<Slot>,
    /// Says what the request is at.
    shown: scoreboard::Place,
    /// The request failed by no will of its handler.
    failed: bool,
    /// Its client was cut off before the handler returned.
    is_cut_off: bool,
    /// The host answers by itself: with this, and then with the chunks of that.
    own: Option<OwnAnswer>,
    own_stream: Option<Box<dyn OwnStream>>,
}

// SAFETY: an exchange owns all that it points to, and moves between calls only; plugins accept any thread (see `abi.rs`).
unsafe impl<H: Head + Send> Send for Exchange<H> {}

impl<H: Head> Exchange<H> {
    pub(crate) fn new(service: &Arc<Service>, head: H) -> Self {
        let inner = Box::new(Inner::new(service, head));
        Self {
            inner: NonNull::from(Box::leak(inner)),
            service: service.clone(),
            pending: abi::Poll::NONE,
            waker: None,
            body: WholeBody::default(),
            pipe: None,
            pipe_poll: UnsafeCell::new(abi::Poll::NONE),
            stage: Stage::Idle,
            refused: None,
            slot: service.slots.add(),
            shown: scoreboard::place(),
            failed: false,
            is_cut_off: false,
            own: None,
            own_stream: None,
        }
    }

    fn inner(&self) -> &Inner<H> {
        // SAFETY: made by `new`, freed by `drop`; what changes in it while it is shared stands in cells.
        unsafe { self.inner.as_ref() }
    }

    /// The head, to be filled before [`begin`](Self::begin).
    pub(crate) fn head_mut(&mut self) -> &mut H {
        debug_assert!(self.stage == Stage::Idle, "the head is lent to a plugin");
        // SAFETY: no request is in flight, so no plugin has a pointer into it, and `self` is borrowed alone.
        unsafe { &mut self.inner.as_mut().head }
    }

    pub(crate) fn head(&self) -> &H {
        &self.inner().head
    }

    /// The settings that were published with the table which it used last.
    pub(crate) fn settings(&self) -> &Settings {
        &self.inner().settings
    }

    /// The streamed body, under [`Plan::Stream`].
    pub(crate) fn pipe(&self) -> Option<&Arc<BodyPipe>> {
        self.pipe.as_ref()
    }

    /// The route that answers, if there is one.
    pub(crate) fn route(&self) -> Option<&Route> {
        self.inner().route()
    }

    /// Calls the handler of the route. A body that was read with [`Plan::Whole`] is complete.
    pub(crate) fn call(&mut self) -> Progress {
        if let Some(own) = self.own.take() {
            return self.answer_itself(own);
        }
        if let Some((status, message)) = self.refused.take() {
            return self.fail(status, &message);
        }
        let Some(handler) = self.route().map(|route| route.handler()) else {
            return self.fail(404, "not found");
        };
        if let Err(cause) = self.lend_body() {
            return self.fail_with_cause(500, "", &format!("cannot read the body back: {cause}"));
        }
        self.invoke(handler, 200)
    }

    fn lend_body(&mut self) -> io::Result<()> {
        let body = Slice::new(self.body.finish()?);
        // SAFETY: the request is not lent yet; the borrow ends with the line.
        let request = unsafe { &mut *self.inner().request.get() };
        request.body = body;
        request.body_src = if self.pipe.is_some() { self.pipe_poll.get() } else { std::ptr::null() };
        Ok(())
    }

    fn invoke(&mut self, handler: abi::Handler, status: u16) -> Progress {
        let (request, response) = (self.inner().request.get(), self.inner().response.get());
        // SAFETY: the response is the host's until the call.
        unsafe { response.write(answer::empty(status)) };
        self.pending = abi::Poll::NONE;
        let _handling = self.handling();
        self.show_in_handler();
        // SAFETY: the slot says that the request uses the handler's generation, so its functions are there.
        let call = unsafe { (*handler.vt).call };
        // SAFETY: the contract of `call`: the request stays valid until `finish`, the rest are places for one value each.
        let code = unsafe { call(handler.data, request, response, &raw mut self.pending) };
        self.settle(code)
    }

    /// What the plugin logs on this thread belongs to the request, as long as this lives.
    fn handling(&self) -> request_id::Handling {
        request_id::handling(self.inner().id.number())
    }

    /// Goes on with a pending answer.
    pub(crate) fn poll(&mut self, task: &Waker) -> Progress {
        if self.stage == Stage::Done {
            return Progress::Ready;
        }
        self.register(task);
        if self.is_cancelled() {
            return self.give_way();
        }
        let waker = self.waker.get_or_insert_with(HostWaker::new).clone();
        let pending = self.pending;
        let response = self.inner().response.get();
        let _handling = self.handling();
        self.show_in_handler();
        // SAFETY: `pending` was filled by a call that answered PENDING, and the request still uses its generation.
        let poll = unsafe { (*pending.vt).poll };
        // SAFETY: the contract of `poll`: the waker is lent, and `out` is a place for the response.
        let code = unsafe { poll(pending.data, waker.as_raw(), response.cast()) };
        match code {
            abi::PENDING => self.show_pending(),
            code => {
                self.drop_pending();
                self.settle(code)
            }
        }
    }

    /// Whom to wake: when the answer goes on, and when the request is to end.
    fn register(&mut self, task: &Waker) {
        let waker = self.waker.get_or_insert_with(|| {
            let waker = HostWaker::new();
            self.slot.wake_by(&waker);
            waker
        });
        waker.register(task);
    }

    /// Whether a retirement waited long enough for this request.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.slot.is_cancelled(self.inner().uses())
    }

    /// The request failed in a way that the exchange does not see.
    pub(crate) fn has_failed(&mut self) {
        self.failed = true;
    }

    /// Its handler returned when its client had been cut off already: nothing of the answer goes out.
    pub(crate) fn returned_too_late(&mut self) {
        (self.failed, self.is_cut_off) = (true, true);
    }

    /// Whether nothing of the answer goes out.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    fn drop_pending(&mut self) {
        let pending = std::mem::replace(&mut self.pending, abi::Poll::NONE);
        if pending.is_some() {
            let _handling = self.handling();
            self.show_in_handler();
            // SAFETY: its table lives as long as its generation, which the request uses.
            let drop = unsafe { (*pending.vt).drop };
            // SAFETY: taken out above, so this is the one call.
            unsafe { drop(pending.data) }
        }
    }

    fn settle(&mut self, code: i32) -> Progress {
        match code {
            abi::READY => self.ready(),
            abi::PENDING if self.pending.is_some() => self.show_pending(),
            abi::DECLINED => self.fail(404, "not found"),
            abi::PANIC => self.gave_up("the handler panicked"),
            abi::CANCELLED => self.gave_up("the handler was cancelled"),
            code => self.gave_up(&format!("the handler failed with code {code}")),
        }
    }

    fn ready(&mut self) -> Progress {
        // SAFETY: the handler is done with the response; the borrow ends before the next call.
        let response = unsafe { &mut *self.inner().response.get() };
        if !(200..=999).contains(&response.status) {
            let status = response.status;
            return self.fail_with_cause(500, "", &format!("the handler answered with status {status}"));
        }
        if response.flags & abi::RESPONSE_ERROR == 0 {
            return self.done();
        }
        let status = response.status;
        // SAFETY: the body is the plugin's until it is released, in `fail` at the latest.
        let message = String::from_utf8_lossy(unsafe { response.body.bytes() }).into_owned();
        self.fail_keeping_headers(status, &message)
    }

    fn done(&mut self) -> Progress {
        self.change_page();
        if let Some(allow) = self.inner().allow.take() {
            self.add_header("allow", &allow);
        }
        if self.service.names_generations()
            && let Some(generation) = self.route().map(|route| route.plugin.label().tag())
        {
            self.add_header(GENERATION_HEADER, &generation);
        }
        self.stage = Stage::Done;
        self.shown.is(State::Writing);
        Progress::Ready
    }
}

impl<H: Head> Drop for Exchange<H> {
    fn drop(&mut self) {
        self.finish();
        self.service.slots.remove(&self.slot);
        // SAFETY: made by `new` from a box; nothing points to it any more: `finish` dropped what was pending.
        drop(unsafe { Box::from_raw(self.inner.as_ptr()) });
    }
}
