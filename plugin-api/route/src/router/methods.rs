//! The rules of each method.

use std::collections::HashMap;

use crate::rule::Rule;

use super::dynamic::Dynamic;
use super::hash::FastHash;
use super::tree::{Order, Tree};

/// The methods that have routes, sorted by name.
#[derive(Default)]
pub(super) struct Methods(Vec<Method>);

impl Methods {
    pub(super) fn get(&self, name: &str) -> Option<&Method> {
        self.0.iter().find(|method| method.is(name))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Method> {
        self.0.iter()
    }

    /// The method of an upper-case name, which is made when it is new.
    pub(super) fn entry(&mut self, name: &str) -> &mut Method {
        let place = self.0.binary_search_by(|method| method.name().cmp(name));
        let place = place.unwrap_or_else(|place| {
            self.0.insert(place, Method::new(name));
            place
        });
        &mut self.0[place]
    }
}

/// The rules of one method.
pub(super) struct Method {
    name: Box<str>,
    /// The rules without wildcards, by path.
    fixed: HashMap<Box<str>, Order, FastHash>,
    dynamic: Tree,
    /// The rules with wildcards, by what makes two of them the same.
    identities: HashMap<String, Order>,
}

impl Method {
    fn new(name: &str) -> Method {
        Method {
            name: name.into(),
            fixed: HashMap::default(),
            dynamic: Tree::default(),
            identities: HashMap::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Takes in a rule. When it is the same as an earlier one, that one's place is the answer.
    pub(super) fn place(&mut self, rule: &Rule, dynamic: Option<&Dynamic>, order: Order) -> Option<Order> {
        let Some(dynamic) = dynamic else {
            let place = *self.fixed.entry(rule.path().unwrap_or_default().into()).or_insert(order);
            return (place != order).then_some(place);
        };
        let place = *self.identities.entry(dynamic.identity(rule)).or_insert(order);
        if place != order {
            return Some(place);
        }
        self.dynamic.insert(&dynamic.branch(rule), order);
        None
    }

    /// The rule for a path: the one without wildcards, else the first that passes `test`.
    pub(super) fn find(&self, path: &str, test: &dyn Fn(Order) -> bool) -> Option<Order> {
        self.fixed.get(path).copied().or_else(|| self.dynamic.find(path, test))
    }
}
