//! A dynamic rule, cut at its slashes.

use crate::rule::{Rule, Segment};

use super::affix::Affix;
use super::pattern::{Shape, Wild};
use super::tree::{Branch, DEPTH_MAX, Edge};

/// The text up to the first slash, and what follows that. Pieces are short: a search made for long texts takes longer to begin.
pub(super) fn piece(text: &str) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == b'/') {
        Some(slash) => (&text[..slash], Some(&text[slash + 1..])),
        None => (text, None),
    }
}

/// A part of a rule that stands for one piece of a path, or, as a tail, for all that is left.
#[derive(Default)]
pub(super) struct Span<'r> {
    parts: Vec<Part<'r>>,
}

#[derive(Clone, Copy)]
enum Part<'r> {
    Literal(&'r str),
    /// An index into the rule's wildcards.
    Wild(usize),
}

/// The spans of a rule. When it has a tail, that is the last one.
pub(super) struct Spans<'r> {
    spans: Vec<Span<'r>>,
    has_tail: bool,
}

impl<'r> Spans<'r> {
    pub(super) fn of(rule: &'r Rule, wilds: &[Wild]) -> Spans<'r> {
        let mut spans = Spans { spans: vec![Span::default()], has_tail: false };
        let mut next = 0;
        for segment in rule.segments() {
            match segment {
                Segment::Literal(text) => spans.literal(text),
                Segment::Wildcard { .. } => {
                    spans.has_tail |= wilds[next].crosses;
                    spans.push(Part::Wild(next));
                    next += 1;
                }
            }
        }
        spans
    }

    fn push(&mut self, part: Part<'r>) {
        if let Some(span) = self.spans.last_mut() {
            span.parts.push(part);
        }
    }

    fn literal(&mut self, text: &'r str) {
        if self.has_tail {
            return self.push(Part::Literal(text));
        }
        for (nth, piece) in text.split('/').enumerate() {
            if nth > 0 {
                self.spans.push(Span::default());
            }
            if !piece.is_empty() {
                self.push(Part::Literal(piece));
            }
        }
    }

    /// Where the rule belongs in the tree.
    pub(super) fn branch(&self, wilds: &[Wild]) -> Branch<'r> {
        let pieces = self.spans.len() - usize::from(self.has_tail);
        let edges: Vec<_> =
            self.spans.iter().take(pieces.min(DEPTH_MAX)).map(|span| span.edge(wilds)).collect();
        // A rule deeper than the tree is known by the end of its last span only.
        let tail = match self.spans.last() {
            Some(last) if pieces > DEPTH_MAX => Some(Affix { prefix: Vec::new(), ..last.affix(wilds) }),
            Some(last) if self.has_tail => Some(last.affix(wilds)),
            _ => None,
        };
        Branch { edges, tail }
    }

    /// The rule as plain spans, when none needs a regular expression.
    pub(super) fn plain(&self, wilds: &[Wild]) -> Option<PlainSpans> {
        let spans = self.spans.iter().map(|span| span.plain(wilds)).collect::<Option<_>>()?;
        Some(PlainSpans { spans, has_tail: self.has_tail })
    }
}

impl<'r> Span<'r> {
    fn edge(&self, wilds: &[Wild]) -> Edge<'r> {
        match self.parts.as_slice() {
            [] => Edge::Literal(""),
            [Part::Literal(text)] => Edge::Literal(text),
            _ => Edge::Wild(self.affix(wilds)),
        }
    }

    /// What its texts begin and end with: the literal at that end, and what the wildcard next to it adds.
    fn affix(&self, wilds: &[Wild]) -> Affix {
        let mut affix = Affix::default();
        for part in &self.parts {
            match *part {
                Part::Literal(text) => affix.prefix.extend(text.bytes()),
                Part::Wild(index) => {
                    affix.prefix.extend(&wilds[index].affix.prefix);
                    break;
                }
            }
        }
        for part in self.parts.iter().rev() {
            match *part {
                Part::Literal(text) => affix.suffix.splice(0..0, text.bytes()).for_each(drop),
                Part::Wild(index) => {
                    affix.suffix.splice(0..0, wilds[index].affix.suffix.iter().copied()).for_each(drop);
                    break;
                }
            }
        }
        affix
    }

    fn plain(&self, wilds: &[Wild]) -> Option<PlainSpan> {
        let (prefix, wild, suffix) = match *self.parts.as_slice() {
            [] => ("", None, ""),
            [Part::Literal(text)] => (text, None, ""),
            [Part::Wild(index)] => ("", Some(index), ""),
            [Part::Literal(prefix), Part::Wild(index)] => (prefix, Some(index), ""),
            [Part::Wild(index), Part::Literal(suffix)] => ("", Some(index), suffix),
            [Part::Literal(prefix), Part::Wild(index), Part::Literal(suffix)] => {
                (prefix, Some(index), suffix)
            }
            _ => return None,
        };
        let shape = match wild {
            Some(index) => Some(wilds[index].shape?),
            None => None,
        };
        Some(PlainSpan { prefix: prefix.into(), shape, suffix: suffix.into() })
    }
}

/// A rule with at most one wildcard between two slashes, each of a known shape.
pub(super) struct PlainSpans {
    spans: Box<[PlainSpan]>,
    has_tail: bool,
}

struct PlainSpan {
    prefix: Box<str>,
    shape: Option<Shape>,
    suffix: Box<str>,
}

impl PlainSpans {
    /// Whether the path matches; hands out the texts of the wildcards, in order, as far as it does.
    pub(super) fn read<'p>(&self, path: &'p str, mut wild: impl FnMut(&'p str)) -> bool {
        let mut rest = Some(path);
        let last = self.spans.len() - 1;
        for (nth, span) in self.spans.iter().enumerate() {
            let Some(text) = rest else { return false };
            let (piece, after) = if self.has_tail && nth == last { (text, None) } else { piece(text) };
            match span.read(piece) {
                Some(text) if span.shape.is_some() => wild(text),
                Some(_) => {}
                None => return false,
            }
            rest = after;
        }
        rest.is_none()
    }
}

impl PlainSpan {
    fn read<'p>(&self, piece: &'p str) -> Option<&'p str> {
        // Comparing with an empty `Box<str>` is slow where its address, which is no page's, goes into a vector load.
        let text = if self.prefix.is_empty() { piece } else { piece.strip_prefix(&*self.prefix)? };
        let text = if self.suffix.is_empty() { text } else { text.strip_suffix(&*self.suffix)? };
        let fits = self.shape.map_or(text.is_empty(), |shape| shape.matches(text));
        fits.then_some(text)
    }
}
