//! Whose call it is.
#![allow(unsafe_code, reason = "walks up the stack with the unwinder of the compiler")]

use super::super::Id;
use super::{loading, ranges};
use std::ffi::{c_int, c_void};

/// The plugin that one of the addresses is in, the first of them if they are in several.
pub(super) fn of_addresses(addresses: &[*const ()]) -> Option<Id> {
    if !is_possible() {
        return None;
    }
    loading::register_early();
    addresses.iter().find_map(|address| match place(*address as usize) {
        Found::Plugin(id) => Some(id),
        _ => None,
    })
}

/// Whether there can be a plugin at all. Before there is one, nothing else here may be asked: allocators begin then.
pub(super) fn is_possible() -> bool {
    ranges::any() || loading::on_this_thread()
}

/// Who an address belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Plugin(Id),
    Executable,
    /// Another library, or none.
    Unknown,
}

fn place(address: usize) -> Found {
    if ranges::is_executable(address) {
        return Found::Executable;
    }
    ranges::owner(address).map_or(Found::Unknown, Found::Plugin)
}

/// The plugin that is nearest above `callee` on the stack of this thread, if nothing of the executable is nearer: a plugin may
/// ask through another library, such as a shared `libstd`.
pub(super) fn of_callers(callee: *const ()) -> Option<Id> {
    walk(callee, usize::MAX)
}

/// The plugin that called `callee`, itself.
pub(super) fn of_caller(callee: *const ()) -> Option<Id> {
    walk(callee, 1)
}

fn walk(callee: *const (), frames_max: usize) -> Option<Id> {
    let mut walk = Walk { callee: callee as usize, inside: false, frames_max, found: Found::Unknown };
    // SAFETY: `step` takes what is passed here as its data: a `Walk` that is alive until this returns.
    unsafe { _Unwind_Backtrace(step, (&raw mut walk).cast()) };
    if let Found::Plugin(id) = walk.found { Some(id) } else { None }
}

struct Walk {
    callee: usize,
    /// The frame of `callee` was passed; those before it are ours.
    inside: bool,
    /// So many frames above that of `callee` are still to be looked at.
    frames_max: usize,
    found: Found,
}

unsafe extern "C" fn step(frame: *mut c_void, walk: *mut c_void) -> c_int {
    const GO_ON: c_int = 0;
    const END_OF_STACK: c_int = 5;
    // SAFETY: `walk` passed a `Walk`, which nobody else uses meanwhile.
    let walk = unsafe { &mut *walk.cast::<Walk>() };
    // SAFETY: the unwinder lends the frame for this call.
    let address = unsafe { _Unwind_GetIP(frame) };
    if !walk.inside {
        // SAFETY: any address may be asked for; null is the answer for one that is in no known function.
        let function = unsafe { _Unwind_FindEnclosingFunction(address as *mut c_void) };
        walk.inside = function as usize == walk.callee;
        return GO_ON;
    }
    // The address is the one behind the call, which may be behind the end of the function.
    walk.found = place(address.wrapping_sub(1));
    walk.frames_max -= 1;
    if walk.found == Found::Unknown && walk.frames_max > 0 { GO_ON } else { END_OF_STACK }
}

// The contract of the C++ ABI; each Rust program is linked with it.
unsafe extern "C" {
    fn _Unwind_Backtrace(
        step: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
    fn _Unwind_FindEnclosingFunction(address: *mut c_void) -> *mut c_void;
}
