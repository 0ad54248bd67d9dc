//! How a reader of a table asks whether it is new enough.

/// Whether a struct of the ABI, by its own `size`, has that field: it was written by a side that knows it.
///
/// ```
/// use plugin_api::{abi::Waker, abi::WakerVt, covers};
///
/// fn can_clone(table: &WakerVt) -> bool {
///     covers!(table, WakerVt, clone)
/// }
/// ```
#[macro_export]
macro_rules! covers {
    ($table:expr, $type:ty, $field:ident) => {{
        let table: &$type = $table;
        table.size as usize
            >= ::core::mem::offset_of!($type, $field) + ::core::mem::size_of_val(&table.$field)
    }};
}
