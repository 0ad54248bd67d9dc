//! A large body that lies in a plugin's memory, and goes out at the pace of its client.
//!
//! It is carried, not copied, as long as its plugin is current. When that is swapped, what the client has not taken yet is
//! copied: no client, however slow, keeps an old generation.

use super::body::PIECE_BYTES_MAX;
use crate::exchange::{Exchange, Head};
use crate::usage::Uses;
use bytes::Bytes;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

thread_local! {
    /// The bodies that this worker carries.
    static CARRIED: RefCell<Vec<Weak<Rest>>> = const { RefCell::new(Vec::new()) };
}

/// What is left of a body.
pub(super) struct Carried(Rc<Rest>);

type Rest = RefCell<Part>;

struct Part {
    bytes: Bytes,
    /// Whose memory it lies in; none: the host's.
    uses: Option<Arc<Uses>>,
}

impl Part {
    fn copy_if_retiring(&mut self) {
        if self.uses.take_if(|uses| uses.is_retiring()).is_some() {
            self.bytes = Bytes::copy_from_slice(&self.bytes);
        }
    }
}

impl Carried {
    /// Takes the body out of the exchange, if it is large enough.
    pub(super) fn of<H: Head>(exchange: &mut Exchange<H>) -> Option<Self> {
        if exchange.answer().body().len() <= PIECE_BYTES_MAX {
            return None;
        }
        let body = exchange.take_body()?;
        let uses = Some(body.uses().clone());
        let rest = Rc::new(RefCell::new(Part { bytes: Bytes::from_owner(body), uses }));
        CARRIED.with_borrow_mut(|carried| {
            carried.retain(|rest| rest.strong_count() > 0);
            carried.push(Rc::downgrade(&rest));
        });
        // The plugin may have been swapped since the request began: nobody asks again.
        rest.borrow_mut().copy_if_retiring();
        Some(Self(rest))
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().bytes.len()
    }

    /// The next piece; none at the end.
    pub(super) fn piece(&self, max: usize) -> Option<Bytes> {
        let bytes = &mut self.0.borrow_mut().bytes;
        (!bytes.is_empty()).then(|| bytes.split_to(bytes.len().min(max)))
    }
}

/// Copies what is left of the bodies whose plugins are on their way out.
pub(super) fn copy_retiring() {
    let carried: Vec<Weak<Rest>> = CARRIED.with_borrow(Vec::clone);
    carried.iter().filter_map(Weak::upgrade).for_each(|rest| rest.borrow_mut().copy_if_retiring());
}
