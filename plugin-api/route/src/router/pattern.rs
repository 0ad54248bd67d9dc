//! What a wildcard can match.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::affix::Affix;
use super::filter::{Converter, FilterSpec, identity};
use super::number;
use super::python::{self, Translated};

/// How deep a pattern may nest.
pub(super) const NEST_MAX: u32 = 100;

/// A wildcard of a rule, ready to match.
pub(super) struct Wild {
    pub(super) name: Option<Box<str>>,
    pub(super) converter: Converter,
    /// What makes this pattern equal to another's.
    pub(super) identity: String,
    pub(super) regex: Translated,
    pub(super) shape: Option<Shape>,
    /// Whether it may match a slash.
    pub(super) crosses: bool,
    /// What its text begins and ends with.
    pub(super) affix: Affix,
}

impl Wild {
    /// Binds a wildcard to its filter. Its capturing group is number `group`.
    pub(super) fn new(
        name: Option<&str>,
        filter: &FilterSpec,
        config: Option<&str>,
        group: usize,
    ) -> Result<Wild, String> {
        let mask = filter.mask(config)?;
        let regex = python::translate(&mask, group)?;
        let shape = Shape::of(&mask);
        let (crosses, affix) = match shape {
            Some(shape) => (shape.crosses(), Affix::default()),
            None => analyse(&regex)?,
        };
        let converter = filter.bind(config);
        Ok(Wild {
            name: name.map(Box::from),
            converter,
            identity: identity(&mask),
            regex,
            shape,
            crosses,
            affix,
        })
    }
}

/// Whether the pattern may match a slash, and what its texts have in common.
fn analyse(regex: &Translated) -> Result<(bool, Affix), String> {
    if regex.is_fancy {
        return Ok((true, Affix::default()));
    }
    let hir = ParserBuilder::new().nest_limit(NEST_MAX).build().parse(&regex.pattern);
    let hir = hir.map_err(|error| syntax_cause(&error))?;
    let extract = |kind| Extractor::new().kind(kind).extract(&hir);
    let affix = Affix {
        prefix: common(&extract(ExtractKind::Prefix), Seq::longest_common_prefix),
        suffix: common(&extract(ExtractKind::Suffix), Seq::longest_common_suffix),
    };
    Ok((may_match_slash(&hir), affix))
}

fn syntax_cause(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

fn common(literals: &Seq, part: fn(&Seq) -> Option<&[u8]>) -> Vec<u8> {
    part(literals).unwrap_or_default().to_vec()
}

fn may_match_slash(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&b'/'),
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().any(|range| range.start() <= '/' && '/' <= range.end())
        }
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().any(|range| range.start() <= b'/' && b'/' <= range.end())
        }
        HirKind::Repetition(repetition) => may_match_slash(&repetition.sub),
        HirKind::Capture(capture) => may_match_slash(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(may_match_slash),
    }
}

/// A pattern that is tested without a regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `[^/]+`
    Piece,
    /// `-?\d+`
    Int,
    /// `-?[\d.]+`
    Float,
    /// `.+`
    Path,
    /// `.*`
    Rest,
}

impl Shape {
    fn of(mask: &str) -> Option<Shape> {
        match mask {
            "[^/]+" => Some(Shape::Piece),
            r"-?\d+" => Some(Shape::Int),
            r"-?[\d.]+" => Some(Shape::Float),
            ".+" | ".+?" => Some(Shape::Path),
            ".*" | ".*?" => Some(Shape::Rest),
            _ => None,
        }
    }

    fn crosses(self) -> bool {
        matches!(self, Shape::Path | Shape::Rest)
    }

    /// Whether it matches all of a text, which holds no slash unless the shape crosses slashes.
    pub(super) fn matches(self, text: &str) -> bool {
        match self {
            Shape::Piece => !text.is_empty(),
            Shape::Int => number::looks_like_int(text),
            Shape::Float => number::looks_like_float(text),
            Shape::Path => !text.is_empty() && !text.contains('\n'),
            Shape::Rest => !text.contains('\n'),
        }
    }
}
