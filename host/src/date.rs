//! The value of the `date` header, made once a second for each thread.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

thread_local! {
    static NOW: RefCell<(u64, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
}

/// Calls back with the date of this moment, as RFC 9110 writes it.
pub(crate) fn with_now<T>(work: impl FnOnce(&[u8]) -> T) -> T {
    let now = SystemTime::now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    NOW.with_borrow_mut(|(made, date)| {
        if *made != second {
            (*made, *date) = (second, httpdate::fmt_http_date(now).into_bytes());
        }
        work(date)
    })
}
