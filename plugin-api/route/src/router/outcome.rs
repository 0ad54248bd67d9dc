//! What matching a path gives.

use smallvec::SmallVec;

use super::route::Route;
use super::value::Value;

/// What a router says to a request.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation per request")]
pub enum Outcome<'a, T> {
    /// A route matches.
    Found {
        /// The route.
        route: &'a Route<T>,
        /// The values of its named wildcards.
        params: Params<'a>,
    },
    /// 400: the route's pattern matches, but a text does not convert. Later routes are not tried.
    BadFormat {
        /// The route.
        route: &'a Route<T>,
        /// Which text, and why: for the log.
        cause: String,
    },
    /// 405: the path matches with other methods only.
    MethodNotAllowed {
        /// The value of the `Allow` header: the methods sorted and joined with commas, without spaces.
        allow: String,
    },
    /// 404: the path matches with no method.
    NotFound,
}

impl<T> Outcome<'_, T> {
    /// The status of the answer, unless a route is found.
    pub fn refusal(&self) -> Option<u16> {
        match self {
            Outcome::Found { .. } => None,
            Outcome::BadFormat { .. } => Some(400),
            Outcome::MethodNotAllowed { .. } => Some(405),
            Outcome::NotFound => Some(404),
        }
    }
}

/// The value of a named wildcard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param<'a> {
    /// The name of the wildcard.
    pub name: &'a str,
    /// The text in the path.
    pub text: &'a str,
    /// What its filter made of the text.
    pub value: Value<'a>,
}

/// The values of a route's named wildcards, in the order of the rule. Up to four take no allocation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params<'a>(SmallVec<[Param<'a>; 4]>);

impl<'a> Params<'a> {
    pub(super) fn push(&mut self, param: Param<'a>) {
        self.0.push(param);
    }

    /// The value of a wildcard.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.0.iter().find(|param| param.name == name).map(|param| param.value)
    }
}

impl<'a> std::ops::Deref for Params<'a> {
    type Target = [Param<'a>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'p, 'a> IntoIterator for &'p Params<'a> {
    type Item = &'p Param<'a>;
    type IntoIter = std::slice::Iter<'p, Param<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
