//! Requests that fail: by the app's handler for it, else by the host's page.
#![allow(unsafe_code, reason = "the error is filled in where its handler reads it")]

use super::{Exchange, Head, Plan, Progress, Stage};

impl<H: Head> Exchange<H> {
    /// The handler did not answer in time: its work is dropped, and the client gets a 504.
    pub(crate) fn time_out(&mut self) -> Progress {
        let stage = self.stage;
        self.drop_pending();
        if stage == Stage::ErrorHandler {
            return self.page(504, "");
        }
        self.fail_with_cause(504, "the handler did not answer in time", "the handler did not answer in time")
    }

    /// There are too many requests already.
    pub(crate) fn busy(&mut self) -> Progress {
        self.failed = true;
        self.service.refuse();
        let progress = self.fail(503, "the server is busy");
        if progress == Progress::Ready {
            self.add_header("retry-after", "1");
        }
        progress
    }

    /// As [`busy`](Self::busy), where no thread may be taken for the app's handler of errors.
    pub(crate) fn refuse_as_busy(&mut self) -> Progress {
        self.failed = true;
        self.service.refuse();
        let progress = self.page(503, "the server is busy");
        self.add_header("retry-after", "1");
        progress
    }

    /// Answers with an error: by the app's handler for it, else by the host's page.
    pub(crate) fn fail(&mut self, status: u16, message: &str) -> Progress {
        self.release_response();
        if self.stage == Stage::ErrorHandler {
            return self.page(status, message);
        }
        let Some(handler) = self.inner().error_handler(status) else { return self.page(status, message) };
        self.stage = Stage::ErrorHandler;
        // SAFETY: the route's handler is done with the request, or its work was dropped.
        let request = unsafe { &mut *self.inner().request.get() };
        request.error_status = status;
        request.error_message = self.inner().arena.slice(message);
        request.body_src = std::ptr::null();
        // Bottle's rule: the error's status stands unless the error handler sets another.
        self.invoke(handler, status)
    }

    /// An error of the handler's own choice (Bottle's `HTTPError`) keeps the headers that came with it.
    pub(super) fn fail_keeping_headers(&mut self, status: u16, message: &str) -> Progress {
        let pairs = self.answer_pairs().to_vec();
        let progress = self.fail(status, message);
        if progress == Progress::Ready && self.inner().error_handler(status).is_none() {
            self.add_pairs(&pairs);
        }
        progress
    }

    /// The handler answered with a code and nothing else. Its own line in the log says more than ours, if there is one.
    pub(super) fn gave_up(&mut self, cause: &str) -> Progress {
        self.failed = true;
        if self.inner().explained.get() && !self.inner().settings.debug {
            return self.fail(500, "");
        }
        self.fail_with_cause(500, "", cause)
    }

    pub(super) fn fail_with_cause(&mut self, status: u16, message: &str, cause: &str) -> Progress {
        self.failed = true;
        let inner = self.inner();
        let plugin = inner.route().map_or("-", |route| route.plugin.name());
        tracing::error!(plugin, request = &**inner.id.text(), "{}: {cause}", inner.described());
        let message = if self.inner().settings.debug && message.is_empty() { cause } else { message };
        self.fail(status, message)
    }

    /// As [`fail`](Self::fail), when this exchange has passed the request on.
    pub(crate) fn fail_anew(&mut self, status: u16, message: &str) -> Progress {
        self.failed = true;
        self.show_as(self.inner().id.given());
        match self.begin() {
            Plan::Gate | Plan::Whole => self.page(status, message),
            Plan::NoBody | Plan::Stream => self.fail(status, message),
        }
    }

    /// It waited for as long as a handler may take.
    pub(crate) fn is_late_at_gate(&mut self) -> Progress {
        self.failed = true;
        self.show_as(self.inner().id.given());
        self.page(503, "the plugin is being replaced, and that takes longer than it should")
    }

    /// The generation is retired: what the request waits for is dropped, and nothing of its plugin is asked any more.
    pub(super) fn give_way(&mut self) -> Progress {
        self.drop_pending();
        self.release_response();
        self.failed = true;
        let place = self.inner().described();
        tracing::warn!(
            request = &**self.id(),
            "{place}: cut off, because its plugin was swapped and the drain deadline passed"
        );
        self.page(503, "the plugin was replaced while it worked on this request")
    }
}
