//! When a worker that ended is started again: `[supervisor]` of the spec.
//!
//! The first death costs nothing but the start of another worker. Each further one in a row costs a pause that doubles, so
//! that a plugin which crashes at its start does not keep a core busy; too many within a window end the host, because
//! whoever watches over it should know.

use crate::spec::SupervisorSpec;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A worker that asks to be started again after it served for less than this does so too often.
const SERVED_MIN: Duration = Duration::from_secs(1);

pub(super) struct Policy {
    spec: SupervisorSpec,
    /// When workers died, within the window.
    deaths: VecDeque<Instant>,
    /// How many ended one after the other without having served for long.
    in_a_row: u32,
}

/// What follows the death of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    StartAfter(Duration),
    GiveUp,
}

impl Policy {
    pub(super) fn new(spec: SupervisorSpec) -> Self {
        Self { spec, deaths: VecDeque::new(), in_a_row: 0 }
    }

    /// A worker died that had served for so long.
    pub(super) fn died(&mut self, now: Instant, served: Duration) -> Verdict {
        self.deaths.push_back(now);
        while self.deaths.front().is_some_and(|death| now.duration_since(*death) > self.spec.window) {
            self.deaths.pop_front();
        }
        if self.deaths.len() >= self.spec.failures {
            return Verdict::GiveUp;
        }
        Verdict::StartAfter(self.pause(served >= self.spec.window))
    }

    /// A worker that had served for so long asked to be started again: no death, and no reason to be busy either.
    pub(super) fn asked(&mut self, served: Duration) -> Duration {
        self.pause(served >= SERVED_MIN)
    }

    /// How many died within the window that ended with the last death.
    pub(super) fn deaths(&self) -> usize {
        self.deaths.len()
    }

    /// How many ended in a row, without having served for long.
    pub(super) fn in_a_row(&self) -> usize {
        self.in_a_row as usize
    }

    /// What died so often is out of the way: the next worker is another matter.
    pub(super) fn begin_anew(&mut self) {
        self.deaths.clear();
        self.in_a_row = 0;
    }

    /// The longest pause.
    pub(super) fn pause_max(&self) -> Duration {
        self.spec.backoff_max
    }

    fn pause(&mut self, served_long: bool) -> Duration {
        self.in_a_row = if served_long { 1 } else { self.in_a_row.saturating_add(1) };
        match self.in_a_row.checked_sub(2) {
            None => Duration::ZERO,
            Some(doublings) => {
                let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
                self.spec.backoff.saturating_mul(factor).min(self.spec.backoff_max)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn policy(failures: usize) -> Policy {
        let (backoff, backoff_max, window) = (MS(100), MS(500), MS(60_000));
        Policy::new(SupervisorSpec { backoff, backoff_max, failures, window, ..SupervisorSpec::default() })
    }

    #[test]
    fn the_first_death_costs_no_pause_and_each_further_one_twice_as_long_a_one() {
        let (mut policy, now) = (policy(7), Instant::now());
        let verdicts: Vec<Verdict> = (0..7).map(|at| policy.died(now + MS(at), MS(0))).collect();
        let mut want: Vec<Verdict> =
            [0, 100, 200, 400, 500, 500].map(|ms| Verdict::StartAfter(MS(ms))).into();
        want.push(Verdict::GiveUp);
        assert_eq!(verdicts, want);
    }

    #[test]
    fn deaths_outside_of_the_window_do_not_count() {
        let (mut policy, now) = (policy(2), Instant::now());
        assert_eq!(policy.died(now, MS(0)), Verdict::StartAfter(MS(0)));
        assert_eq!(policy.died(now + MS(60_001), MS(0)), Verdict::StartAfter(MS(100)));
        assert_eq!(policy.deaths(), 1);
        assert_eq!(policy.died(now + MS(60_002), MS(0)), Verdict::GiveUp);
    }

    #[test]
    fn a_worker_that_served_for_the_whole_window_begins_the_row_again() {
        let (mut policy, now) = (policy(100), Instant::now());
        for at in 0..5 {
            policy.died(now + MS(at), MS(0));
        }
        assert_eq!(policy.died(now + MS(10), MS(59_999)), Verdict::StartAfter(MS(500)));
        assert_eq!(policy.died(now + MS(20), MS(60_000)), Verdict::StartAfter(MS(0)));
        assert_eq!(policy.died(now + MS(30), MS(0)), Verdict::StartAfter(MS(100)));
    }

    #[test]
    fn after_a_new_beginning_nothing_counts_that_was_before() {
        let (mut policy, now) = (policy(4), Instant::now());
        for _ in 0..3 {
            policy.died(now, MS(0));
        }
        policy.begin_anew();
        assert_eq!(policy.died(now, MS(0)), Verdict::StartAfter(MS(0)));
        assert_eq!(policy.deaths(), 1);
    }

    #[test]
    fn asking_to_be_started_again_is_no_death_but_a_pause_when_it_is_often() {
        let mut policy = policy(2);
        assert_eq!([0, 999, 5].map(|served| policy.asked(MS(served))), [MS(0), MS(100), MS(200)]);
        assert_eq!(policy.asked(MS(1000)), MS(0));
        assert_eq!(policy.deaths(), 0);
        assert_eq!(policy.died(Instant::now(), MS(0)), Verdict::StartAfter(MS(100)));
    }

    #[test]
    fn a_row_without_an_end_does_not_overflow() {
        let (mut policy, now) = (policy(usize::MAX), Instant::now());
        for _ in 0..100 {
            policy.died(now, MS(0));
        }
        assert_eq!(policy.asked(MS(0)), MS(500));
    }
}
