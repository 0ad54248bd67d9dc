//! What is known of the answers to one request: what it has to be answered with, and when.

use std::collections::HashMap;
use std::sync::Arc;

/// So many bodies that are none of those that are known are kept to be looked at: more would be a host that is broken through
/// and through, or an answer that varies.
const STRANGE_MAX: usize = 32;

/// How steady the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Steadiness {
    /// It depends on the libraries alone.
    Fixed,
    /// It is another one with each generation, and the same as long as that is current.
    OfGeneration,
    /// It is never the same: only its status and its generation can be checked.
    Varies,
}

/// A body, by its number in [`Known`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BodyId(Option<u64>);

impl BodyId {
    /// Of a body that is not kept, and not expected.
    pub(super) const UNKNOWN: Self = Self(None);
}

/// What a request has to be answered with in an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) status: u16,
    /// The plugin that its generation is of; none: the answer names none, because no route is found.
    pub(super) plugin: Option<usize>,
    /// None: any.
    pub(super) body: Option<BodyId>,
}

/// Some answers to one request, asked one behind the other in one epoch.
#[derive(Clone, Debug)]
pub(super) struct Surveyed {
    pub(super) status: u16,
    /// The generation that they name.
    pub(super) named: Option<String>,
    pub(super) bodies: Vec<Vec<u8>>,
    /// Their length was not announced.
    pub(super) is_streamed: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) steadiness: Steadiness,
    bodies: HashMap<BodyId, Arc<[u8]>>,
    next_body: u64,
    /// By the number of the libraries; of the last epoch that had them.
    by_libraries: HashMap<usize, Expected>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            steadiness: Steadiness::Fixed,
            bodies: HashMap::new(),
            next_body: 0,
            by_libraries: HashMap::new(),
        }
    }
}

impl Known {
    /// Takes in what the request was answered with in an epoch of these libraries; `plugin` is whose generation that names.
    pub(super) fn learn(&mut self, libraries: usize, surveyed: Surveyed, plugin: Option<usize>) -> Expected {
        let Surveyed { status, bodies, .. } = surveyed;
        let known = |body: Vec<u8>| self.find(&body).unwrap_or_else(|| self.add(body));
        let ids: Vec<BodyId> = bodies.into_iter().map(known).collect();
        let first = ids.first().copied();
        if ids.iter().any(|id| Some(*id) != first) {
            self.steadiness = Steadiness::Varies;
        }
        let before = self.by_libraries.get(&libraries);
        if before.is_some_and(|before| before.body != first) {
            self.steadiness = self.steadiness.max(Steadiness::OfGeneration);
        }
        let body = first.filter(|_| self.steadiness != Steadiness::Varies);
        let expected = Expected { status, plugin, body };
        self.by_libraries.insert(libraries, expected.clone());
        expected
    }

    /// What it has to be answered with in a new epoch of these libraries; none: it is to be learned.
    pub(super) fn expected(&self, libraries: usize) -> Option<Expected> {
        let before = self.by_libraries.get(&libraries)?;
        match self.steadiness {
            Steadiness::Fixed => Some(before.clone()),
            Steadiness::OfGeneration => None,
            Steadiness::Varies => Some(Expected { body: None, ..before.clone() }),
        }
    }

    /// The number of a body, which is a new one if it is not known.
    pub(super) fn id_of(&mut self, body: Vec<u8>) -> BodyId {
        match self.find(&body) {
            Some(id) => id,
            None if self.bodies.len() > self.by_libraries.len() + STRANGE_MAX => BodyId::UNKNOWN,
            None => self.add(body),
        }
    }

    fn find(&self, body: &[u8]) -> Option<BodyId> {
        self.bodies.iter().find(|(_, known)| known[..] == *body).map(|(id, _)| *id)
    }

    fn add(&mut self, body: Vec<u8>) -> BodyId {
        let id = BodyId(Some(self.next_body));
        self.next_body += 1;
        self.bodies.insert(id, body.into());
        id
    }

    /// Keeps the bodies that `is_used` says yes to, and those that may be expected again.
    pub(super) fn forget_bodies(&mut self, is_used: impl Fn(BodyId) -> bool) {
        let of_libraries = &self.by_libraries;
        let is_expected = |id| of_libraries.values().any(|expected| expected.body == Some(id));
        self.bodies.retain(|id, _| is_used(*id) || is_expected(*id));
    }

    /// Where two bodies differ first, for people.
    pub(super) fn difference(&self, got: BodyId, want: BodyId) -> String {
        match (self.bodies.get(&got), self.bodies.get(&want)) {
            (Some(got), Some(want)) => difference(got, want),
            _ => "another body".to_owned(),
        }
    }
}

/// How many bytes of a difference are shown.
const SHOWN_BYTES: usize = 24;

fn difference(got: &[u8], want: &[u8]) -> String {
    let common = got.iter().zip(want).take_while(|(got, want)| got == want).count();
    let shown = |bytes: &[u8]| {
        let from = &bytes[common.min(bytes.len())..];
        from[..from.len().min(SHOWN_BYTES)].escape_ascii().to_string()
    };
    format!(
        "{} bytes, and {} were expected; from byte {common} on it is `{}` instead of `{}`",
        got.len(),
        want.len(),
        shown(got),
        shown(want)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surveyed(bodies: &[&str]) -> Surveyed {
        let bodies = bodies.iter().map(|body| body.as_bytes().to_vec()).collect();
        Surveyed { status: 200, named: None, bodies, is_streamed: false }
    }

    fn learned(surveys: &[(usize, &[&str])]) -> Known {
        let mut known = Known::default();
        for (libraries, bodies) in surveys {
            known.learn(*libraries, surveyed(bodies), Some(0));
        }
        known
    }

    #[test]
    fn a_body_that_depends_on_the_library_alone_is_expected_with_each_generation_of_it() {
        let mut known = learned(&[(0, &["a", "a"]), (1, &["b", "b"]), (0, &["a"])]);
        assert_eq!(known.steadiness, Steadiness::Fixed);
        let [a, b] = ["a", "b"].map(|body| known.id_of(body.into()));
        let expected = |libraries| known.expected(libraries).map(|expected| expected.body);
        assert_eq!(
            (expected(0), expected(1), expected(2)),
            (Some(Some(a)), Some(Some(b)), None),
            "others are to be learned"
        );
    }

    #[test]
    fn a_body_that_differs_from_generation_to_generation_is_learned_with_each() {
        let known = learned(&[(0, &["1", "1"]), (0, &["2", "2"])]);
        assert_eq!((known.steadiness, known.expected(0)), (Steadiness::OfGeneration, None));
    }

    #[test]
    fn a_body_that_differs_within_a_generation_is_not_expected() {
        let known = learned(&[(0, &["1", "2"]), (0, &["3", "3"])]);
        assert_eq!(known.steadiness, Steadiness::Varies);
        assert_eq!(known.expected(0), Some(Expected { status: 200, plugin: Some(0), body: None }));
    }

    #[test]
    fn a_difference_is_told_from_its_first_byte_on() {
        let mut known = Known::default();
        let [got, want] = ["AAAB", "AAAA\n"].map(|body| known.id_of(body.into()));
        assert_eq!(
            known.difference(got, want),
            "4 bytes, and 5 were expected; from byte 3 on it is `B` instead of `A\\n`"
        );
    }

    #[test]
    fn strange_bodies_are_counted_and_not_all_kept() {
        let mut known = learned(&[(0, &["a", "a"])]);
        let ids: Vec<BodyId> = (0..100).map(|number| known.id_of(format!("{number}").into())).collect();
        assert_eq!(ids.iter().filter(|id| id.0.is_none()).count(), 100 - STRANGE_MAX - 1);
        assert!(ids.iter().all(|id| Some(*id) != known.expected(0).and_then(|expected| expected.body)));
        let kept = ids[3];
        known.forget_bodies(|id| id == kept);
        assert_eq!(known.bodies.len(), 2);
    }
}
