//! What a thread knows about itself. Cells without a destructor, in the executable: to read one is to read memory, also in a signal
//! handler.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    /// An address of the library that started this thread.
    static ORIGIN: Cell<usize> = const { Cell::new(0) };
    /// The generation whose life this thread is in, as its number on the scoreboard plus one.
    static LIFE: Cell<u32> = const { Cell::new(0) };
}

/// This thread was started by the library that has this address.
pub(crate) fn started_by(address: usize) {
    ORIGIN.set(address);
}

/// What [`started_by`] said; 0: nothing.
pub(super) fn origin() -> usize {
    ORIGIN.get()
}

/// What [`InLife`] says; 0: nothing.
pub(super) fn life() -> u32 {
    LIFE.get()
}

/// This thread is in a step of a generation's life, until it is dropped: its constructors, `create`, `start`, `stop`.
pub(crate) struct InLife {
    before: u32,
    here: PhantomData<*const ()>,
}

impl InLife {
    /// Of the generation of that number on the scoreboard; none: it has no place there.
    pub(crate) fn of(generation: Option<u32>) -> Self {
        let before = LIFE.replace(generation.map_or(0, |index| index + 1));
        Self { before, here: PhantomData }
    }
}

impl Drop for InLife {
    fn drop(&mut self) {
        LIFE.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_in_the_life_that_it_entered_last() {
        assert_eq!(life(), 0);
        let outer = InLife::of(Some(0));
        let inner = InLife::of(Some(6));
        assert_eq!(life(), 7);
        drop(inner);
        assert_eq!(life(), 1);
        drop(outer);
        assert_eq!(life(), 0);
    }
}
