//! The line of proof that each swap ends in.

use crate::control::Answer;
use crate::generation::Generation;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of one plugin in a change.
///
/// As a line: `catalog 1.4.1 -> 1.4.2 (generation 7 -> 8): 18204 requests during the swap, 0 failed, 3 finished on 7;
/// generation 6 unloaded`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The plugin's name in the spec.
    pub plugin: String,
    /// The generation before; none: the plugin is new.
    pub from: Option<Version>,
    /// The generation after; none: the plugin was removed.
    pub to: Option<Version>,
    /// Nothing was done: it is the same already.
    pub unchanged: bool,
    /// Requests that its generations answered from the beginning of the swap to the end of the drain.
    pub requests: u64,
    /// Those of them that were answered with a 5xx of the host's own, or cut short.
    pub failed: u64,
    /// Requests that were at work on the old generation when the new one was published, and finished there.
    pub finished: u64,
    /// Requests of the old generation that were dropped when the drain deadline had passed.
    pub cut: u64,
    /// From the beginning to the moment when new requests find the new generation, in microseconds.
    pub publish_us: u64,
    /// From then until the old generation had no request left, in microseconds.
    pub drain_us: u64,
    /// The numbers of older generations whose libraries are proved to be unmapped.
    pub unloaded: Vec<u64>,
    /// Older generations that should be gone, and why they are not.
    pub pinned: Vec<PinnedGeneration>,
    /// What became of the state; none where there is none to move.
    pub state: Option<String>,
    /// New processes took the place of the old ones: until those were gone, they answered, too.
    #[serde(default)]
    pub is_roll: bool,
}

/// What is said of a change that changes nothing.
pub(super) const NOTHING: &str = "nothing differs";

/// A generation by number and version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number.
    pub generation: u64,
    /// Its version, as its manifest says.
    pub version: String,
    /// The digest of its library, in hexadecimal.
    pub digest: String,
}

/// A generation that is still mapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedGeneration {
    /// Its number.
    pub generation: u64,
    /// What keeps it.
    pub why: String,
}

impl Version {
    pub(super) fn of(generation: &Generation) -> Self {
        let label = generation.label();
        let version = label.manifest.version.clone();
        Self { generation: label.number, version, digest: label.digest.to_string() }
    }
}

impl Receipt {
    /// The same bytes with the same configuration are served already.
    pub(super) fn unchanged(current: &Generation) -> Self {
        let version = Version::of(current);
        let plugin = current.name().to_owned();
        Self { plugin, from: Some(version.clone()), to: Some(version), unchanged: true, ..Self::default() }
    }

    /// The plugin was not served before.
    pub(super) fn added(generation: &Generation) -> Self {
        let plugin = generation.name().to_owned();
        Self { plugin, to: Some(Version::of(generation)), ..Self::default() }
    }

    /// An answer with plugins that have come besides. Nothing is added to one that says that nothing has changed for an error.
    pub(super) fn add_all(mut answer: Answer, came: Vec<Self>) -> Answer {
        if came.is_empty() || answer.exit != 0 {
            return answer;
        }
        let before = answer.data.get_mut("swaps").map(serde_json::Value::take).unwrap_or_default();
        let before: Vec<Self> = serde_json::from_value(before).unwrap_or_default();
        let (same, other): (Vec<_>, Vec<_>) =
            before.into_iter().partition(|one| came.iter().any(|came| came.plugin == one.plugin));
        let mut said: Vec<String> = answer.text.lines().map(str::to_owned).collect();
        said.retain(|line| line != NOTHING && !same.iter().any(|one| one.to_string() == *line));
        said.extend(came.iter().map(ToString::to_string));
        answer.text = said.join("\n");
        answer.data["swaps"] = other.into_iter().chain(came).map(|one| serde_json::json!(one)).collect();
        answer
    }

    /// An answer with other receipts in place of those that it has.
    pub(crate) fn change_all(mut answer: Answer, change: impl Fn(Self) -> Self) -> Answer {
        let Some(swaps) = answer.data.get_mut("swaps") else { return answer };
        let before: Vec<Self> = serde_json::from_value(swaps.take()).unwrap_or_default();
        let after: Vec<Self> = before.iter().cloned().map(change).collect();
        for (before, after) in before.iter().zip(&after) {
            answer.text = answer.text.replace(&before.to_string(), &after.to_string());
        }
        *swaps = serde_json::json!(after);
        answer
    }

    fn heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plugin = &self.plugin;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(
                f,
                "{plugin} {} -> {} (generation {} -> {})",
                from.version, to.version, from.generation, to.generation
            ),
            (None, Some(to)) => write!(f, "{plugin} {} (generation {}) added", to.version, to.generation),
            (Some(from), None) => {
                write!(f, "{plugin} {} (generation {}) removed", from.version, from.generation)
            }
            (None, None) => f.write_str(plugin),
        }
    }

    fn old_requests(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(from) = &self.from else { return Ok(()) };
        if self.finished > 0 {
            write!(f, ", {} finished on {}", self.finished, from.generation)?;
        }
        if self.cut > 0 {
            write!(f, ", {} cut off on {} when the drain deadline had passed", self.cut, from.generation)?;
        }
        Ok(())
    }

    fn old_generations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unloaded.as_slice() {
            [] => {}
            [one] => write!(f, "; generation {one} unloaded")?,
            more => {
                let numbers: Vec<String> = more.iter().map(u64::to_string).collect();
                write!(f, "; generations {} unloaded", numbers.join(", "))?;
            }
        }
        self.pinned.iter().try_for_each(|pinned| {
            write!(f, "; generation {} stays mapped: {}", pinned.generation, pinned.why)
        })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (true, Some(to)) = (self.unchanged, &self.to) {
            let Version { generation, version, .. } = to;
            return write!(f, "{} {version} (generation {generation}): unchanged, not swapped", self.plugin);
        }
        self.heading(f)?;
        write!(f, ": {} requests during the swap, {} failed", self.requests, self.failed)?;
        self.old_requests(f)?;
        if let Some(state) = &self.state {
            write!(f, "; {state}")?;
        }
        self.old_generations(f)
    }
}

impl From<Receipt> for Answer {
    fn from(receipt: Receipt) -> Self {
        vec![receipt].into()
    }
}

impl From<Vec<Receipt>> for Answer {
    fn from(receipts: Vec<Receipt>) -> Self {
        let lines: Vec<String> = receipts.iter().map(ToString::to_string).collect();
        Self::done(lines.join("\n"), serde_json::json!({ "swaps": receipts }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(generation: u64, version: &str) -> Option<Version> {
        Some(Version { generation, version: version.into(), digest: "ba78".into() })
    }

    #[test]
    fn a_swap_is_one_line_of_proof() {
        let mut receipt = Receipt {
            plugin: "catalog".into(),
            from: version(7, "1.4.1"),
            to: version(8, "1.4.2"),
            requests: 18204,
            finished: 3,
            unloaded: vec![6],
            ..Receipt::default()
        };
        assert_eq!(
            receipt.to_string(),
            "catalog 1.4.1 -> 1.4.2 (generation 7 -> 8): 18204 requests during the swap, 0 failed, 3 finished on 7; \
             generation 6 unloaded"
        );
        receipt.cut = 2;
        receipt.failed = 2;
        receipt.unloaded = vec![4, 6];
        receipt.pinned = vec![PinnedGeneration { generation: 5, why: "thread 12 `x` runs".into() }];
        receipt.state = Some("state of schema 2 taken over: 120 bytes".into());
        assert_eq!(
            receipt.to_string(),
            "catalog 1.4.1 -> 1.4.2 (generation 7 -> 8): 18204 requests during the swap, 2 failed, 3 finished on 7, 2 cut off \
             on 7 when the drain deadline had passed; state of schema 2 taken over: 120 bytes; generations 4, 6 unloaded; \
             generation 5 stays mapped: thread 12 `x` runs"
        );
    }

    #[test]
    fn what_comes_besides_is_added_to_the_answer_in_the_place_of_what_says_that_nothing_changed() {
        let late = Receipt { plugin: "late".into(), to: version(1, "1.0"), ..Receipt::default() };
        let same = Receipt { unchanged: true, from: late.to.clone(), ..late.clone() };
        let shop = Receipt { plugin: "shop".into(), to: version(2, "1.0"), ..Receipt::default() };
        let nothing = Answer::done(NOTHING, serde_json::json!({ "swaps": [] }));
        for before in [nothing.clone(), same.into()] {
            assert_eq!(Receipt::add_all(before, vec![late.clone()]), late.clone().into());
        }
        let both: Answer = vec![shop.clone(), late.clone()].into();
        assert_eq!(Receipt::add_all(shop.into(), vec![late.clone()]), both);
        assert_eq!(Receipt::add_all(nothing.clone(), Vec::new()), nothing);
        let refused = Answer { exit: 78, ..nothing };
        assert_eq!(Receipt::add_all(refused.clone(), vec![late]), refused);
    }

    #[test]
    fn what_was_added_removed_or_left_alone_says_so() {
        let added = Receipt { plugin: "a".into(), to: version(1, "2.0"), ..Receipt::default() };
        assert!(added.to_string().starts_with("a 2.0 (generation 1) added: 0 requests"), "{added}");
        let removed = Receipt { plugin: "a".into(), from: version(3, "2.0"), ..Receipt::default() };
        assert!(removed.to_string().starts_with("a 2.0 (generation 3) removed: "), "{removed}");
        let same = Receipt { unchanged: true, ..added };
        assert_eq!(same.to_string(), "a 2.0 (generation 1): unchanged, not swapped");
    }
}
