//! No panic crosses the boundary: every entry runs inside of [`run`], and the panic's message goes to the host's log.

use crate::abi;
use crate::host::{self, Level};
use std::any::Any;
use std::cell::Cell;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

/// Runs an entry. A panic becomes a line in the log, by way of `log`, and [`PANIC`](abi::PANIC).
pub(crate) fn run(log: impl FnOnce(&str), entry: impl FnOnce() -> i32) -> i32 {
    let payload = match catch_unwind(AssertUnwindSafe(entry)) {
        Ok(code) => return code,
        Err(payload) => payload,
    };
    let text =
        payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let line = format!("panicked{}: {}", PLACE.get(), text.unwrap_or("a payload that is no text"));
    discard(payload);
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| log(&line))) {
        discard(second);
    }
    abi::PANIC
}

/// Frees what is text. The drop of anything else may panic in turn: it is forgotten.
fn discard(payload: Box<dyn Any + Send>) {
    if !payload.is::<&str>() && !payload.is::<String>() {
        std::mem::forget(payload);
    }
}

/// Runs an entry that has no answer, nor a request.
pub(crate) fn quietly(entry: impl FnOnce()) {
    let log = |line: &str| host::log(Level::Error, line);
    run(log, || {
        entry();
        abi::READY
    });
}

thread_local! {
    /// Where this thread panicked last. It has no destructor and is touched by panics alone: a plugin leaves nothing in
    /// the threads of the host's, and requests pay nothing.
    static PLACE: Cell<Place> = const { Cell::new(Place { len: 0, text: [0; PLACE_BYTES_MAX] }) };
}

/// Longer places lose their end: a path of a source file, a line and a column.
const PLACE_BYTES_MAX: usize = 200;

#[derive(Clone, Copy)]
struct Place {
    len: usize,
    text: [u8; PLACE_BYTES_MAX],
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text[..self.len]))
    }
}

impl Write for Place {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let len = text.len().min(PLACE_BYTES_MAX - self.len);
        self.text[self.len..self.len + len].copy_from_slice(&text.as_bytes()[..len]);
        self.len += len;
        Ok(())
    }
}

/// Sets the hook of this plugin's own copy of the standard library: a line in the host's log and no backtrace, which
/// would take tens of megabytes for each copy of a plugin. It is also how panics of a plugin's own threads are seen.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        PLACE.set(place(info));
        let text = info.payload_as_str().unwrap_or("a payload that is no text");
        host::log(Level::Error, format!("panicked{}: {text}", PLACE.get()));
    }));
}

fn place(info: &PanicHookInfo<'_>) -> Place {
    let mut place = Place { len: 0, text: [0; PLACE_BYTES_MAX] };
    if let Some(location) = info.location() {
        // Cannot fail: what does not fit is left out.
        let _ = write!(place, " at {location}");
    }
    place
}
