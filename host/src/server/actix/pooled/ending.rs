//! The end of a request: actix's response of what its exchange answered, or of why it did not.

use super::Parcel;
use super::errand::Lost;
use super::stream::PooledChunks;
use crate::access_log::Began;
use crate::error_page;
use crate::exchange::Head;
use crate::request_id;
use crate::server::actix::body::{AnswerBody, StreamLog, log, log_as};
use crate::server::actix::connection::Guard;
use crate::server::actix::owned::OwnedHead;
use crate::server::actix::respond::respond;
use crate::server::actix::service::plain;
use crate::server::actix::worker::Worker;
use crate::server::handler_threads::HandlerThreads;
use actix_http::{ConnectionType, Response, StatusCode};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use std::rc::Rc;
use std::sync::Arc;

/// What the client is told.
const LATE: &str = "the handler did not answer in time";

/// A request at its end.
pub(super) struct Ending {
    pub(super) worker: Rc<Worker>,
    pub(super) head: Arc<OwnedHead>,
    pub(super) id: request_id::Text,
    /// The header that has the id.
    pub(super) id_header: Option<&'static str>,
    pub(super) guard: Option<Rc<Guard>>,
    pub(super) began: Began,
}

impl Ending {
    /// Makes actix's response of an answer that is ready, and puts the exchange back.
    pub(super) fn finish(self, mut exchange: Parcel, threads: &HandlerThreads) -> Response<AnswerBody> {
        let shared = &self.worker.shared;
        let response = respond(&mut exchange, shared.serving.stop.is_retiring());
        let answer = exchange.answer();
        let (status, is_streamed) = (answer.status(), answer.is_streamed());
        let mut body = if is_streamed {
            let log = StreamLog { shared: shared.clone(), began: self.began, sent: 0 };
            match exchange.is_own_stream() {
                true => AnswerBody::stream(*exchange, log),
                false => AnswerBody::of_chunks(*exchange, log, |exchange, log| {
                    Box::new(PooledChunks::of(Box::new(exchange), status, log, threads))
                }),
            }
        } else {
            let body = AnswerBody::whole(&mut exchange);
            log(shared, &exchange, status, body.len(), self.began);
            drop(self.head);
            if let Some(pooled) = &self.worker.pooled {
                pooled.put_back(exchange);
            }
            body
        };
        match response {
            Ok(response) => {
                body.guard = self.guard;
                response.set_body(body)
            }
            Err(status) => plain(status, self.guard),
        }
    }

    pub(super) fn refuse(self, refused: &Refused) -> Response<AnswerBody> {
        let (status, message) = match refused {
            Refused::Plainly(status) => (*status, None),
            Refused::Lost(Lost::Waiting) => {
                self.worker.shared.serving.service.refuse();
                (StatusCode::SERVICE_UNAVAILABLE, Some("the server is busy"))
            }
            // Whoever watches the threads says of which handler.
            Refused::Lost(Lost::Late) => (StatusCode::GATEWAY_TIMEOUT, Some(LATE)),
            Refused::Lost(Lost::Overdue) => {
                self.say_overdue();
                (StatusCode::GATEWAY_TIMEOUT, Some(LATE))
            }
            Refused::Lost(Lost::Panicked) => (StatusCode::INTERNAL_SERVER_ERROR, Some("")),
        };
        log_as(&self.worker.shared, &*self.head, &self.id, status.as_u16(), 0, self.began);
        match message {
            None => plain(status, self.guard),
            Some(message) => self.page(status, message),
        }
    }

    fn say_overdue(&self) {
        let (method, path) = (self.head.method(), String::from_utf8_lossy(self.head.path()));
        tracing::error!(request = &*self.id, "{method} {path}: {LATE}: no handler thread came back with it");
    }

    /// The host's own page, which ends the connection: its handler may still be at work.
    fn page(self, status: StatusCode, message: &str) -> Response<AnswerBody> {
        let accept = self.head.header(b"accept");
        let page = error_page::render(status.as_u16(), message, Some(&self.id), accept);
        let mut response = Response::new(status).set_body(AnswerBody::page(page.body, self.guard));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let (Some(name), Ok(id)) = (self.id_header, HeaderValue::from_str(&self.id)) {
            headers.insert(HeaderName::from_static(name), id);
        }
        response.head_mut().set_connection_type(ConnectionType::Close);
        response
    }
}

/// Why a request has no answer of its exchange's.
pub(super) enum Refused {
    /// The request is not served at all.
    Plainly(StatusCode),
    /// Its exchange is lost.
    Lost(Lost),
}

impl From<StatusCode> for Refused {
    fn from(status: StatusCode) -> Self {
        Self::Plainly(status)
    }
}

impl From<Lost> for Refused {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}
