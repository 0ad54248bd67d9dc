//! The host, as a plugin sees it: its log, and asking it to run or to stop.
#![allow(unsafe_code, reason = "calls the host's functions through the table that `create` was given")]

use crate::abi::{self, Slice};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The host of this plugin. Each cdylib has this static for itself: `create` is called once in it.
static HOST: AtomicPtr<abi::Host> = AtomicPtr::new(ptr::null_mut());

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// It failed.
    Error = abi::LOG_ERROR,
    /// Something is wrong, and the work goes on.
    Warn = abi::LOG_WARN,
    /// Something an operator wants to read.
    Info = abi::LOG_INFO,
    /// Something an author wants to read.
    Debug = abi::LOG_DEBUG,
}

/// What became of the wish to [`run`] or to [`stop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The host does it, or will.
    Accepted,
    /// Ignored: the plugin is being loaded, or the host has no such ability.
    Ignored,
    /// The host cannot: it stops already.
    Refused,
}

/// Remembers the host.
///
/// # Safety
/// `host` is the argument of `create`: it lives as long as the plugin is loaded.
pub(crate) unsafe fn attach(host: *const abi::Host) {
    HOST.store(host.cast_mut(), Ordering::Release);
}

fn host() -> Option<&'static abi::Host> {
    // SAFETY: null, or what `attach` was promised to live as long as this code does.
    unsafe { HOST.load(Ordering::Acquire).as_ref() }
}

/// A line in the host's log. With a request at hand, [`Request::log`](crate::Request::log) adds its id.
pub fn log(level: Level, message: impl AsRef<str>) {
    let Some(host) = host() else { return };
    let message = Slice::text(message.as_ref());
    // SAFETY: any thread may log; the message is lent for the call.
    unsafe { (host.log)(host.ctx, level as i32, message) }
}

/// The name of this plugin in the spec; empty where there is no host.
pub fn plugin_name() -> &'static str {
    let Some(host) = host() else { return "" };
    // SAFETY: the name lives as long as the host's table, which outlives this code.
    unsafe { host.plugin_name.str() }.unwrap_or_default()
}

/// Asks the host to serve, as Bottle's `run()` does. Ignored while the plugin is loaded.
pub fn run() -> Asked {
    ask(|table| table.run)
}

/// Asks the host to stop: it finishes what runs, within its deadline, and ends. A handler that calls this still answers.
pub fn stop() -> Asked {
    ask(|table| table.stop)
}

fn ask(which: impl FnOnce(&abi::HostRun) -> unsafe extern "C" fn(*const std::ffi::c_void) -> i32) -> Asked {
    let Some(table) = extension::<abi::HostRun>(abi::EXT_RUN) else { return Asked::Ignored };
    let function = which(table);
    // SAFETY: a function of the table, with the table's context, on any thread.
    match unsafe { function(table.ctx) } {
        abi::READY => Asked::Accepted,
        abi::DECLINED => Asked::Ignored,
        _ => Asked::Refused,
    }
}

/// The table that belongs to an id; `T` has to be its type.
pub(crate) fn extension<T>(id: &str) -> Option<&'static T> {
    let host = host()?;
    // SAFETY: any thread may ask; the id is lent for the call.
    let table = unsafe { (host.extension)(host.ctx, Slice::text(id)) };
    // SAFETY: the contract: null, or the table of that id, as long as the plugin is loaded.
    unsafe { table.cast::<T>().as_ref() }
}

pub(crate) fn log_error(line: &str) {
    log(Level::Error, line);
}
