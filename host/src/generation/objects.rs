//! What a plugin handed over, and has not been given back.

use crate::foreign::Object;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many more objects than after the last look, and those that went back are forgotten.
const MORE: usize = 64;

/// Objects in the order in which they came. Those that went back by themselves are forgotten now and then: each new table puts
/// middleware around every route again.
#[derive(Default)]
pub(super) struct Objects(Mutex<List>);

#[derive(Default)]
struct List {
    objects: Vec<Arc<Object>>,
    look_at: usize,
}

impl Objects {
    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, object: Arc<Object>) {
        let mut list = self.lock();
        list.objects.push(object);
        if list.objects.len() > list.look_at {
            list.objects.retain(|object| !object.is_released());
            list.look_at = list.objects.len() * 2 + MORE;
        }
    }

    /// Gives all of them back, the last first: what was put around something goes before it.
    pub(super) fn release_all(&self) {
        let objects = std::mem::take(&mut self.lock().objects);
        objects.iter().rev().for_each(|object| object.release());
    }
}
