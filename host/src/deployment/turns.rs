//! Turns: what is asked for one plugin happens in the order of asking.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A queue of wishes for one thing, of which one at a time is carried out. A wish that is equal to the last one that still waits
/// joins it: both get its result. A thousand swaps to what is on disk now are two, not a thousand.
pub(super) struct Turns<W, R> {
    queue: Mutex<Queue<W, R>>,
}

struct Queue<W, R> {
    is_busy: bool,
    waiting: VecDeque<Arc<Place<W, R>>>,
}

/// A place in the queue.
struct Place<W, R> {
    wish: W,
    state: Mutex<State<R>>,
    changed: Condvar,
}

enum State<R> {
    Waits,
    /// It is its turn.
    Turn,
    /// It was carried out.
    Done(R),
}

impl<W, R> Default for Turns<W, R> {
    fn default() -> Self {
        Self { queue: Mutex::new(Queue { is_busy: false, waiting: VecDeque::new() }) }
    }
}

impl<W: PartialEq, R: Clone> Turns<W, R> {
    /// Carries the wish out when it is its turn, or waits for the equal one that waits last.
    pub(super) fn carry_out(&self, wish: W, work: impl FnOnce() -> R) -> R {
        let (place, is_mine) = self.enqueue(wish);
        if !is_mine {
            return place.wait_done();
        }
        place.wait_turn();
        let turn = Turn(self);
        let result = work();
        place.change(State::Done(result.clone()));
        drop(turn);
        result
    }

    fn enqueue(&self, wish: W) -> (Arc<Place<W, R>>, bool) {
        let mut queue = self.lock();
        if let Some(last) = queue.waiting.back().filter(|last| last.wish == wish) {
            return (last.clone(), false);
        }
        let state = Mutex::new(if queue.is_busy { State::Waits } else { State::Turn });
        let place = Arc::new(Place { wish, state, changed: Condvar::new() });
        match queue.is_busy {
            true => queue.waiting.push_back(place.clone()),
            false => queue.is_busy = true,
        }
        (place, true)
    }
}

impl<W, R> Turns<W, R> {
    fn lock(&self) -> MutexGuard<'_, Queue<W, R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_on(&self) {
        let mut queue = self.lock();
        match queue.waiting.pop_front() {
            Some(next) => next.change(State::Turn),
            None => queue.is_busy = false,
        }
    }
}

/// Passed on on every way out, panics included. (Those who joined a wish that panicked wait for ever: nothing here panics.)
struct Turn<'a, W, R>(&'a Turns<W, R>);

impl<W, R> Drop for Turn<'_, W, R> {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

impl<W, R> Place<W, R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, state: State<R>) {
        *self.lock() = state;
        self.changed.notify_all();
    }

    fn wait_turn(&self) {
        let waits = |state: &mut State<R>| matches!(state, State::Waits);
        drop(self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner));
    }
}

impl<W, R: Clone> Place<W, R> {
    fn wait_done(&self) -> R {
        let mut state = self.lock();
        loop {
            if let State::Done(result) = &*state {
                return result.clone();
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread::scope;

    /// A queue whose first wish is being carried out until it is let go.
    struct Busy {
        began: Barrier,
        go: Barrier,
    }

    impl Busy {
        fn new() -> Self {
            Self { began: Barrier::new(2), go: Barrier::new(2) }
        }

        fn wait(&self) {
            self.began.wait();
            self.go.wait();
        }
    }

    fn wait_until(condition: impl Fn() -> bool) {
        while !condition() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn wishes_are_carried_out_in_the_order_of_asking() {
        let turns = Turns::<usize, ()>::default();
        let (order, busy) = (Mutex::new(Vec::new()), Busy::new());
        scope(|threads| {
            threads.spawn(|| turns.carry_out(0, || busy.wait()));
            busy.began.wait();
            for wish in 1..=20 {
                let (turns, order) = (&turns, &order);
                threads.spawn(move || turns.carry_out(wish, || order.lock().unwrap().push(wish)));
                wait_until(|| turns.lock().waiting.len() == wish);
            }
            busy.go.wait();
        });
        assert_eq!(*order.lock().unwrap(), (1..=20).collect::<Vec<_>>());
    }

    #[test]
    fn an_equal_wish_joins_the_last_that_waits_and_no_other() {
        let turns = Turns::<&str, usize>::default();
        let (count, busy) = (AtomicUsize::new(0), Busy::new());
        let next = || count.fetch_add(1, SeqCst) + 1;
        scope(|threads| {
            threads.spawn(|| {
                turns.carry_out("a", || {
                    busy.wait();
                    next()
                })
            });
            busy.began.wait();
            // The one that is carried out may have looked already: the first equal wish is another.
            let asked = [("a", 2, 1), ("a", 2, 1), ("b", 3, 2), ("a", 4, 3), ("a", 4, 3)];
            for (index, (wish, result, waiting)) in asked.into_iter().enumerate() {
                let (turns, next) = (&turns, &next);
                threads.spawn(move || assert_eq!(turns.carry_out(wish, next), result, "{wish}"));
                // Whoever joins holds the place of another.
                let joins = index > 0 && asked[index - 1].0 == wish;
                let held = if joins { 3 } else { 2 };
                wait_until(|| {
                    let queue = turns.lock();
                    queue.waiting.len() == waiting && Arc::strong_count(&queue.waiting[waiting - 1]) == held
                });
            }
            busy.go.wait();
        });
        assert_eq!(count.load(SeqCst), 4);
    }
}
