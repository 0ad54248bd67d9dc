//! The memory that the host lends for one request: headers of the response, decoded paths, what a plugin asks for.

use bumpalo::Bump;
use plugin_api::abi::Slice;
use std::alloc::Layout;

/// How much one request may take. More than any head or page of a well-behaved handler; a handler that wants more brings
/// its own memory and hands it over as a buffer.
const REQUEST_ARENA_BYTES_MAX: usize = 4 << 20;

/// A bump allocator that is emptied between requests and keeps its largest chunk.
pub(crate) struct Arena(Bump);

impl Default for Arena {
    fn default() -> Self {
        let bump = Bump::new();
        bump.set_allocation_limit(Some(REQUEST_ARENA_BYTES_MAX));
        Self(bump)
    }
}

impl Arena {
    /// Memory of that layout; null when the arena is used up, or the layout is no layout.
    pub(crate) fn alloc(&self, size: usize, align: usize) -> *mut u8 {
        let Ok(layout) = Layout::from_size_align(size, align) else { return std::ptr::null_mut() };
        self.0.try_alloc_layout(layout).map_or(std::ptr::null_mut(), std::ptr::NonNull::as_ptr)
    }

    /// A copy of the text; empty when the arena is used up.
    pub(crate) fn text(&self, text: &str) -> &str {
        self.0.try_alloc_str(text).map_or("", |copy| copy)
    }

    /// A copy of the items; none when the arena is used up.
    pub(crate) fn items<T: Copy>(&self, items: &[T]) -> &mut [T] {
        self.0.try_alloc_slice_copy(items).unwrap_or_default()
    }

    /// The items that an iterator has; none when the arena is used up.
    pub(crate) fn collect<T: Copy>(&self, items: impl ExactSizeIterator<Item = T>) -> &mut [T] {
        self.0.try_alloc_slice_fill_iter(items).unwrap_or_default()
    }

    pub(crate) fn slice(&self, text: &str) -> Slice {
        Slice::text(self.text(text))
    }

    /// Forgets everything that was lent.
    pub(crate) fn reset(&mut self) {
        self.0.reset();
    }
}
