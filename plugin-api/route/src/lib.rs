//! The rules of routes: how they are written, and what they match.
//!
//! A rule is a path with wildcards. The grammar ([`Rule`]) is that of Bottle and has no dependencies; the router, which
//! matches requests and builds URLs, comes with the feature `router`.
//!
//! # Wildcards
//!
//! | written | matches | is passed as |
//! |---|---|---|
//! | `<name>` | one or more characters but `/` | text |
//! | `<name:int>` | `-?\d+`, of any script | a whole number of 64 bits |
//! | `<name:float>` | `-?[\d.]+` | a number; no exponent |
//! | `<name:path>` | one or more characters, `/` too, as few as do | text |
//! | `<name:re:[a-z]+>` | the regular expression | text |
//! | `<name:filter:config>` | what the filter says | what the filter says |
//!
//! A name is a letter or `_`, then letters, digits and `_`, in ASCII. Without a name (`<>`, `<:int>`, `<:re:a+>`) a
//! wildcard is matched and not passed. What does not fit is literal text: `/<1st>` is the path `/<1st>`.
//!
//! ```
//! use plugin_api_route::{Rule, Segment};
//!
//! let rule = Rule::parse("/show/<name:re:[a-z]+>.<:int>")?;
//! let wildcard = |name: Option<&str>, filter: &str, config: Option<&str>| Segment::Wildcard {
//!     name: name.map(Into::into),
//!     filter: filter.into(),
//!     config: config.map(Into::into),
//! };
//! assert_eq!(
//!     rule.segments(),
//!     [
//!         Segment::Literal("/show/".into()),
//!         wildcard(Some("name"), "re", Some("[a-z]+")),
//!         Segment::Literal(".".into()),
//!         wildcard(None, "int", None),
//!     ]
//! );
//! # Ok::<(), plugin_api_route::RuleError>(())
//! ```
//!
//! In a config, `>` and a backslash that stands for itself need a backslash before them. The backslash stays, which is
//! right for a regular expression: `<x:re:[a\>]+>`.
//!
//! Bottle's old wildcards work too: `:name`, `:name#regex#`, `:#regex#`. A lone `:` is an anonymous wildcard, so that
//! `/12:30` is not the path it looks like.
//!
//! A backslash before a wildcard makes it literal text. Of a run of backslashes an odd one escapes and an even one does
//! not; in both cases the run vanishes. Elsewhere a backslash is literal text.
//!
//! ```
//! # use plugin_api_route::Rule;
//! assert_eq!(Rule::parse(r"/12\:30")?.path(), Some("/12:30"));
//! assert_eq!(Rule::parse(r"/\<id>")?.path(), Some("/<id>"));
//! assert_eq!(Rule::parse(r"/\\<id>")?.names().collect::<Vec<_>>(), ["id"]);
//! # Ok::<(), plugin_api_route::RuleError>(())
//! ```
//!
//! # Which route gets a request
//!
//! The methods are tried in the order `PROXY`, the request's, `ANY`; for HEAD `PROXY`, `HEAD`, `GET`, `ANY`. Within a
//! method the rule without wildcards comes first, then the others in order of registration. Thus a dynamic `GET` rule
//! beats a static `ANY` rule. When only other methods match, that is a 405, whose `Allow` header names these; else it is
//! a 404.
//!
//! The path is compared as it is: a trailing or a double slash makes another path. When a rule's pattern matches and a
//! text does not convert (`<n:float>` and `1.2.3`), that is a 400, and later rules are not tried.
//!
//! A rule that is the same as an earlier one of its method takes its place, and the earlier one is given back. Dynamic
//! rules are the same when their patterns are: names do not count, so `/<x>` is `/<y>`.
//!
//! # Regular expressions
//!
//! They are those of Python's `re`: the dialect is rewritten for the `regex` crate, and for `fancy-regex` when it needs
//! look-around, back-references, possessive repetition or `$`. A rule must match the whole path, except that a line
//! break may follow, as Python's `$` has it. Capturing groups do not capture.
//!
//! # Cost
//!
//! A match does not get slower with the number of rules, as long as they differ in a literal between two slashes, in
//! the beginning or the end of one, or in how the whole path ends: rules are found by these, and only those that fit
//! are tested. Rules that differ in their regular expressions alone, or in what stands between two wildcards one of
//! which matches slashes, are tested one after the other. A match takes no
//! allocation, except one for more than four parameters, one for a rule that needs a regular expression, and those of
//! `fancy-regex`.
//!
//! # Where it differs from Bottle, on purpose
//!
//! * An `int` that does not fit 64 bits is a wrong format, 400. Python's numbers have no limit.
//! * An anonymous wildcard with a filter that converts works. In Bottle 0.12 and 0.13 it is an error of the server.
//! * A `(` in a character class is left alone when groups are flattened: `[(]` in Bottle also matches `?` and `:`.
//! * Groups in the pattern of a filter of one's own are not passed as parameters.
//! * `\1` refers to the first group of its own config. In Bottle no such rule can be registered.
//! * Every config has to be a regular expression of its own: `<a:re:x)(y>` is refused. So are `(?(1)...)` and the flags
//!   `a`, `L` and `x`.
//! * Look-around and back-references may take 100,000 steps on one path: a rule that needs more does not match. The
//!   size and the nesting of patterns are limited, and so is the range of `\b`: its letters are those of Rust.
//! * A value of a filter's own is text from the path, a whole number or a number: Python can pass any object.
//! * A route that is replaced is gone from the list of routes. URLs can still be built from it, as in Bottle.
//! * Methods are upper-cased in ASCII only.

#[cfg(feature = "router")]
mod router;
mod rule;

#[cfg(feature = "router")]
pub use router::{
    AddError, Added, BuildError, FastHash, Filter, FilterSpec, Outcome, Param, Params, Route, Router, Value,
    ValueKind, re_flatten,
};
pub use rule::{Rule, RuleError, Segment};
