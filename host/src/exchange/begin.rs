//! How a request begins: it takes the current table, finds its route, and says what it uses.
#![allow(unsafe_code, reason = "what is lent to plugins later is filled in")]

use super::context::Place;
use super::{Exchange, Head, Plan, Stage};
use crate::app::BodyMode;
use crate::request_body::BodyPipe;
use crate::scoreboard::State;
use crate::table::Found;
use plugin_api::abi::Slice;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::Waker;

impl<H: Head> Exchange<H> {
    /// Finds the route, and what it wants of the body.
    pub(crate) fn begin(&mut self) -> Plan {
        if self.stage == Stage::Idle {
            self.show();
        }
        self.stage = Stage::Route;
        self.look_at_current_table();
        if self.is_own() {
            return self.use_or_wait(Plan::NoBody);
        }
        let plan = match self.find() {
            Ok(BodyMode::None) => Plan::NoBody,
            Ok(BodyMode::Whole) => Plan::Whole,
            Ok(BodyMode::Stream) => Plan::Stream,
            Err(refused) => {
                self.refused = Some(refused);
                Plan::NoBody
            }
        };
        self.use_or_wait(plan)
    }

    /// As [`begin`](Self::begin), when the whole body is here. Meanwhile the request used no plugin, so that a client that sends
    /// slowly keeps none from being swapped: it goes on with the generation that is current now.
    pub(crate) fn begin_with_body(&mut self) -> Plan {
        self.look_at_current_table();
        if self.route().is_some() {
            return self.use_or_wait(Plan::NoBody);
        }
        match self.begin() {
            Plan::Whole => self.use_or_wait(Plan::NoBody),
            Plan::Stream => {
                self.hand_body_to_pipe();
                Plan::Stream
            }
            plan => plan,
        }
    }

    /// As [`begin`](Self::begin), for a request that began with that plan, [passed itself on](Self::pass_on) and waited: its route
    /// is looked for anew in another table only.
    pub(crate) fn resume(&mut self, plan: Plan) -> Plan {
        self.look_at_current_table();
        match self.inner().place.get().mount {
            Some(_) => self.use_or_wait(plan),
            None => self.begin(),
        }
    }

    /// Whether the host answers the request by itself, and nothing of a plugin is called.
    pub(crate) fn is_own_page(&self) -> bool {
        self.own.is_some()
    }

    /// The route was found anew, and its handler reads the body by itself now.
    fn hand_body_to_pipe(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        match self.body.finish() {
            Ok([]) => pipe.end(),
            Ok(body) => {
                pipe.push(body.to_vec());
                pipe.end();
            }
            Err(_) => pipe.fail(),
        }
    }

    /// Takes the current table, in a way that a retirement sees: see `usage`.
    fn look_at_current_table(&mut self) {
        loop {
            // SAFETY: as in `head_mut`: nothing is lent yet.
            unsafe { self.inner.as_mut() }.refresh(&self.service);
            let version = self.inner().table_version();
            self.slot.look_at(version);
            if self.service.version() == version {
                return;
            }
        }
    }

    /// Says what the request uses, unless it has to wait with that.
    fn use_or_wait(&mut self, plan: Plan) -> Plan {
        let uses = self.inner().uses();
        self.slot.using(uses);
        self.show_plan(plan);
        let is_gated = uses.is_gated();
        match plan {
            _ if is_gated => {
                self.slot.leave();
                self.shown.is(State::Waiting);
                self.refused = None;
                return Plan::Gate;
            }
            // Nothing of a plugin runs before the body is here.
            Plan::Whole => self.slot.leave(),
            Plan::Stream => self.open_pipe(),
            Plan::NoBody | Plan::Gate => {}
        }
        plan
    }

    /// Under [`Plan::Gate`]: whether to wait on; `task` is woken when to look again.
    pub(crate) fn is_at_gate(&self, task: &Waker) -> bool {
        self.service.wait_at_gate(task);
        // Of the table that the request began with: a new one means that it can begin again.
        self.inner().uses().is_gated() && self.service.version() == self.inner().table_version()
    }

    /// Whether its generation is on its way out, and what is left of the answer is to be copied.
    pub(crate) fn is_retiring(&self) -> bool {
        self.inner().uses().is_retiring()
    }

    /// Another one may go on with the request, or this one does so later: it uses no generation from here on.
    pub(crate) fn pass_on(&mut self) {
        self.slot.leave();
    }

    /// Goes on with the request of another exchange, which has read its body.
    pub(crate) fn take_over(&mut self, other: &mut Exchange<impl Head>) {
        std::mem::swap(&mut self.body, &mut other.body);
        self.take_place_of(other);
        other.slot.leave();
    }

    /// Between two requests: lets go of a table that is not the current one any more.
    pub(crate) fn refresh(&mut self) {
        debug_assert!(self.stage == Stage::Idle, "the table is in use");
        // SAFETY: as in `head_mut`.
        unsafe { self.inner.as_mut() }.refresh(&self.service);
        self.slot.settle();
    }

    /// Finds the route and fills the request for it; or status and message of an error.
    fn find(&mut self) -> Result<BodyMode, (u16, String)> {
        let inner = self.inner();
        let method = inner.method();
        // SAFETY: the request is not lent yet, and nothing else of `inner` reaches it.
        let request = unsafe { &mut *inner.request.get() };
        inner.fill(request, &method, "/");
        let path = inner.path()?;
        request.path = Slice::text(path);
        let Some((mount, rest)) = inner.table().mount(|| inner.head.host(), path) else {
            return Err((404, format!("not found: {path}")));
        };
        inner.place.set(Place { route: None, mount: Some(NonNull::from(mount)) });
        inner.fill_mount(request, mount, rest);
        match mount.find(&method, rest) {
            Found::Route { route, params } => {
                let route = inner.table().route(route);
                inner
                    .place
                    .set(Place { route: Some(NonNull::from(route)), mount: Some(NonNull::from(mount)) });
                inner.fill_route(request, route, &params);
                Ok(route.body)
            }
            Found::BadFormat => Err((400, "the path has the wrong format".to_owned())),
            Found::MethodNotAllowed(allow) => {
                inner.allow.set(Some(allow));
                Err((405, format!("{method} is not allowed here")))
            }
            Found::Nothing if mount.is_down => {
                Err((503, "this part of the app is not available at the moment".to_owned()))
            }
            Found::Nothing => Err((404, format!("not found: {path}"))),
        }
    }

    fn open_pipe(&mut self) {
        let pipe = Arc::new(BodyPipe::default());
        *self.pipe_poll.get_mut() = pipe.poll_of();
        self.pipe = Some(pipe);
    }
}
