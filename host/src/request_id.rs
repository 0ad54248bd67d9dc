//! Ids of requests: unlike within a process, unlikely to be alike between two. They are the host's own: what a client sends as
//! one is not looked at.

use std::cell::{Cell, OnceCell};
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::ops::Deref;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

static PROCESS: LazyLock<u32> = LazyLock::new(|| RandomState::new().build_hasher().finish() as u32);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The part of an id that is this process's.
pub(crate) fn process() -> u32 {
    *PROCESS
}

/// The next id that is counted for the whole process: where a request has no slot to count for itself.
pub(crate) fn next() -> u64 {
    // Above those of slots, which have their number in the upper half.
    (u64::from(u32::MAX) << 32) | NEXT.fetch_add(1, Ordering::Relaxed)
}

/// So many of them are for a process that is forked off.
const OF_A_CHILD: u64 = 64;

/// A process was forked off, which goes on counting from here: this one does further on.
pub(crate) fn leave_some_to_a_child() {
    NEXT.fetch_add(OF_A_CHILD, Ordering::Relaxed);
}

/// An id as people see it. It takes no memory of its own: every answer has one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    digits: [u8; TEXT_BYTES_MAX],
    length: u8,
}

/// The digits of both numbers, and a dash.
const TEXT_BYTES_MAX: usize = 8 + 1 + 16;

/// What all ids of a process begin with.
pub(crate) fn of_process(process: u32) -> String {
    format!("{process:08x}-")
}

/// An id as people see it: eight hexadecimal digits for the process, a dash, and the number.
pub(crate) fn text(process: u32, id: u64) -> Text {
    let mut text = Text { digits: [b'-'; TEXT_BYTES_MAX], length: 0 };
    text.push(process.into(), 8);
    text.length += 1;
    text.push(id, ((67 - id.leading_zeros()) / 4).max(1));
    text
}

impl Text {
    fn push(&mut self, number: u64, digits: u32) {
        for digit in (0..digits).rev() {
            self.digits[usize::from(self.length)] =
                b"0123456789abcdef"[(number >> (4 * digit) & 15) as usize];
            self.length += 1;
        }
    }
}

impl Text {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// The id of one request after another: a number, and a text that is made when somebody asks for it.
#[derive(Default)]
pub(crate) struct RequestId {
    /// 0: not given yet.
    number: Cell<u64>,
    text: OnceCell<Text>,
}

impl RequestId {
    /// Gives it that number. It has no text yet, or has had that number before.
    pub(crate) fn set(&self, number: u64) {
        self.number.set(number);
    }

    /// What it was given, if it was.
    pub(crate) fn given(&self) -> u64 {
        self.number.get()
    }

    /// What it was given, else one that is made now.
    pub(crate) fn number(&self) -> u64 {
        if self.number.get() == 0 {
            self.number.set(next());
        }
        self.number.get()
    }

    pub(crate) fn text(&self) -> &Text {
        self.text.get_or_init(|| text(process(), self.number()))
    }

    /// The next request has none yet.
    pub(crate) fn reset(&mut self) {
        self.number.set(0);
        self.text.take();
    }
}

thread_local! {
    /// The number of the request whose handler runs on this thread; 0: none does.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// As long as it lives, what a plugin logs on this thread belongs to a request.
pub(crate) struct Handling(u64);

/// Code of a plugin's runs on this thread for the request of that number.
pub(crate) fn handling(number: u64) -> Handling {
    Handling(CURRENT.replace(number))
}

impl Drop for Handling {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// The id of the request whose handler runs on this thread.
pub(crate) fn current() -> Option<Text> {
    let number = CURRENT.get();
    (number != 0).then(|| text(process(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It goes into headers and into the log as it is: also when a worker has the numbers from memory that is not what it was.
    #[test]
    fn an_id_of_any_numbers_is_hexadecimal_and_a_dash() {
        let bits = |bit: u32| [1_u64 << bit, (1 << bit) - 1, u64::MAX << bit];
        for number in (0..64).flat_map(bits) {
            for process in [number as u32, (number >> 32) as u32] {
                let text = text(process, number);
                let (first, second) = text.split_once('-').expect("a dash");
                assert_eq!(u32::from_str_radix(first, 16), Ok(process));
                assert_eq!(u64::from_str_radix(second, 16), Ok(number));
                assert!(text.starts_with(&of_process(process)) && !text.contains('+'), "{text}");
            }
        }
    }

    #[test]
    fn an_id_is_the_process_and_a_number() {
        for (process, id, want) in [
            (0xa, 0, "0000000a-0".to_owned()),
            (u32::MAX, u64::MAX, format!("{:08x}-{:x}", u32::MAX, u64::MAX)),
            (1, 0x10, "00000001-10".to_owned()),
            (1, 0xfff, "00000001-fff".to_owned()),
        ] {
            assert_eq!(&*text(process, id), want);
        }
    }

    #[test]
    fn an_id_that_nobody_gave_is_made_once_and_the_next_request_has_another() {
        let mut id = RequestId::default();
        assert_eq!(id.given(), 0);
        let first = *id.text();
        assert_eq!((id.number(), *id.text()), (id.given(), first));
        id.reset();
        id.set(0x2a);
        assert_eq!(*id.text(), text(process(), 0x2a));
    }

    #[test]
    fn lines_of_a_handler_belong_to_its_request_and_to_no_other() {
        assert_eq!(current(), None);
        let outer = handling(1);
        {
            let _inner = handling(2);
            assert_eq!(current(), Some(text(process(), 2)));
        }
        assert_eq!(current(), Some(text(process(), 1)));
        drop(outer);
        assert_eq!(current(), None);
    }
}
