//! Who uses which generation at this moment, known without a counter that threads share.
//!
//! A request runs the code of the plugins of its route: the handler's, and that of the middleware around it. Each exchange
//! writes into a [`Slot`] of its own which [`Uses`] that is; whoever retires a generation reads all slots.
//!
//! # Why a retirement cannot miss a request
//! An exchange (1) stores the number of the table that it looks at, (2) looks whether that is still the current one, and only then
//! (3) finds a route and stores what it uses. Whoever retires a generation (a) publishes a table without it, and only then
//! (b) reads the slots. (1) and (2), and (a) and (b), are in one order of all of them (`SeqCst`): if (2) came before (a), then (1) came
//! before (b), and the slot says that the exchange looks at an old table. It is waited for until it says what it uses, or
//! nothing. An exchange whose (2) came later finds the new table, which does not have the generation.
//!
//! Bodies that are on their way out when their exchange has ended are counted by their [`Uses`]: only large ones are.

mod body;
mod counts;
mod slot;
mod slots;

pub(crate) use body::InBody;
pub(crate) use counts::{Count, Counts};
pub(crate) use slot::Slot;
pub(crate) use slots::{InUse, Slots};

use crate::generation::Generation;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The generations whose code some routes of one table run. Routes with equal ones share it.
pub(crate) struct Uses {
    generations: Vec<Arc<Generation>>,
    /// New requests wait: see `gate`.
    gated: AtomicBool,
    /// One of the generations is on its way out: see `retire`.
    retiring: AtomicBool,
    /// How many bodies are on their way out.
    bodies: AtomicUsize,
}

impl Uses {
    pub(crate) fn new(generations: Vec<Arc<Generation>>) -> Arc<Self> {
        let (gated, retiring) = (AtomicBool::new(false), AtomicBool::new(false));
        let uses = Arc::new(Self { generations, gated, retiring, bodies: AtomicUsize::new(0) });
        uses.generations.iter().for_each(|generation| generation.add_uses(&uses));
        uses
    }

    /// Whether the generation is among them.
    pub(crate) fn contains(&self, generation: &Generation) -> bool {
        self.generations.iter().any(|one| std::ptr::eq(&**one, generation))
    }

    /// Lets new requests wait, or lets them go on.
    pub(crate) fn gate(&self, closed: bool) {
        self.gated.store(closed, Ordering::SeqCst);
    }

    /// Whether a request that is to begin has to wait. Asked after the slot says that the table is looked at, so that whoever
    /// closes the gate either is seen here or sees the slot.
    pub(crate) fn is_gated(&self) -> bool {
        self.gated.load(Ordering::SeqCst)
    }

    /// A generation of them is on its way out: what is held of it is to be let go of, where that can be done.
    pub(crate) fn retire(&self) {
        self.retiring.store(true, Ordering::SeqCst);
    }

    /// Whether to let go of what is held.
    pub(crate) fn is_retiring(&self) -> bool {
        self.retiring.load(Ordering::SeqCst)
    }

    /// Adds what was answered to the counts of each of them.
    pub(crate) fn count(&self, count: Count) {
        self.generations.iter().for_each(|generation| generation.counts().add(count));
    }

    fn bodies(&self) -> usize {
        self.bodies.load(Ordering::Acquire)
    }
}
