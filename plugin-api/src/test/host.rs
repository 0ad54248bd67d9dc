//! The host that the test client is to its plugin.
#![allow(unsafe_code, reason = "the tables of a host are pointers")]

use super::{load, store_table, timer};
use crate::abi::{self, Host, HostApp, HostRun, HostStore, HostTimer, Slice};
use crate::entry::EXT_TEST_HOST;
use std::ffi::c_void;
use std::ptr::null;

/// One for all clients of a process: the SDK remembers one host, as in a plugin.
pub(super) struct TestHost(pub(super) Host);

// SAFETY: its context is null, and its functions may be called by any thread.
unsafe impl Sync for TestHost {}

pub(super) static HOST: TestHost = TestHost(Host {
    size: size_of::<Host>() as u32,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    ctx: null(),
    plugin_name: Slice::text("test"),
    log,
    extension,
});

struct Table<T>(T);

// SAFETY: functions, and a context that is null.
unsafe impl<T> Sync for Table<T> {}

static APP: Table<HostApp> = Table(load::TABLE);
static TIMER: Table<HostTimer> =
    Table(HostTimer { size: size_of::<HostTimer>() as u32, reserved: 0, ctx: null(), sleep: timer::sleep });
static RUN: Table<HostRun> =
    Table(HostRun { size: size_of::<HostRun>() as u32, reserved: 0, ctx: null(), run: ask, stop: ask });
static STORE: Table<HostStore> = Table(store_table::TABLE);

unsafe extern "C" fn extension(_: *const c_void, id: Slice) -> *const c_void {
    // SAFETY: the id is lent for this call.
    match unsafe { id.str() }.unwrap_or_default() {
        abi::EXT_APP => (&raw const APP).cast(),
        abi::EXT_TIMER => (&raw const TIMER).cast(),
        abi::EXT_RUN => (&raw const RUN).cast(),
        abi::EXT_STORE => (&raw const STORE).cast(),
        EXT_TEST_HOST => (&raw const HOST).cast(),
        _ => null(),
    }
}

/// There is nothing to run or to stop.
unsafe extern "C" fn ask(_: *const c_void) -> i32 {
    abi::DECLINED
}

#[allow(clippy::print_stderr, reason = "the log of a test is what the test prints")]
unsafe extern "C" fn log(_: *const c_void, level: i32, message: Slice) {
    // SAFETY: the message is lent for this call.
    let message = unsafe { message.bytes() }.unwrap_or_default();
    eprintln!("{}: {}", level_name(level), String::from_utf8_lossy(message));
}

pub(super) fn level_name(level: i32) -> &'static str {
    match level {
        abi::LOG_ERROR => "error",
        abi::LOG_WARN => "warn",
        abi::LOG_INFO => "info",
        _ => "debug",
    }
}
