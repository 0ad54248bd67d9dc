//! What the host answers itself, beside the app: on paths of its own, and in pages of the app.

use std::sync::Arc;
use std::task::{Poll, Waker};

/// Answers requests instead of the app, and may change what the app answers.
pub(crate) trait OwnPages: Send + Sync {
    /// Whether there may be an answer for this path: if not, nothing else is asked.
    fn may_answer(&self, _path: &[u8]) -> bool {
        true
    }

    /// Whether pages of the app are changed.
    fn changes_pages(&self) -> bool {
        true
    }

    /// The answer to a request that is not the app's.
    fn answer(&self, request: &Asked<'_>) -> Option<OwnAnswer>;

    /// The body to send instead of the app's. Headers that depend on the body are dropped with it.
    fn body_instead(&self, request: &Asked<'_>, answer: &Answered<'_>) -> Option<Vec<u8>>;
}

/// A request, as far as the host looks at it for itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// Its method.
    pub(crate) method: &'a str,
    /// Its path, not decoded.
    pub(crate) path: &'a [u8],
    /// Its `sec-fetch-dest`: where a browser wants to put the answer.
    pub(crate) fetch_dest: Option<&'a str>,
    /// Its `accept`.
    pub(crate) accept: Option<&'a str>,
}

/// A whole answer of the app.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) content_encoding: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// An answer of the host's own.
pub(crate) struct OwnAnswer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// The body, or its beginning.
    pub(crate) body: Vec<u8>,
    /// What follows.
    pub(crate) stream: Option<Box<dyn OwnStream>>,
}

/// Bytes that come bit by bit.
pub(crate) trait OwnStream: Send {
    /// The next bytes; none at the end. Pending, the waker is woken when there are some.
    fn poll_next(&mut self, waker: &Waker) -> Poll<Option<Vec<u8>>>;
}

/// The first that answers does, and the first that changes a page.
pub(crate) struct Several(Vec<Arc<dyn OwnPages>>);

impl Several {
    /// Pages of all of these, if there are any.
    pub(crate) fn of(all: impl IntoIterator<Item = Arc<dyn OwnPages>>) -> Option<Arc<dyn OwnPages>> {
        let mut all: Vec<_> = all.into_iter().collect();
        if all.len() > 1 { Some(Arc::new(Self(all))) } else { all.pop() }
    }
}

impl OwnPages for Several {
    fn may_answer(&self, path: &[u8]) -> bool {
        self.0.iter().any(|pages| pages.may_answer(path))
    }

    fn changes_pages(&self) -> bool {
        self.0.iter().any(|pages| pages.changes_pages())
    }

    fn answer(&self, request: &Asked<'_>) -> Option<OwnAnswer> {
        self.0.iter().find_map(|pages| pages.answer(request))
    }

    fn body_instead(&self, request: &Asked<'_>, answer: &Answered<'_>) -> Option<Vec<u8>> {
        self.0.iter().find_map(|pages| pages.body_instead(request, answer))
    }
}
