//! A clock that costs nothing to read: milliseconds, a few behind. For deadlines of seconds that are set on every request.

use nix::time::{ClockId, clock_gettime};

/// Milliseconds since some moment before the process began.
pub(crate) fn coarse_ms() -> u64 {
    // By way of libc, whose clock runs under valgrind, too: rustix's own way to it does not.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE);
    now.map_or(0, |now| now.tv_sec().cast_unsigned() * 1000 + now.tv_nsec().cast_unsigned() / 1_000_000)
}
