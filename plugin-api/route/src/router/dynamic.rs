//! A rule with wildcards.

use fancy_regex::RegexBuilder as FancyBuilder;
use regex::{Regex, RegexBuilder};
use smallvec::SmallVec;

use crate::rule::{Rule, Segment};

use super::outcome::{Param, Params};
use super::pattern::{NEST_MAX, Wild};
use super::span::{PlainSpans, Spans};
use super::tree::Branch;

/// How much memory a rule's regular expression may take, and how much its cache.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// How many steps a pattern with look-around or back-references may take on one path before it counts as not matching.
pub(super) const BACKTRACK_STEPS_MAX: usize = 100_000;

/// A rule with wildcards, ready to match.
pub(super) struct Dynamic {
    wilds: Box<[Wild]>,
    matcher: Matcher,
}

enum Matcher {
    Plain(PlainSpans),
    Regex { regex: Regex, groups: Groups },
    Fancy { regex: fancy_regex::Regex, groups: Groups },
}

/// The text of each wildcard. More than a rule is likely to have, so that it takes no allocation.
type Texts<'p> = SmallVec<[&'p str; 16]>;

/// The capturing group of each wildcard.
type Groups = Box<[usize]>;

impl Dynamic {
    /// Prepares a rule. Its wildcards are bound already.
    pub(super) fn new(rule: &Rule, wilds: Vec<Wild>) -> Result<Dynamic, String> {
        let matcher = match Spans::of(rule, &wilds).plain(&wilds) {
            Some(plain) => Matcher::Plain(plain),
            None => Matcher::compile(rule, &wilds)?,
        };
        Ok(Dynamic { wilds: wilds.into(), matcher })
    }

    /// Where the rule belongs in the tree of its method.
    pub(super) fn branch<'r>(&self, rule: &'r Rule) -> Branch<'r> {
        Spans::of(rule, &self.wilds).branch(&self.wilds)
    }

    /// What makes two rules the same one: the pattern without the names.
    pub(super) fn identity(&self, rule: &Rule) -> String {
        pattern(rule, self.wilds.iter().map(|wild| wild.identity.clone()))
    }

    /// Whether the path matches, whatever its values are.
    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.matcher {
            Matcher::Plain(spans) => endings(path).any(|path| spans.read(path, |_| {})),
            Matcher::Regex { regex, .. } => regex.is_match(path),
            // Captures, because the match that is asked for later has to stay within the limit too.
            Matcher::Fancy { regex, .. } => regex.captures(path).is_ok_and(|captures| captures.is_some()),
        }
    }

    /// The parameters in a path that matches, or why one of its texts has no value.
    pub(super) fn params<'a>(&'a self, path: &'a str) -> Result<Params<'a>, String> {
        let mut params = Params::default();
        for (wild, text) in self.wilds.iter().zip(self.texts(path)) {
            let value = wild.converter.parse(text)?;
            if let Some(name) = &wild.name {
                params.push(Param { name, text, value });
            }
        }
        Ok(params)
    }

    /// The texts of the wildcards, in order.
    fn texts<'p>(&self, path: &'p str) -> Texts<'p> {
        match &self.matcher {
            Matcher::Plain(spans) => plain_texts(spans, path),
            Matcher::Regex { regex, groups } => {
                let mut found = regex.capture_locations();
                regex.captures_read(&mut found, path);
                groups
                    .iter()
                    .map(|&group| found.get(group).map_or("", |(start, end)| &path[start..end]))
                    .collect()
            }
            Matcher::Fancy { regex, groups } => {
                let captures = regex.captures(path).ok().flatten();
                let text = |group| captures.as_ref()?.get(group).map(|found| found.as_str());
                groups.iter().map(|&group| text(group).unwrap_or_default()).collect()
            }
        }
    }
}

/// The path, and the path without the line break that ends it: `$` in Python matches before that as well.
fn endings(path: &str) -> impl Iterator<Item = &str> {
    [Some(path), path.strip_suffix('\n')].into_iter().flatten()
}

fn plain_texts<'p>(spans: &PlainSpans, path: &'p str) -> Texts<'p> {
    let mut texts = Texts::new();
    for path in endings(path) {
        texts.clear();
        if spans.read(path, |text| texts.push(text)) {
            break;
        }
    }
    texts
}

impl Matcher {
    fn compile(rule: &Rule, wilds: &[Wild]) -> Result<Matcher, String> {
        let groups = groups(wilds);
        let body = pattern(rule, wilds.iter().map(|wild| format!("({})", wild.regex.pattern)));
        let pattern = format!(r"\A(?:{body})\n?\z");
        if wilds.iter().any(|wild| wild.regex.is_fancy) {
            return Ok(Matcher::Fancy { regex: compile_fancy(&pattern)?, groups });
        }
        Ok(Matcher::Regex { regex: compile(&pattern)?, groups })
    }
}

/// The regular expression of a rule, with the given expressions for its wildcards.
fn pattern(rule: &Rule, mut wilds: impl Iterator<Item = String>) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Literal(text) => regex_syntax::escape(text),
        Segment::Wildcard { .. } => wilds.next().unwrap_or_default(),
    };
    rule.segments().iter().map(part).collect()
}

/// Each wildcard is a group, and may hold more.
fn groups(wilds: &[Wild]) -> Groups {
    let next = |group: &mut usize, wild: &Wild| {
        let this = *group;
        *group += 1 + wild.regex.groups;
        Some(this)
    };
    wilds.iter().scan(1, next).collect()
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).nest_limit(NEST_MAX);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("it takes more than {limit} bytes of memory"),
        other => other.to_string(),
    })
}

fn compile_fancy(pattern: &str) -> Result<fancy_regex::Regex, String> {
    let mut builder = FancyBuilder::new(pattern);
    builder.backtrack_limit(BACKTRACK_STEPS_MAX);
    builder.delegate_size_limit(REGEX_BYTES_MAX).delegate_dfa_size_limit(REGEX_BYTES_MAX);
    builder.build().map_err(|error| error.to_string())
}
