//! Tells which handlers do not return.
//!
//! The board has no time of each call, which would be a look at the clock for each. It has a number that another call changes: a
//! handler that is seen in the same call for as long as the limit has not returned.

use super::in_flight;
use super::stacks::{STACKS_MAX, report};
use crate::scoreboard::{InFlight, View, board};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

/// How often it looks, at most and at least.
const TICK: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(1));

/// What it has seen so far.
#[derive(Default)]
pub(crate) struct Watchdog {
    /// By the ids of requests.
    calls: HashMap<String, Call>,
    next_look: Option<Instant>,
}

struct Call {
    number: u32,
    since: Instant,
    is_reported: bool,
}

impl Watchdog {
    /// When to look again; none: when there is something to look at.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// If it is time to: looks at boards, each with the limit of its process, and gives the requests that are to be reported. A
    /// request is given once.
    pub(crate) fn look(&mut self, now: Instant, watched: &[(Arc<View>, Duration)]) -> Vec<InFlight> {
        if self.next_look.is_some_and(|next| now < next) {
            return Vec::new();
        }
        let tick = watched.iter().map(|(_, limit)| (*limit / 8).clamp(TICK.0, TICK.1)).min();
        self.next_look = tick.map(|tick| now + tick);
        let of_one = |(view, limit): &(Arc<View>, Duration)| {
            let limit = *limit;
            in_flight([&**view]).into_iter().map(move |one| (one, limit))
        };
        self.seen(now, watched.iter().flat_map(of_one).collect())
    }

    fn seen(&mut self, now: Instant, in_flight: Vec<(InFlight, Duration)>) -> Vec<InFlight> {
        let mut calls = HashMap::new();
        let mut stuck = Vec::new();
        for (one, limit) in in_flight {
            let new = Call { number: one.calls, since: now, is_reported: false };
            let mut call = self.calls.remove(&one.id).unwrap_or(new);
            // One that waits between two calls is kept: what was said of it is not said again.
            if call.number != one.calls || one.thread.is_none() {
                (call.number, call.since) = (one.calls, now);
            }
            let is_late = now.saturating_duration_since(call.since) >= limit;
            let is_stuck = one.thread.is_some() && !call.is_reported && is_late;
            // The others come with the next look.
            call.is_reported |= is_stuck && stuck.len() < STACKS_MAX;
            let id = one.id.clone();
            if is_stuck && call.is_reported {
                stuck.push(one);
            }
            calls.insert(id, call);
        }
        self.calls = calls;
        stuck
    }
}

/// Has a host without a supervisor watch its own handlers, with this limit from now on.
pub(crate) fn watch_this_process(stuck_after: Option<Duration>) {
    /// In milliseconds; 0: off.
    static LIMIT: AtomicU64 = AtomicU64::new(0);
    static STARTED: Once = Once::new();
    let limit = stuck_after.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    LIMIT.store(limit, Ordering::Relaxed);
    STARTED.call_once(|| {
        // Without its thread nothing is reported: better than no host.
        let _ = std::thread::Builder::new().name("watchdog".into()).spawn(|| run(&LIMIT));
    });
}

fn run(limit: &AtomicU64) {
    let Some(view) = board().and_then(|board| View::of(board.file()).ok()) else { return };
    let (view, mut watchdog) = (Arc::new(view), Watchdog::default());
    loop {
        let limit = Some(limit.load(Ordering::Relaxed)).filter(|limit| *limit > 0).map(Duration::from_millis);
        let watched: Vec<_> = limit.map(|limit| (view.clone(), limit)).into_iter().collect();
        report(std::slice::from_ref(&view), watchdog.look(Instant::now(), &watched));
        let left = watchdog.next_look().map(|next| next.saturating_duration_since(Instant::now()));
        std::thread::sleep(left.unwrap_or(TICK.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoreboard::{Client, State};

    const LIMIT: Duration = Duration::from_secs(10);

    fn running(id: usize, calls: u32) -> (InFlight, Duration) {
        let one = InFlight {
            id: id.to_string(),
            client: Client::Unix,
            method: "GET".into(),
            path: "/".into(),
            route: None,
            generation: None,
            state: State::InHandler,
            pid: 1,
            thread: Some(2),
            calls,
            began_ms: 0,
        };
        (one, LIMIT)
    }

    fn ids(stuck: Vec<InFlight>) -> Vec<String> {
        stuck.into_iter().map(|one| one.id).collect()
    }

    #[test]
    fn a_call_that_takes_as_long_as_the_limit_is_reported_once() {
        let (mut watchdog, begin) = (Watchdog::default(), Instant::now());
        assert!(watchdog.seen(begin, vec![running(1, 5)]).is_empty());
        assert!(watchdog.seen(begin + LIMIT / 2, vec![running(1, 5), running(2, 1)]).is_empty());
        assert_eq!(ids(watchdog.seen(begin + LIMIT, vec![running(1, 5), running(2, 1)])), ["1"]);
        assert!(watchdog.seen(begin + LIMIT, vec![running(1, 5), running(2, 1)]).is_empty());
        assert_eq!(ids(watchdog.seen(begin + 2 * LIMIT, vec![running(1, 6), running(2, 1)])), ["2"]);
        assert!(watchdog.seen(begin + 4 * LIMIT, vec![running(1, 6)]).is_empty(), "in another call, too");
    }

    #[test]
    fn a_handler_that_is_polled_again_and_again_is_not_stuck() {
        let (mut watchdog, begin) = (Watchdog::default(), Instant::now());
        for second in 0..60 {
            let now = begin + Duration::from_secs(second.into());
            assert!(watchdog.seen(now, vec![running(1, second)]).is_empty());
        }
    }

    #[test]
    fn a_handler_that_waits_between_two_calls_is_reported_once_too() {
        let (mut watchdog, begin) = (Watchdog::default(), Instant::now());
        let waiting = |calls| {
            let (one, limit) = running(1, calls);
            (InFlight { state: State::Waiting, thread: None, ..one }, limit)
        };
        assert!(watchdog.seen(begin, vec![waiting(1)]).is_empty());
        assert!(watchdog.seen(begin + 5 * LIMIT, vec![waiting(1)]).is_empty(), "it is on no thread");
        assert!(watchdog.seen(begin + 5 * LIMIT, vec![running(1, 2)]).is_empty());
        assert_eq!(ids(watchdog.seen(begin + 6 * LIMIT, vec![running(1, 2)])), ["1"]);
        assert!(watchdog.seen(begin + 7 * LIMIT, vec![waiting(2)]).is_empty());
        assert!(watchdog.seen(begin + 7 * LIMIT, vec![running(1, 3)]).is_empty());
        assert!(watchdog.seen(begin + 9 * LIMIT, vec![running(1, 3)]).is_empty(), "that was said of it");
    }

    #[test]
    fn of_many_at_once_all_are_reported_with_one_look_after_the_other() {
        let (mut watchdog, begin) = (Watchdog::default(), Instant::now());
        let many = || (0..STACKS_MAX + 3).map(|id| running(id, 1)).collect::<Vec<_>>();
        assert!(watchdog.seen(begin, many()).is_empty());
        let counts = [1, 2, 3].map(|look| watchdog.seen(begin + LIMIT * look, many()).len());
        assert_eq!(counts, [STACKS_MAX, 3, 0]);
    }

    #[test]
    fn it_looks_when_it_is_time_and_not_at_all_while_there_is_nothing() {
        let (mut watchdog, now) = (Watchdog::default(), Instant::now());
        assert!(watchdog.look(now, &[]).is_empty() && watchdog.next_look().is_none());
        let board = crate::scoreboard::Board::create().expect("a board");
        let view = Arc::new(View::of(board.file()).expect("a view"));
        watchdog.look(now, &[(view.clone(), LIMIT), (view, Duration::from_millis(400))]);
        assert_eq!(watchdog.next_look(), Some(now + Duration::from_millis(50)));
    }
}
