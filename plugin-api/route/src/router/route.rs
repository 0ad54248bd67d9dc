//! A registered rule.

use std::fmt;

use super::dynamic::Dynamic;

/// A rule, its method, and what it leads to.
pub struct Route<T> {
    pub(super) method: Box<str>,
    pub(super) rule: Box<str>,
    pub(super) name: Option<Box<str>>,
    pub(super) payload: T,
    /// What matches it, when it has wildcards.
    pub(super) dynamic: Option<Box<Dynamic>>,
}

impl<T> Route<T> {
    /// The method, in upper case.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The rule as written.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The name to build URLs by.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What the route leads to.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// What the route leads to, to change it.
    pub fn payload_mut(&mut self) -> &mut T {
        &mut self.payload
    }

    /// What the route leads to, alone.
    pub fn into_payload(self) -> T {
        self.payload
    }

    /// Whether the rule has wildcards.
    pub fn is_dynamic(&self) -> bool {
        self.dynamic.is_some()
    }

    /// The same route with another payload.
    pub(super) fn try_map<U, E>(
        self,
        map: &mut impl FnMut(&Route<()>, T) -> Result<U, E>,
    ) -> Result<Route<U>, E> {
        let Route { method, rule, name, payload, dynamic } = self;
        let bare = Route { method, rule, name, payload: (), dynamic };
        let payload = map(&bare, payload)?;
        let Route { method, rule, name, dynamic, .. } = bare;
        Ok(Route { method, rule, name, payload, dynamic })
    }
}

impl<T: fmt::Debug> fmt::Debug for Route<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {:?}", self.method, self.rule, self.payload)
    }
}
