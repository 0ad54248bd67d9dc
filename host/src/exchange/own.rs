//! Answers that are the host's own, and pages of the app that it changes.
#![allow(unsafe_code, reason = "fills in a response where a plugin would")]

use super::{Exchange, Head, Progress, Stage, answer};
use crate::own_pages::{Answered, Asked, OwnAnswer};
use crate::scoreboard::State;
use plugin_api::abi::{Buf, Pair, Slice};

/// They tell what the body was, and it is another one now.
const OF_THE_BODY: &[&[u8]] =
    &[b"content-length", b"etag", b"last-modified", b"content-md5", b"digest", b"cache-control"];

impl<H: Head> Exchange<H> {
    /// Whether the host answers by itself: then there is no route.
    pub(super) fn is_own(&mut self) -> bool {
        let pages = self.service.own_pages().filter(|pages| pages.may_answer(self.head().path()));
        self.own = pages.and_then(|pages| pages.answer(&self.asked()));
        self.own.is_some()
    }

    fn asked(&self) -> Asked<'_> {
        let head = self.head();
        let header = |name: &[u8]| head.header(name).and_then(|value| std::str::from_utf8(value).ok());
        let (fetch_dest, accept) = (header(b"sec-fetch-dest"), header(b"accept"));
        Asked { method: head.method(), path: head.path(), fetch_dest, accept }
    }

    pub(super) fn answer_itself(&mut self, own: OwnAnswer) -> Progress {
        let inner = self.inner();
        let content_type = Pair { name: Slice::text("content-type"), value: Slice::text(own.content_type) };
        let headers = inner.arena.items(&[content_type, NOT_STORED]);
        // SAFETY: there is no handler that could have the response.
        let response = unsafe { &mut *inner.response.get() };
        *response = answer::empty(own.status);
        (response.headers, response.headers_len) = (headers.as_mut_ptr(), headers.len() as u32);
        response.body = Buf::from_vec(own.body);
        self.own_stream = own.stream;
        self.stage = Stage::Done;
        self.shown.is(State::Writing);
        Progress::Ready
    }

    /// Sends another body than the app's, if the host wants that.
    pub(super) fn change_page(&mut self) {
        let Some(body) = self.body_instead() else { return };
        let pairs = self.answer_pairs().iter().copied();
        let pairs: Vec<Pair> = pairs.filter(|pair| !is_of_the_body(pair)).chain([NOT_STORED]).collect();
        let pairs = self.inner().arena.items(&pairs);
        // SAFETY: no handler is at work on it; `self` is borrowed alone.
        let response = unsafe { &mut *self.inner().response.get() };
        // SAFETY: its bytes were copied, and the request uses its producer's generation.
        unsafe { response.body.release() };
        response.body = Buf::from_vec(body);
        (response.headers, response.headers_len) = (pairs.as_mut_ptr(), pairs.len() as u32);
        response.headers_cap = response.headers_len;
    }

    fn body_instead(&self) -> Option<Vec<u8>> {
        let pages = self.service.own_pages().filter(|pages| pages.changes_pages())?;
        // SAFETY: no handler is at work on it; the borrow ends with this function.
        let response = unsafe { &*self.inner().response.get() };
        if response.stream.is_some() {
            return None;
        }
        let header = |name: &[u8]| self.answer_pairs().iter().find_map(|pair| text_of(pair, name));
        let (content_type, content_encoding) = (header(b"content-type"), header(b"content-encoding"));
        // SAFETY: the buffer is the plugin's until it is released.
        let body = unsafe { response.body.bytes() };
        let answered = Answered { status: response.status, content_type, content_encoding, body };
        pages.body_instead(&self.asked(), &answered)
    }
}

/// The next version of it may be there in a second.
const NOT_STORED: Pair = Pair { name: Slice::text("cache-control"), value: Slice::text("no-store") };

fn name(pair: &Pair) -> &[u8] {
    // SAFETY: the contract: static memory, or this request's arena.
    unsafe { pair.name.bytes() }.unwrap_or_default()
}

fn text_of<'a>(pair: &'a Pair, wanted: &[u8]) -> Option<&'a str> {
    // SAFETY: as in `name`.
    let value = unsafe { pair.value.bytes() }.unwrap_or_default();
    let value = std::str::from_utf8(value).ok();
    value.filter(|_| name(pair).eq_ignore_ascii_case(wanted))
}

fn is_of_the_body(pair: &Pair) -> bool {
    OF_THE_BODY.iter().any(|one| name(pair).eq_ignore_ascii_case(one))
}
