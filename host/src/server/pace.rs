//! How slow a client may be with a body.

use std::time::{Duration, Instant};

/// A client that moves less than this a second, on top of the timeout, is too slow: so that one byte now and then does
/// not keep a connection for ever.
const BYTES_A_SECOND_MIN: u64 = 1024;

/// The pace of one body, or one part of it: no pause is longer than the timeout, and all of it is not slower than
/// [`BYTES_A_SECOND_MIN`].
///
/// Only the second would be too little: who moves a lot at once could then pause for hours.
pub(super) struct Pace {
    timeout: Option<Duration>,
    began: Instant,
    moved_at: Instant,
    bytes: u64,
}

impl Pace {
    /// Begins now; no timeout is no limit.
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { timeout, began: now, moved_at: now, bytes: 0 }
    }

    /// So many more bytes have come or gone.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.moved_at = Instant::now();
    }

    /// Until when more must have moved; none: never.
    pub(super) fn due(&self) -> Option<Instant> {
        let allowance = Duration::from_millis(self.bytes.saturating_mul(1000) / BYTES_A_SECOND_MIN);
        let all = self.began.checked_add(self.timeout?)?.checked_add(allowance);
        let pause = self.moved_at.checked_add(self.timeout?);
        all.min(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn pace(began_ago: u64, moved_ago: u64, bytes: u64) -> Duration {
        let now = Instant::now();
        let ago = |seconds| now - Duration::from_secs(seconds);
        let pace = Pace { timeout: Some(TIMEOUT), began: ago(began_ago), moved_at: ago(moved_ago), bytes };
        pace.due().expect("a deadline").saturating_duration_since(now)
    }

    #[test]
    fn a_pause_is_no_longer_than_the_timeout_however_much_has_moved() {
        assert_eq!(pace(100, 0, 10 << 20), TIMEOUT);
        assert_eq!(pace(100, 30, 10 << 20), Duration::ZERO);
    }

    #[test]
    fn a_byte_now_and_then_is_not_enough() {
        assert_eq!(pace(29, 0, 29), Duration::from_millis(1028));
        assert_eq!(pace(31, 0, 31), Duration::ZERO);
    }

    #[test]
    fn no_timeout_is_no_limit() {
        assert_eq!(Pace::new(None).due(), None);
    }
}
