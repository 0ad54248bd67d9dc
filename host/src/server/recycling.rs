//! A worker that has served for long enough, or has become too large, asks for another one in its place. gunicorn's words.

use super::{Serving, Unfit};
use crate::error::Error;
use crate::spec::{Opt, Unit};
use crate::stop::Stop;
use crate::units;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(super) const MAX_REQUESTS: Opt = Opt {
    name: "max_requests",
    unit: Unit::Limit,
    default: "0",
    what: "a worker that has answered so many is replaced; 0 is off",
};
pub(super) const MAX_REQUESTS_JITTER: Opt = Opt {
    name: "max_requests_jitter",
    unit: Unit::Limit,
    default: "0",
    what: "up to so many more, for each worker by chance, so that not all are replaced at once",
};
pub(super) const MAX_AGE: Opt = Opt {
    name: "max_age",
    unit: Unit::Time,
    default: "0s",
    what: "a worker that has served for so long is replaced; \"0s\" is off",
};
pub(super) const MAX_MEMORY: Opt = Opt {
    name: "max_memory",
    unit: Unit::Size,
    default: "0B",
    what: "a worker that has more resident memory is replaced; \"0B\" is off",
};

/// How often to look. A worker that is not replaced, because another one is just then, asks again.
const LOOK: Duration = Duration::from_millis(200);

/// What one worker has answered, and when that is enough.
#[derive(Clone)]
pub(super) struct Recycling(Arc<AtomicU64>);

/// None: it does not matter.
struct Limits {
    requests: Option<u64>,
    age: Option<Duration>,
    memory_bytes: Option<u64>,
}

impl Recycling {
    /// Counts from now on.
    ///
    /// # Errors
    /// There is no thread left to look.
    pub(super) fn start(serving: &Serving) -> Result<Self, Error> {
        let recycling = Self(Arc::default());
        let limits = Limits::of(&serving.options, random());
        if limits.are_any() {
            let (seen, stop, unfit) = (recycling.clone(), serving.stop.clone(), serving.unfit.clone());
            let look = move || seen.look(&limits, &stop, &unfit);
            let thread = std::thread::Builder::new().name("recycle".into()).spawn(look);
            thread.map_err(|cause| Error::failed(format!("cannot start thread `recycle`: {cause}")))?;
        }
        Ok(recycling)
    }

    /// One more request was answered.
    pub(super) fn answered(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn look(&self, limits: &Limits, stop: &Stop, unfit: &Unfit) {
        let began = Instant::now();
        while !stop.is_retiring() {
            std::thread::sleep(LOOK);
            if let Some(why) =
                limits.reached(self.0.load(Ordering::Relaxed), began.elapsed(), resident_bytes())
            {
                unfit(&why);
            }
        }
    }
}

impl Limits {
    fn of(options: &toml::Table, random: u64) -> Self {
        let value = |opt: Opt| Some(opt.value(options)).filter(|value| *value > 0);
        let jitter = value(MAX_REQUESTS_JITTER).map_or(0, |most| random % (most + 1));
        Self {
            requests: value(MAX_REQUESTS).map(|requests| requests + jitter),
            age: value(MAX_AGE).map(Duration::from_millis),
            memory_bytes: value(MAX_MEMORY),
        }
    }

    fn are_any(&self) -> bool {
        self.requests.is_some() || self.age.is_some() || self.memory_bytes.is_some()
    }

    /// Which of them was reached.
    fn reached(&self, requests: u64, age: Duration, memory_bytes: u64) -> Option<String> {
        let Self { requests: requests_max, age: age_max, memory_bytes: memory_max } = self;
        match () {
            () if requests_max.is_some_and(|max| requests >= max) => {
                Some(format!("it has answered {requests} requests (`max_requests`)"))
            }
            () if age_max.is_some_and(|max| age >= max) => {
                Some(format!("it has served for {} (`max_age`)", crate::units::duration(age)))
            }
            // One that has answered nobody yet has what every worker has: the next one would be no smaller.
            () if requests > 0 && memory_max.is_some_and(|max| memory_bytes >= max) => {
                Some(format!("it has {} MiB of memory (`max_memory`)", memory_bytes >> 20))
            }
            () => None,
        }
    }
}

/// The memory of this process that is not swapped out; 0 where that cannot be read.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    pages * units::page_bytes()
}

/// Another number in each process.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(options: &str, random: u64) -> Limits {
        Limits::of(&options.parse().expect("TOML"), random)
    }

    #[test]
    fn without_options_a_worker_is_never_replaced() {
        assert!(!limits("", 7).are_any());
        assert!(!limits("max_requests_jitter = 5", 7).are_any(), "there is nothing to add it to");
        assert_eq!(limits("", 7).reached(u64::MAX, Duration::MAX, u64::MAX), None);
    }

    #[test]
    fn each_limit_is_reached_by_itself_and_says_so() {
        let all = limits("max_requests = 10\nmax_age = '2s'\nmax_memory = '64MiB'", 0);
        let reached =
            |requests, seconds, mib: u64| all.reached(requests, Duration::from_secs(seconds), mib << 20);
        assert_eq!(reached(9, 1, 63), None);
        assert_eq!(reached(10, 1, 1).as_deref(), Some("it has answered 10 requests (`max_requests`)"));
        assert_eq!(reached(1, 2, 1).as_deref(), Some("it has served for 2s (`max_age`)"));
        assert_eq!(reached(0, 1, 64), None, "it has answered nobody");
        assert_eq!(reached(1, 1, 64).as_deref(), Some("it has 64 MiB of memory (`max_memory`)"));
    }

    #[test]
    fn the_jitter_is_between_nothing_and_its_limit() {
        let requests = |random| limits("max_requests = 10\nmax_requests_jitter = 3", random).requests;
        assert_eq!([0, 1, 2, 3, 4].map(requests), [10, 11, 12, 13, 10].map(Some));
    }

    #[test]
    fn a_process_has_memory() {
        assert!(resident_bytes() > 1 << 20);
    }
}
