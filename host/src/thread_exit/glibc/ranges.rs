//! Which library an address belongs to, without a lock: it is asked from inside allocators and constructors.

use super::super::Id;
use super::objects;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

/// So many libraries may be mapped at once, pinned ones included; a further one is kept for ever.
pub(super) const LIBRARIES_MAX: usize = 4096;

/// `id` is 0 while a slot is free. It is written last and cleared first, and never has the same value twice: a reader that
/// finds it unchanged after it read the range has read the range that belongs to it.
struct Slot {
    id: AtomicU64,
    start: AtomicUsize,
    end: AtomicUsize,
}

static SLOTS: [Slot; LIBRARIES_MAX] =
    [const { Slot { id: AtomicU64::new(0), start: AtomicUsize::new(0), end: AtomicUsize::new(0) } };
        LIBRARIES_MAX];

/// No slot from here on was ever used.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Whether any library was ever loaded.
pub(super) fn any() -> bool {
    USED.load(SeqCst) > 0
}

/// Says where a library is; `false`: there is no slot left. For the one thread that loads.
pub(super) fn add(id: Id, range: &Range<usize>) -> bool {
    let Some(index) = SLOTS.iter().position(|slot| slot.id.load(SeqCst) == 0) else { return false };
    let slot = &SLOTS[index];
    slot.start.store(range.start, SeqCst);
    slot.end.store(range.end, SeqCst);
    slot.id.store(id.0, SeqCst);
    USED.fetch_max(index + 1, SeqCst);
    true
}

/// The library is not mapped any more.
pub(super) fn remove(id: Id) {
    for slot in slots() {
        // Fails for the slots of others.
        let _ = slot.id.compare_exchange(id.0, 0, SeqCst, SeqCst);
    }
}

/// The library that the address is in. A library that is gone and not yet forgotten may have been where another is now:
/// the later one counts.
pub(super) fn owner(address: usize) -> Option<Id> {
    slots()
        .iter()
        .filter_map(Slot::read)
        .filter(|(_, range)| range.contains(&address))
        .map(|(id, _)| id)
        .max()
}

/// Where a library is.
pub(super) fn range_of(id: Id) -> Option<Range<usize>> {
    slots().iter().filter_map(Slot::read).find(|(found, _)| *found == id).map(|(_, range)| range)
}

fn slots() -> &'static [Slot] {
    &SLOTS[..USED.load(SeqCst)]
}

impl Slot {
    fn read(&self) -> Option<(Id, Range<usize>)> {
        let id = self.id.load(SeqCst);
        let range = self.start.load(SeqCst)..self.end.load(SeqCst);
        (id != 0 && self.id.load(SeqCst) == id).then_some((Id(id), range))
    }
}

/// Whether the address is in the executable.
pub(super) fn is_executable(address: usize) -> bool {
    static START: AtomicUsize = AtomicUsize::new(0);
    static END: AtomicUsize = AtomicUsize::new(0);
    if END.load(SeqCst) == 0 {
        // The loader's list begins with it. Two threads at once write the same.
        let range = objects::find(|object| Some(object.range.clone())).unwrap_or(0..1);
        START.store(range.start, SeqCst);
        END.store(range.end, SeqCst);
    }
    (START.load(SeqCst)..END.load(SeqCst)).contains(&address)
}
