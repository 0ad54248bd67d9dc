//! What the scoreboard shows of a request. The cost of it is a few stores to a slot of the exchange's own.

use super::{Exchange, Head, Plan, Progress, Stage};
use crate::clock::coarse_ms;
use crate::request_id;
use crate::scoreboard::{self, Place, Request, State};
use crate::table::Route;

impl<H: Head> Exchange<H> {
    /// The request begins: its head was read.
    pub(super) fn show(&self) {
        self.show_as(self.shown.next_id().unwrap_or_else(request_id::next));
    }

    /// The same, with the id that it has already.
    pub(super) fn show_as(&self, number: u64) {
        let inner = self.inner();
        inner.id.set(number);
        self.shown.begin(&Request {
            id: number,
            client: inner.head.client(),
            method: inner.head.method().as_bytes(),
            path: inner.head.path(),
            began_ms: coarse_ms(),
        });
    }

    /// Its route was looked for. It is shown as reading while its body is read; else it is to be called, and may have to wait
    /// for that.
    pub(super) fn show_plan(&self, plan: Plan) {
        self.shown.routed(self.route().and_then(Route::on_board));
        self.shown.is(if plan == Plan::Whole { State::Reading } else { State::Waiting });
    }

    /// Code of a plugin is called, on this thread.
    pub(super) fn show_in_handler(&self) {
        self.shown.in_handler(scoreboard::thread_id());
    }

    /// Its handler has not answered: it waits for its client, or for anything else. It is on no thread until it is polled.
    pub(super) fn show_pending(&self) -> Progress {
        let reads = self.pipe.as_ref().is_some_and(|pipe| pipe.is_wanted());
        self.shown.is(if reads { State::Reading } else { State::Waiting });
        Progress::Pending
    }

    /// This exchange goes on with the request of that one, and is shown in its place. That one has a new place, which shows
    /// nothing.
    pub(super) fn take_place_of(&mut self, other: &mut Exchange<impl Head>) {
        std::mem::swap(&mut self.shown, &mut other.shown);
        self.inner().id.set(other.inner().id.given());
        self.stage = Stage::Route;
    }

    /// Its answer goes out by itself: the request is shown until the answer to this is dropped.
    pub(crate) fn leave_place(&mut self) -> Place {
        std::mem::replace(&mut self.shown, scoreboard::place())
    }
}
