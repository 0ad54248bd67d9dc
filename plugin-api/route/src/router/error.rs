//! Why a route cannot be added, and why a URL cannot be built.

use std::error::Error;
use std::fmt;

use crate::rule::{Rule, RuleError};

use super::value::Value;

/// Why a route cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// The rule does not parse.
    Rule(RuleError),
    /// A wildcard names a filter that does not exist.
    UnknownFilter {
        /// The rule as written.
        rule: String,
        /// The filter it names.
        filter: String,
        /// The filters there are, the nearest name first.
        known: Vec<String>,
    },
    /// A filter refuses its config, or the pattern it gives is not a regular expression.
    Wildcard {
        /// The rule as written.
        rule: String,
        /// The filter.
        filter: String,
        /// What the rule says to the filter.
        config: Option<String>,
        /// What is wrong with it.
        cause: String,
    },
    /// The rule as a whole is not a regular expression that can be used.
    Pattern {
        /// The rule as written.
        rule: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl AddError {
    pub(super) fn unknown_filter<'a>(
        rule: &Rule,
        filter: &str,
        known: impl Iterator<Item = &'a Box<str>>,
    ) -> AddError {
        AddError::UnknownFilter {
            rule: rule.text().to_owned(),
            filter: filter.to_owned(),
            known: nearest_first(filter, known),
        }
    }

    pub(super) fn wildcard(rule: &Rule, filter: &str, config: Option<&str>, cause: String) -> AddError {
        AddError::Wildcard {
            rule: rule.text().to_owned(),
            filter: filter.to_owned(),
            config: config.map(str::to_owned),
            cause,
        }
    }

    pub(super) fn pattern(rule: &Rule, cause: String) -> AddError {
        AddError::Pattern { rule: rule.text().to_owned(), cause }
    }

    /// The rule as written.
    pub fn rule(&self) -> &str {
        match self {
            AddError::Rule(error) => error.rule(),
            AddError::UnknownFilter { rule, .. }
            | AddError::Wildcard { rule, .. }
            | AddError::Pattern { rule, .. } => rule,
        }
    }

    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            AddError::Rule(error) => error.help().to_owned(),
            AddError::UnknownFilter { filter, known, .. } => match known.first() {
                Some(nearest) => {
                    format!("did you mean `{nearest}`? A filter of one's own is added before its rules")
                }
                None => format!("add the filter `{filter}` before the rule"),
            },
            AddError::Wildcard { .. } => {
                "in a config, put a backslash before `>` and before a literal backslash; \
                                          `[`, `(` and `)` need one to stand for themselves"
                    .to_owned()
            }
            AddError::Pattern { .. } => "make the pattern shorter, or bound its repetitions".to_owned(),
        }
    }
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddError::Rule(error) => error.fmt(f),
            AddError::UnknownFilter { rule, filter, known } => {
                write!(f, "rule `{rule}`: unknown filter `{filter}`: there are {}", list(known))
            }
            AddError::Wildcard { rule, filter, config, cause } => {
                write!(
                    f,
                    "rule `{rule}`: filter `{filter}`: cannot use the config `{}`: {cause}",
                    config.as_deref().unwrap_or_default()
                )
            }
            AddError::Pattern { rule, cause } => {
                write!(f, "rule `{rule}`: cannot compile its pattern: {cause}")
            }
        }
    }
}

impl Error for AddError {}

impl From<RuleError> for AddError {
    fn from(error: RuleError) -> Self {
        AddError::Rule(error)
    }
}

/// Why a URL cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// No route has that name or rule.
    UnknownRoute {
        /// What was asked for.
        route: String,
        /// The names and rules there are, the nearest first, and at most five.
        known: Vec<String>,
    },
    /// A wildcard got no value.
    Missing {
        /// The name or rule that was asked for.
        route: String,
        /// The wildcard: the `n`th anonymous one (from 0) is `anonN`.
        argument: String,
    },
    /// A value is not what the wildcard's filter takes.
    BadValue {
        /// The name or rule that was asked for.
        route: String,
        /// The wildcard.
        argument: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl BuildError {
    pub(super) fn unknown_route<'a>(route: &str, known: impl Iterator<Item = &'a Box<str>>) -> BuildError {
        let mut known = nearest_first(route, known);
        known.truncate(5);
        BuildError::UnknownRoute { route: route.to_owned(), known }
    }

    pub(super) fn missing(route: &str, argument: &str) -> BuildError {
        BuildError::Missing { route: route.to_owned(), argument: argument.to_owned() }
    }

    pub(super) fn bad_value(route: &str, argument: &str, value: Value<'_>, cause: String) -> BuildError {
        let value = value.to_text().into_owned();
        BuildError::BadValue { route: route.to_owned(), argument: argument.to_owned(), value, cause }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::UnknownRoute { route, known } => {
                write!(f, "url: no route is named `{route}`: there are {}", list(known))
            }
            BuildError::Missing { route, argument } => {
                write!(f, "url of `{route}`: the value of `{argument}` is missing")
            }
            BuildError::BadValue { route, argument, value, cause } => {
                write!(f, "url of `{route}`: cannot use `{value}` as `{argument}`: {cause}")
            }
        }
    }
}

impl Error for BuildError {}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}

fn nearest_first<'a>(wanted: &str, names: impl Iterator<Item = &'a Box<str>>) -> Vec<String> {
    let mut names: Vec<String> = names.map(|name| name.to_string()).collect();
    names.sort_by_cached_key(|name| (distance(wanted, name), name.clone()));
    names
}

/// How many letters have to be added, left out or changed to get from one name to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, c) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], done + 1);
        for (place, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(c != *other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
