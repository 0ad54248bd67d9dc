//! What the loader has mapped.
#![allow(unsafe_code, reason = "dl_iterate_phdr")]

use std::ffi::{CStr, CString, c_int, c_void};
use std::ops::Range;

/// An executable or a library.
pub(super) struct Object<'a> {
    /// As the loader was given it; empty for the executable.
    pub(super) name: &'a CStr,
    pub(super) range: Range<usize>,
}

/// The first answer of `look`, called for one object after the other: the executable first.
///
/// The loader's list is locked meanwhile: `look` must not open or close a library. The lock is not the one that is held
/// while constructors run, so this may be called from them.
pub(super) fn find<T>(look: impl FnMut(&Object<'_>) -> Option<T>) -> Option<T> {
    let mut search = Search { look, found: None };
    // SAFETY: `each::<T, _>` takes what is passed here as its data: a search of the same types, alive until this returns.
    unsafe { libc::dl_iterate_phdr(Some(callback(&search)), (&raw mut search).cast()) };
    search.found
}

struct Search<T, F> {
    look: F,
    found: Option<T>,
}

type Callback = unsafe extern "C" fn(*mut libc::dl_phdr_info, usize, *mut c_void) -> c_int;

/// The callback for the types of this search, which cannot be named.
fn callback<T, F: FnMut(&Object<'_>) -> Option<T>>(_: &Search<T, F>) -> Callback {
    each::<T, F>
}

unsafe extern "C" fn each<T, F: FnMut(&Object<'_>) -> Option<T>>(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: the loader lends a filled `dl_phdr_info` for the call.
    let info = unsafe { &*info };
    // SAFETY: `find` passed a pointer to a search of these types, which nobody else uses meanwhile.
    let search = unsafe { &mut *search.cast::<Search<T, F>>() };
    let headers: &[libc::Elf64_Phdr] = match info.dlpi_phdr.is_null() {
        true => &[],
        // SAFETY: the loader's contract: so many headers, mapped as long as the object is, which is this call at least.
        false => unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) },
    };
    let name = match info.dlpi_name.is_null() {
        true => c"",
        // SAFETY: not null; the loader's contract: ended by NUL, alive as long as the object.
        false => unsafe { CStr::from_ptr(info.dlpi_name) },
    };
    search.found = (search.look)(&Object { name, range: range(info.dlpi_addr as usize, headers) });
    c_int::from(search.found.is_some())
}

/// From the first byte of the first segment to the last of the last: the loader reserves it all.
fn range(base: usize, headers: &[libc::Elf64_Phdr]) -> Range<usize> {
    let segments = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let start = segments().map(|segment| segment.p_vaddr as usize).min().unwrap_or(0);
    let end = segments().map(|segment| (segment.p_vaddr + segment.p_memsz) as usize).max().unwrap_or(0);
    base.wrapping_add(start)..base.wrapping_add(end)
}

/// Where the object of that name is.
pub(super) fn range_of(name: &CStr) -> Option<Range<usize>> {
    find(|object| (object.name == name).then(|| object.range.clone()))
}

/// All of them: where each begins, and its name.
pub(super) fn all() -> Vec<(usize, CString)> {
    let mut all = Vec::new();
    find(|object| {
        all.push((object.range.start, object.name.to_owned()));
        None::<()>
    });
    all
}

/// How many there are.
pub fn mapped_objects() -> usize {
    let mut count = 0;
    find(|_| {
        count += 1;
        None::<()>
    });
    count
}
