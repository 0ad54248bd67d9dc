//! The host as one plugin sees it: the [`abi::Host`] that `create` gets, and the extensions behind it.
#![allow(unsafe_code, reason = "these functions are called by plugins through the ABI")]

use crate::load::callbacks;
use crate::run_handle::{Asked, RunHandle};
use plugin_api::abi;
use std::ffi::c_void;

/// Never moved and never freed: plugins keep pointers into it for as long as their code is mapped.
pub(crate) struct HostSide {
    pub(crate) table: abi::Host,
    app: abi::HostApp,
    timer: abi::HostTimer,
    run: abi::HostRun,
    name: String,
    run_handle: RunHandle,
}

// SAFETY: the tables hold pointers into the value itself and to functions; nothing in it changes after `new`.
unsafe impl Send for HostSide {}
// SAFETY: as above.
unsafe impl Sync for HostSide {}

impl HostSide {
    pub(crate) fn new(name: &str, run_handle: RunHandle) -> &'static Self {
        let none = std::ptr::null();
        let side = Box::leak(Box::new(Self {
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
            name: name.to_owned(),
            run_handle,
        }));
        side.table.plugin_name = abi::Slice::text(&side.name);
        let ctx: *const c_void = (&raw const *side).cast();
        side.table.ctx = ctx;
        side.run.ctx = ctx;
        side
    }
}

unsafe extern "C" fn log(ctx: *const c_void, level: i32, message: abi::Slice) {
    // SAFETY: `ctx` is the leaked `HostSide` that made the table.
    let side = unsafe { &*ctx.cast::<HostSide>() };
    // SAFETY: the plugin lends the message for this call.
    let message = unsafe { message.bytes() }.unwrap_or_default();
    crate::log::plugin(&side.name, None, level, &String::from_utf8_lossy(message));
}

unsafe extern "C" fn extension(ctx: *const c_void, id: abi::Slice) -> *const c_void {
    // SAFETY: as in `log`.
    let side = unsafe { &*ctx.cast::<HostSide>() };
    // SAFETY: the plugin lends the id for this call.
    match unsafe { id.str() } {
        Some(abi::EXT_APP) => (&raw const side.app).cast(),
        Some(abi::EXT_TIMER) => (&raw const side.timer).cast(),
        Some(abi::EXT_RUN) => (&raw const side.run).cast(),
        _ => std::ptr::null(),
    }
}

/// The extensions that this host has: what a manifest may require.
pub(crate) const EXTENSIONS: &[&str] = &[abi::EXT_APP, abi::EXT_TIMER, abi::EXT_RUN];

unsafe extern "C" fn run(ctx: *const c_void) -> i32 {
    // SAFETY: as in `log`.
    code(unsafe { &*ctx.cast::<HostSide>() }.run_handle.ask_run())
}

unsafe extern "C" fn stop(ctx: *const c_void) -> i32 {
    // SAFETY: as in `log`.
    let side = unsafe { &*ctx.cast::<HostSide>() };
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
