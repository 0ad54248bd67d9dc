//! In which ways a request fails. There is no second try: each of them is a failure.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Failed {
    /// No connection.
    Refused,
    /// The connection was reset, whatever had come by then.
    Reset,
    /// The connection ended before the head of an answer was here.
    Closed,
    /// It ended within the body.
    Short,
    /// What came is no HTTP, or has no end.
    Malformed,
    /// No whole answer in time.
    Late,
    /// Another status than that of the same request before.
    Status,
    /// The answer names no generation, and did before.
    Unnamed,
    /// It names a generation that was not current at any moment of the request.
    Stranger,
    /// Its body is not the one that this request has on the generation that it names.
    Mixed,
}

impl Failed {
    /// Every way with its word, in the order in which they are told.
    pub(super) const WORDS: [(Self, &'static str); 10] = [
        (Self::Refused, "refused"),
        (Self::Reset, "reset"),
        (Self::Closed, "closed without an answer"),
        (Self::Short, "short"),
        (Self::Malformed, "malformed"),
        (Self::Late, "late"),
        (Self::Status, "of another status"),
        (Self::Unnamed, "without a generation"),
        (Self::Stranger, "of a wrong generation"),
        (Self::Mixed, "mixed"),
    ];

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(failed, _)| *failed == self).map_or("failed", |(_, word)| word)
    }
}

/// How many requests failed in each way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FailedCounts(BTreeMap<Failed, u64>);

impl Default for FailedCounts {
    fn default() -> Self {
        Self(Failed::WORDS.iter().map(|(failed, _)| (*failed, 0)).collect())
    }
}

impl FailedCounts {
    pub(super) fn add(&mut self, failed: Failed) {
        *self.0.entry(failed).or_default() += 1;
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.values().sum()
    }
}

/// `0 refused, 0 reset, ...`
impl fmt::Display for FailedCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.0.iter().map(|(failed, count)| format!("{count} {}", failed.word()));
        f.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_counted_and_told() {
        let mut counts = FailedCounts::default();
        for (failed, word) in Failed::WORDS {
            assert_eq!(failed.word(), word);
            counts.add(failed);
        }
        assert_eq!(counts.sum(), 10);
        assert_eq!(
            counts.to_string(),
            "1 refused, 1 reset, 1 closed without an answer, 1 short, 1 malformed, 1 late, 1 of another status, 1 without a \
             generation, 1 of a wrong generation, 1 mixed"
        );
    }
}
