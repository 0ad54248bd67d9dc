//! A clock that costs nothing to read: milliseconds, a few behind. For deadlines of seconds that are set on every request.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since some moment before the process began.
pub(crate) fn coarse_ms() -> u64 {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    now.tv_sec.cast_unsigned() * 1000 + now.tv_nsec.cast_unsigned() / 1_000_000
}
