//! The host as one plugin sees it: the [`abi::Host`] that `create` gets, and the extensions behind it.
#![allow(unsafe_code, reason = "these functions are called by plugins through the ABI")]

use crate::load::callbacks;
use crate::run_handle::{Asked, RunHandle};
use crate::store::{self, Store};
use plugin_api::abi;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// The host's side of one generation. It never moves, and dropping this frees nothing: plugins keep pointers into it for
/// as long as their code is mapped, be it in a thread that they left behind. See [`HostSide::free`].
pub(crate) struct HostSide(NonNull<Side>);

// SAFETY: a pointer to what is `Send` and `Sync`, given out as an address alone.
unsafe impl Send for HostSide {}
// SAFETY: as above.
unsafe impl Sync for HostSide {}

struct Side {
    table: abi::Host,
    app: abi::HostApp,
    timer: abi::HostTimer,
    run: abi::HostRun,
    store_table: abi::HostStore,
    /// What `store_table` is about: of the name, and not of this generation.
    store: Arc<Store>,
    name: String,
    run_handle: RunHandle,
}

// SAFETY: the tables hold pointers into the value itself and into the store, and functions; nothing in it changes after `new`.
unsafe impl Send for Side {}
// SAFETY: as above.
unsafe impl Sync for Side {}

impl HostSide {
    pub(crate) fn new(name: &str, run_handle: RunHandle) -> Self {
        let none = std::ptr::null();
        let store = run_handle.stores().of(name);
        let side = Box::into_raw(Box::new(Side {
            table: abi::Host {
                size: size_of::<abi::Host>() as u32,
                abi_major: abi::ABI_MAJOR,
                abi_minor: abi::ABI_MINOR,
                ctx: none,
                plugin_name: abi::Slice::ABSENT,
                log,
                extension,
            },
            app: callbacks::table(),
            timer: abi::HostTimer {
                size: size_of::<abi::HostTimer>() as u32,
                reserved: 0,
                ctx: none,
                sleep: crate::timer::sleep,
            },
            run: abi::HostRun { size: size_of::<abi::HostRun>() as u32, reserved: 0, ctx: none, run, stop },
            store_table: store::table(&store),
            store,
            name: name.to_owned(),
            run_handle,
        }));
        // SAFETY: just made, and nobody else knows it.
        let place = unsafe { &mut *side };
        place.table.plugin_name = abi::Slice::text(&place.name);
        place.table.ctx = side.cast_const().cast();
        place.run.ctx = side.cast_const().cast();
        // SAFETY: a box is not null.
        Self(unsafe { NonNull::new_unchecked(side) })
    }

    /// What `create` is given.
    pub(crate) fn table(&self) -> *const abi::Host {
        // SAFETY: the value lives until `free`, which takes `self`.
        unsafe { &raw const (*self.0.as_ptr()).table }
    }

    /// Frees it.
    ///
    /// # Safety
    /// No code of the plugin that was given the table runs now or later: its library was seen to be unmapped
    /// (`Closed::Gone`), or `create` was never called. What it took from the store may still be around: it is not in here.
    pub(crate) unsafe fn free(self) {
        // SAFETY: made by `new` from a box, and freed once; the caller vouches that no pointer into it is used again.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

unsafe extern "C" fn log(ctx: *const c_void, level: i32, message: abi::Slice) {
    // SAFETY: `ctx` is the `Side` of the table, which outlives the plugin's code.
    let side = unsafe { &*ctx.cast::<Side>() };
    // SAFETY: the plugin lends the message for this call.
    let message = unsafe { message.bytes() }.unwrap_or_default();
    crate::log::plugin(&side.name, None, level, &String::from_utf8_lossy(message));
}

unsafe extern "C" fn extension(ctx: *const c_void, id: abi::Slice) -> *const c_void {
    // SAFETY: as in `log`.
    let side = unsafe { &*ctx.cast::<Side>() };
    // SAFETY: the plugin lends the id for this call.
    match unsafe { id.str() } {
        Some(abi::EXT_APP) => (&raw const side.app).cast(),
        Some(abi::EXT_TIMER) => (&raw const side.timer).cast(),
        Some(abi::EXT_RUN) => (&raw const side.run).cast(),
        Some(abi::EXT_STORE) => {
            side.store.use_it();
            (&raw const side.store_table).cast()
        }
        _ => std::ptr::null(),
    }
}

/// The extensions that this host has: what a manifest may require.
pub(crate) const EXTENSIONS: &[&str] = &[abi::EXT_APP, abi::EXT_TIMER, abi::EXT_RUN, abi::EXT_STORE];

unsafe extern "C" fn run(ctx: *const c_void) -> i32 {
    // SAFETY: as in `log`.
    code(unsafe { &*ctx.cast::<Side>() }.run_handle.ask_run())
}

unsafe extern "C" fn stop(ctx: *const c_void) -> i32 {
    // SAFETY: as in `log`.
    let side = unsafe { &*ctx.cast::<Side>() };
    let asked = side.run_handle.ask_stop();
    if asked == Asked::Done {
        tracing::info!("plugin `{}` asked to stop", side.name);
    }
    code(asked)
}

fn code(asked: Asked) -> i32 {
    match asked {
        Asked::Done => abi::READY,
        Asked::Ignored => abi::DECLINED,
        Asked::TooLate => abi::ERR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Stop;

    /// The store of a plugin, as its code sees it.
    fn store_of(side: &HostSide) -> &abi::HostStore {
        // SAFETY: the side lives.
        let host = unsafe { &*side.table() };
        // SAFETY: the id is lent for the call.
        let table = unsafe { (host.extension)(host.ctx, abi::Slice::text(abi::EXT_STORE)) };
        // SAFETY: the table of that id, for as long as the side lives.
        unsafe { table.cast::<abi::HostStore>().as_ref() }.unwrap()
    }

    fn add(side: &HostSide) -> i64 {
        let (store, mut sum) = (store_of(side), 0);
        let key = abi::Slice::text("hits");
        // SAFETY: the key is lent for the call, `sum` is a place for one number.
        let code = unsafe { (store.add)(store.ctx, key, 1, &raw mut sum, std::ptr::null_mut()) };
        assert_eq!(code, abi::READY);
        sum
    }

    #[test]
    fn a_store_belongs_to_the_name_and_outlives_the_generations() {
        let run_handle = RunHandle::new(Stop::new().unwrap());
        let old = HostSide::new("shop", run_handle.clone());
        assert_eq!((add(&old), add(&old)), (1, 2));
        let new = HostSide::new("shop", run_handle.clone());
        assert_eq!(add(&HostSide::new("another", run_handle.clone())), 1);
        // SAFETY: no plugin was given its table.
        unsafe { old.free() };
        assert_eq!(add(&new), 3);
        assert!(run_handle.stores().forget("shop") && !run_handle.stores().forget("shop"));
        assert_eq!((add(&new), add(&HostSide::new("shop", run_handle))), (4, 1));
    }
}
