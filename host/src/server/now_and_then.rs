//! Something that happens again and again is said once in a while.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When it was said last.
pub(super) struct NowAndThen {
    pause: Duration,
    said: Mutex<Option<Instant>>,
}

impl NowAndThen {
    /// Not more often than this.
    pub(super) const fn every(pause: Duration) -> Self {
        Self { pause, said: Mutex::new(None) }
    }

    /// Whether to say it again: then the pause begins anew.
    pub(super) fn is_time(&self) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = said.is_none_or(|said| said.elapsed() >= self.pause);
        if is_time {
            *said = Some(Instant::now());
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_at_once_and_then_not_before_the_pause_is_over() {
        let rarely = NowAndThen::every(Duration::from_secs(3600));
        assert_eq!([rarely.is_time(), rarely.is_time()], [true, false]);
        let always = NowAndThen::every(Duration::ZERO);
        assert_eq!([always.is_time(), always.is_time()], [true, true]);
    }
}
