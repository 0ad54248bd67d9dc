//! What the load has done, in numbers.

use super::failed::FailedCounts;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// What kind of client a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// On a connection that is kept.
    Kept,
    /// On a connection of its own.
    New,
    /// An answer without an announced length, read to its end.
    Stream,
    /// A large answer, read slowly from a small receive buffer.
    Slow,
}

impl Kind {
    /// For the line of a failure.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Kept => "on a kept connection",
            Self::New => "on a new connection",
            Self::Stream => "of a stream",
            Self::Slow => "by a slow reader",
        }
    }
}

/// Requests by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Requests {
    pub(super) total: u64,
    pub(super) kept: u64,
    pub(super) new: u64,
    pub(super) streams: u64,
    pub(super) slow: u64,
}

impl Requests {
    fn add(&mut self, kind: Kind) {
        self.total += 1;
        *match kind {
            Kind::Kept => &mut self.kept,
            Kind::New => &mut self.new,
            Kind::Stream => &mut self.streams,
            Kind::Slow => &mut self.slow,
        } += 1;
    }
}

/// Microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Latency {
    pub(super) p50: u64,
    pub(super) p99: u64,
    pub(super) worst: u64,
}

/// See the module.
pub(super) struct Counts {
    pub(super) requests: Requests,
    pub(super) failed: FailedCounts,
    /// Of whole answers to requests on kept and new connections, in microseconds.
    latencies: Histogram<u64>,
}

/// Of a histogram: values are right to one in a thousand.
const DIGITS: u8 = 3;

impl Counts {
    pub(super) fn new() -> Self {
        let latencies = Histogram::new(DIGITS);
        Self {
            requests: Requests::default(),
            failed: FailedCounts::default(),
            // So many digits are never too many.
            latencies: latencies.unwrap_or_else(|_| unreachable!("up to five digits are possible")),
        }
    }

    /// A request has ended; with a whole answer, if it took some time.
    pub(super) fn add(&mut self, kind: Kind, took: Option<Duration>) {
        self.requests.add(kind);
        if let (Kind::Kept | Kind::New, Some(took)) = (kind, took) {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            // It grows with its values: only memory could be missing.
            let _ = self.latencies.record(micros);
        }
    }

    pub(super) fn latency(&self) -> Latency {
        let quantile = |quantile| self.latencies.value_at_quantile(quantile);
        Latency { p50: quantile(0.5), p99: quantile(0.99), worst: self.latencies.max() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_those_of_ordinary_requests() {
        let mut counts = Counts::new();
        (1..=100).for_each(|ms| counts.add(Kind::Kept, Some(Duration::from_millis(ms))));
        counts.add(Kind::Slow, Some(Duration::from_secs(1)));
        counts.add(Kind::New, None);
        let Latency { p50, p99, worst } = counts.latency();
        assert!(p50.abs_diff(50_000) < 100 && p99.abs_diff(99_000) < 200 && worst.abs_diff(100_000) < 200);
        assert_eq!(counts.requests, Requests { total: 102, kept: 100, new: 1, streams: 0, slow: 1 });
    }
}
