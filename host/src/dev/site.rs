//! What `host dev` serves beside the app: the script in its pages, the events that the script listens to, and the page of what
//! fails.

use super::events::{Events, Listener, STREAM_TYPE};
use super::inject::{CLIENT, CLIENT_TYPE, Response, Script, inject};
use super::page::{PAGE_TYPE, page};
use crate::own_pages::{Answered, Asked, OwnAnswer, OwnPages, OwnStream};
use std::task::{Poll, Waker};

/// All paths of the site begin so: no app has anything there.
pub(crate) const PATHS: &str = "/__host/";

const CLIENT_PATH: &str = "/__host/client.js";
const EVENTS_PATH: &str = "/__host/events";
const FAILURE_PATH: &str = "/__host/failure";

/// What browsers see of `host dev`.
pub(crate) struct Site {
    events: Events,
    /// Without an app, every page is the page of what fails.
    has_app: bool,
    /// An answer that does not end would keep everybody else out: a browser gets what there is, and asks again and again.
    is_short: bool,
}

impl Site {
    pub(super) fn new(events: Events, has_app: bool, is_short: bool) -> Self {
        Self { events, has_app, is_short }
    }

    fn tag(&self) -> String {
        let (src, events, page) = (CLIENT_PATH.into(), EVENTS_PATH.into(), FAILURE_PATH.into());
        Script { src, events, page, version: self.events.version() }.tag()
    }

    fn failure_page(&self) -> String {
        let (revision, failures) = self.events.failures();
        page(revision, &failures)
    }

    fn events(&self) -> OwnAnswer {
        match self.events.listen() {
            Some(mut listener) if self.is_short => {
                let mut told = String::new();
                while let Poll::Ready(Some(event)) = listener.poll_next(Waker::noop()) {
                    told.push_str(&event.to_stream());
                }
                whole(200, STREAM_TYPE, told.into())
            }
            Some(listener) => {
                OwnAnswer { stream: Some(Box::new(Told(listener))), ..whole(200, STREAM_TYPE, Vec::new()) }
            }
            None => whole(503, "text/plain; charset=utf-8", b"there are too many listeners\n".to_vec()),
        }
    }
}

impl OwnPages for Site {
    fn answer(&self, request: &Asked<'_>) -> Option<OwnAnswer> {
        match std::str::from_utf8(request.path) {
            Ok(CLIENT_PATH) => Some(whole(200, CLIENT_TYPE, CLIENT.into())),
            Ok(EVENTS_PATH) => Some(self.events()),
            Ok(FAILURE_PATH) => Some(whole(200, PAGE_TYPE, self.failure_page().into())),
            _ if self.has_app => None,
            _ => Some(whole(503, PAGE_TYPE, inject(self.failure_page().as_bytes(), &self.tag()))),
        }
    }

    fn body_instead(&self, request: &Asked<'_>, answer: &Answered<'_>) -> Option<Vec<u8>> {
        let response = Response {
            method: request.method,
            fetch_dest: request.fetch_dest,
            status: answer.status,
            content_type: answer.content_type,
            content_encoding: answer.content_encoding,
        };
        response.takes_script().then(|| inject(answer.body, &self.tag()))
    }
}

fn whole(status: u16, content_type: &'static str, body: Vec<u8>) -> OwnAnswer {
    OwnAnswer { status, content_type, body, stream: None }
}

/// A listener at the other end of a connection.
struct Told(Listener);

impl OwnStream for Told {
    fn poll_next(&mut self, waker: &Waker) -> Poll<Option<Vec<u8>>> {
        self.0.poll_next(waker).map(|event| event.map(|event| event.to_stream().into_bytes()))
    }
}
