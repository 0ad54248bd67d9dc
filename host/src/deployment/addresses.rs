//! Addresses that a spec wants, held against those that are open. Of equal ones, as `127.0.0.1:0` twice, the first stay.

use super::Parent;
use crate::error::Error;
use crate::listener::Listener;
use crate::server::{Bound, Listening};
use crate::spec::{Bind, Located};
use std::sync::Arc;

/// An address as the spec has it, and what is bound there.
type Listed = (Bind, Listener);

/// What a process listens on when it begins.
pub struct Addresses {
    /// What the spec wants.
    pub wanted: Vec<Listed>,
    /// What it was handed besides.
    pub surplus: Surplus,
}

/// What a process was handed, and its spec does not want.
pub struct Surplus(Vec<Listed>);

impl Addresses {
    /// Takes of what was handed over what the spec wants, and asks for what is missing.
    ///
    /// # Errors
    /// An address cannot be bound.
    pub fn of_spec(
        wanted: &[Located<Bind>],
        handed: Vec<Listed>,
        parent: &dyn Parent,
    ) -> Result<Self, Error> {
        let have: Vec<&Bind> = handed.iter().map(|(bind, _)| bind).collect();
        let Difference { missing, surplus: places } = Difference::of(wanted, &have);
        let asked = missing.into_iter().map(|bind| Ok((bind.value.clone(), listen(bind, parent)?)));
        let asked = asked.collect::<Result<Vec<_>, Error>>()?;
        let (mut wanted, mut surplus) = (Vec::new(), Vec::new());
        for (index, one) in handed.into_iter().enumerate() {
            if places.contains(&index) { &mut surplus } else { &mut wanted }.push(one);
        }
        wanted.extend(asked);
        Ok(Self { wanted, surplus: Surplus(surplus) })
    }
}

impl Surplus {
    /// Nobody wants it any more: this process serves.
    pub fn close(self, parent: &dyn Parent) {
        self.0.iter().for_each(|(bind, listener)| parent.unlisten(bind, listener));
    }
}

fn listen(bind: &Located<Bind>, parent: &dyn Parent) -> Result<Listener, Error> {
    parent.listen(bind).map_err(|error| bind.at.place(&error))
}

/// What to add and what to remove.
struct Difference<'a> {
    missing: Vec<&'a Located<Bind>>,
    /// By their places.
    surplus: Vec<usize>,
}

impl<'a> Difference<'a> {
    fn of(wanted: &'a [Located<Bind>], have: &[&Bind]) -> Self {
        let mut surplus: Vec<usize> = (0..have.len()).collect();
        let mut missing = Vec::new();
        for bind in wanted {
            match surplus.iter().position(|index| *have[*index] == bind.value) {
                Some(found) => drop(surplus.remove(found)),
                None => missing.push(bind),
            }
        }
        Self { missing, surplus }
    }
}

/// A change of addresses: what is new is bound, and nobody accepts there yet. Dropped before it is
/// [carried out](Self::carry_out), nothing has changed.
pub(super) struct Rebind<'a> {
    parent: &'a dyn Parent,
    listening: Option<&'a Listening>,
    added: Vec<Arc<Bound>>,
    removed: Vec<Arc<Bound>>,
}

/// What became of addresses, as their clients name them.
#[derive(Default)]
pub(super) struct Rebound {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    /// What could not be served, and why: there is no thread left for it.
    pub(super) failed: Vec<String>,
}

impl<'a> Rebind<'a> {
    /// Binds what is new.
    pub(super) fn begin(
        wanted: &[Located<Bind>],
        listening: Option<&'a Listening>,
        parent: &'a dyn Parent,
    ) -> Result<Self, Error> {
        let mut rebind = Self { parent, listening, added: Vec::new(), removed: Vec::new() };
        let bound = listening.map(Listening::list).unwrap_or_default();
        let have: Vec<&Bind> = bound.iter().map(|bound| bound.bind()).collect();
        let Difference { missing, surplus } = Difference::of(wanted, &have);
        rebind.removed = surplus.into_iter().map(|index| bound[index].clone()).collect();
        if listening.is_some() {
            for bind in missing {
                rebind.added.push(Bound::new(bind.value.clone(), listen(bind, parent)?)?);
            }
        }
        Ok(rebind)
    }

    /// Accepts where it is new, and closes what is not wanted any more. Connections go on.
    pub(super) fn carry_out(mut self) -> Rebound {
        let mut rebound = Rebound::default();
        let Some(listening) = self.listening else { return rebound };
        for bound in std::mem::take(&mut self.added) {
            let url = bound.listener().url();
            match listening.add(&bound) {
                Ok(()) => rebound.added.push(url),
                Err(error) => {
                    rebound.failed.push(format!("{url}: {}", error.message()));
                    self.unlisten(&bound);
                }
            }
        }
        for bound in std::mem::take(&mut self.removed) {
            listening.remove(&bound);
            self.unlisten(&bound);
            rebound.removed.push(bound.listener().url());
        }
        rebound
    }

    fn unlisten(&self, bound: &Bound) {
        self.parent.unlisten(bound.bind(), bound.listener());
    }
}

/// What was bound for nothing is closed.
impl Drop for Rebind<'_> {
    fn drop(&mut self) {
        self.added.iter().for_each(|bound| self.unlisten(bound));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::At;

    fn bind(text: &str) -> Bind {
        text.parse().expect("an address")
    }

    #[track_caller]
    fn check(wanted: &[&str], have: &[&str], missing: &[&str], surplus: &[usize]) {
        let wanted: Vec<_> =
            wanted.iter().map(|text| Located::new(bind(text), At::default_value())).collect();
        let have: Vec<Bind> = have.iter().map(|text| bind(text)).collect();
        let difference = Difference::of(&wanted, &have.iter().collect::<Vec<_>>());
        let names: Vec<String> = difference.missing.iter().map(|bind| bind.value.to_string()).collect();
        assert_eq!(names, missing);
        assert_eq!(difference.surplus, surplus);
    }

    #[test]
    fn what_stays_stays_whatever_its_place_in_the_list() {
        check(&["a:1", "b:2"], &["b:2", "a:1"], &[], &[]);
        check(&["a:1", "c:3"], &["b:2", "a:1"], &["c:3"], &[0]);
        check(&["unix:x"], &["a:1"], &["unix:x"], &[0]);
    }

    #[test]
    fn of_free_ports_the_first_stay() {
        check(&["a:0"], &["a:0", "a:0"], &[], &[1]);
        check(&["a:0", "a:0", "a:0"], &["a:0"], &["a:0", "a:0"], &[]);
    }
}
