//! Middleware of plugins.
#![allow(unsafe_code, reason = "a middleware's functions are called, and it is freed, through the ABI")]

use super::{Object, OwnedHandler};
use crate::generation::Generation;
use plugin_api::abi;
use std::sync::Arc;

/// A middleware that is ready to be put around routes.
pub(crate) struct OwnedWrapper {
    raw: abi::Wrapper,
    object: Arc<Object>,
    generation: Arc<Generation>,
}

// SAFETY: the contract: `apply` is called by the thread that builds a table, one at a time; `drop` on any thread.
unsafe impl Send for OwnedWrapper {}
// SAFETY: as above: tables are built by one thread at a time.
unsafe impl Sync for OwnedWrapper {}

/// A middleware on its way to the thread that frees it.
struct Freed(abi::Wrapper);

// SAFETY: the contract of `Wrapper`: `drop` on any thread of the host's.
unsafe impl Send for Freed {}

impl Freed {
    fn free(self) {
        // SAFETY: its table lives as long as its library is mapped, and its object is released before that ends.
        let Some(drop) = (unsafe { (*self.0.vt).drop }) else { return };
        // SAFETY: the object calls this once; handlers that it made may outlive it.
        unsafe { drop(self.0.data) }
    }
}

impl OwnedWrapper {
    /// # Safety
    /// `raw` is a valid wrapper of `generation` that nobody else drops.
    pub(crate) unsafe fn new(raw: abi::Wrapper, generation: Arc<Generation>) -> Arc<Self> {
        let freed = Freed(raw);
        let object = Object::new(move || freed.free());
        generation.own(&object);
        Arc::new(Self { raw, object, generation })
    }

    /// Whose middleware it is.
    pub(crate) fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// Puts the middleware around `next`, for a route that `info` describes. The code of failure on error.
    pub(crate) fn apply(
        &self,
        info: &abi::RouteInfo,
        next: &Arc<OwnedHandler>,
    ) -> Result<Arc<OwnedHandler>, i32> {
        let shared = next.share();
        let mut out = shared;
        // SAFETY: its table lives as long as its library, and tables are built of generations that are there.
        let apply = unsafe { (*self.raw.vt).apply };
        // SAFETY: `info` is borrowed for the call, `next` is taken over, `out` is a place for one handler.
        let code = unsafe { apply(self.raw.data, info, shared, &raw mut out) };
        if code != abi::READY {
            return Err(code);
        }
        // SAFETY: READY with the same handler: the count that `share` made came back to us.
        if let Some(same) = unsafe { OwnedHandler::unshare(out, shared) } {
            // This route has nothing to do with that middleware, and pays nothing for it.
            return Ok(same);
        }
        let mut generations = vec![self.generation.clone()];
        generations.extend(next.generations().iter().cloned());
        // SAFETY: `apply` answered READY, so `out` is a handler that is ours to drop; what it calls is listed.
        Ok(unsafe { OwnedHandler::new(out, generations) })
    }
}

impl Drop for OwnedWrapper {
    fn drop(&mut self) {
        self.object.release();
    }
}
