//! All slots of a worker.

use super::Uses;
use super::counts::Count;
use super::slot::{At, Slot};
use crate::generation::Generation;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the folder.
#[derive(Default)]
pub(crate) struct Slots {
    slots: Mutex<Vec<Arc<Slot>>>,
    handing_over: Arc<Mutex<()>>,
    counts_at_once: AtomicBool,
}

/// What uses a generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InUse {
    /// Requests.
    pub(crate) requests: usize,
    /// Bodies on their way out.
    pub(crate) bodies: usize,
    /// Requests that looked for their route in a table that had it, and may use it in a moment.
    pub(crate) looking: usize,
}

impl InUse {
    /// Nothing does, and nothing will.
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for an exchange.
    pub(crate) fn add(&self) -> Arc<Slot> {
        let slot = Slot::new(self.handing_over.clone(), self.counts_at_once.load(Ordering::Relaxed));
        let slot = Arc::new(slot);
        self.lock().push(slot.clone());
        slot
    }

    /// Slots that are added from now on keep no counts of their own: this process may end at any time, and what it counted is to
    /// be known to the one that forked it.
    pub(crate) fn count_at_once(&self) {
        self.counts_at_once.store(true, Ordering::Relaxed);
    }

    /// The exchange is gone.
    pub(crate) fn remove(&self, slot: &Arc<Slot>) {
        slot.settle();
        let mut slots = self.lock();
        if let Some(index) = slots.iter().position(|known| Arc::ptr_eq(known, slot)) {
            slots.swap_remove(index);
        }
    }

    /// What uses a generation, when the tables before `table` are those that may have it.
    pub(crate) fn in_use(&self, generation: &Generation, table: u64) -> InUse {
        self.in_use_by(&generation.uses(), table)
    }

    fn in_use_by(&self, uses: &[Arc<Uses>], table: u64) -> InUse {
        let mut found = InUse { bodies: uses.iter().map(|uses| uses.bodies()).sum(), ..InUse::default() };
        for slot in self.lock().iter() {
            match slot.at() {
                At::Looking(at) if at < table => found.looking += 1,
                At::Using(at) if uses.iter().any(|uses| std::ptr::eq(Arc::as_ptr(uses), at)) => {
                    found.requests += 1;
                }
                _ => {}
            }
        }
        found
    }

    /// Asks every request that uses the generation to end; how many those were.
    pub(crate) fn cancel(&self, generation: &Generation) -> usize {
        let uses = generation.uses();
        let mut asked = 0;
        for slot in self.lock().iter() {
            let At::Using(at) = slot.at() else { continue };
            if let Some(uses) = uses.iter().find(|uses| std::ptr::eq(Arc::as_ptr(uses), at)) {
                slot.cancel(uses);
                asked += 1;
            }
        }
        asked
    }

    /// What a generation answered until now.
    pub(crate) fn count(&self, generation: &Generation) -> Count {
        // Nothing goes from a slot to the generation meanwhile: it would be counted twice, or not at all.
        let _handing_over = self.handing_over.lock();
        let mut count = generation.counts().get();
        for slot in self.lock().iter() {
            count += slot.sum(|uses| uses.contains(generation));
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::InBody;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
    use std::thread::scope;

    /// A slot that is removed on every way out: one of a reader that has panicked would be waited for.
    struct Member<'a>(&'a Slots, Arc<Slot>);

    impl Drop for Member<'_> {
        fn drop(&mut self) {
            self.1.leave();
            self.0.remove(&self.1);
        }
    }

    /// How many tables the stress test publishes.
    const TABLES: usize = 10_000;

    #[test]
    fn a_slot_says_what_its_request_is_at() {
        let slots = Slots::default();
        let (slot, uses) = (slots.add(), Uses::new(Vec::new()));
        let in_use = |table| slots.in_use_by(std::slice::from_ref(&uses), table);
        assert!(in_use(9).is_none());
        slot.look_at(7);
        assert_eq!(in_use(8).looking, 1, "it may find it in a moment");
        assert!(in_use(7).is_none(), "the table that it looks at does not have it");
        slot.using(&uses);
        assert_eq!(in_use(7).requests, 1);
        let body = InBody::of(&uses);
        slot.leave();
        assert_eq!(in_use(9), InUse { bodies: 1, ..InUse::default() });
        drop(body);
        assert!(in_use(9).is_none());
    }

    #[test]
    fn only_the_request_that_uses_it_is_cancelled_and_not_the_next_one() {
        let slots = Slots::default();
        let (slot, uses) = (slots.add(), Uses::new(Vec::new()));
        slot.look_at(1);
        slot.using(&uses);
        slot.cancel(&uses);
        assert!(slot.is_cancelled(&uses) && !slot.is_cancelled(&Uses::new(Vec::new())));
        slot.leave();
        slot.look_at(1);
        slot.using(&uses);
        assert!(!slot.is_cancelled(&uses), "another request");
    }

    #[test]
    fn counts_move_from_slot_to_slot_and_none_is_lost() {
        let slots = Slots::default();
        let all: Vec<Arc<Uses>> = (0..6).map(|_| Uses::new(Vec::new())).collect();
        let slot = slots.add();
        for round in 0..10 {
            all.iter().for_each(|uses| slot.count(uses, round == 0));
        }
        let held: u64 = all.iter().map(|uses| slot.sum(|one| std::ptr::eq(one, &**uses)).requests).sum();
        assert!(
            (4..=6 * 10).contains(&held),
            "what was handed over is the generations', of which there are none: {held}"
        );
        slot.settle();
        assert_eq!(slot.sum(|_| true), Count::default());
    }

    /// The protocol of the folder: readers go through tables while one thread publishes new ones and frees the old ones as
    /// soon as no slot says that they are used. A reader that uses a freed one has found a hole.
    #[test]
    fn nothing_is_freed_while_a_request_uses_it() {
        let slots = Slots::default();
        let tables: Vec<(Arc<Uses>, AtomicBool)> =
            (0..=TABLES).map(|_| (Uses::new(Vec::new()), AtomicBool::new(false))).collect();
        let (version, ended) = (AtomicU64::new(1), AtomicBool::new(false));
        let (served, readers) = (AtomicU64::new(0), Barrier::new(4));
        scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    let member = Member(&slots, slots.add());
                    let slot = &member.1;
                    readers.wait();
                    while !ended.load(SeqCst) {
                        let mut seen = version.load(SeqCst);
                        // Where a reader that does not look again would be lost.
                        std::thread::yield_now();
                        slot.look_at(seen);
                        while version.load(SeqCst) != seen {
                            seen = version.load(SeqCst);
                            slot.look_at(seen);
                        }
                        let (uses, freed) = &tables[seen as usize - 1];
                        assert!(!freed.load(SeqCst), "looked at table {seen}, which was freed");
                        slot.using(uses);
                        assert!(!freed.load(SeqCst), "used table {seen}, which was freed");
                        slot.leave();
                        served.fetch_add(1, SeqCst);
                    }
                });
            }
            readers.wait();
            for (index, (uses, freed)) in tables.iter().enumerate().take(TABLES) {
                let next = version.fetch_add(1, SeqCst) + 1;
                assert_eq!(next, index as u64 + 2);
                std::thread::yield_now();
                while !slots.in_use_by(std::slice::from_ref(uses), next).is_none() {
                    std::thread::yield_now();
                }
                freed.store(true, SeqCst);
            }
            ended.store(true, SeqCst);
        });
        assert!(served.load(SeqCst) > 0);
    }
}
