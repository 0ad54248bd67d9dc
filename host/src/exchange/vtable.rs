//! The functions that a plugin calls on a request.
#![allow(unsafe_code, reason = "these functions are called by plugins through the ABI")]

use super::context::{Head, Inner};
use plugin_api::abi::{self, Pair, RequestVt, Slice};
use std::ffi::c_void;

/// The table for requests whose head is an `H`.
pub(super) fn of<H: Head>() -> *const RequestVt {
    const { &raw const *table::<H>() }
}

const fn table<H: Head>() -> &'static RequestVt {
    &RequestVt {
        size: size_of::<RequestVt>() as u32,
        reserved: 0,
        header: header::<H>,
        header_at: header_at::<H>,
        alloc: alloc::<H>,
        peer: peer::<H>,
        id: id::<H>,
        url: url::<H>,
        log: log::<H>,
    }
}

/// # Safety
/// `ctx` is the `ctx` of a request that was filled for heads of type `H` and is not finished.
unsafe fn inner<'a, H: Head>(ctx: *const c_void) -> &'a Inner<H> {
    // SAFETY: `Inner::fill` put its own address there; it is shared until the request is finished.
    unsafe { &*ctx.cast::<Inner<H>>() }
}

unsafe extern "C" fn header<H: Head>(ctx: *const c_void, name: Slice) -> Slice {
    // SAFETY: the contract of `RequestVt`.
    let inner = unsafe { inner::<H>(ctx) };
    // SAFETY: the plugin lends the name for this call.
    let Some(name) = (unsafe { name.bytes() }) else { return Slice::ABSENT };
    inner.head.header(name).map_or(Slice::ABSENT, Slice::new)
}

unsafe extern "C" fn header_at<H: Head>(ctx: *const c_void, index: usize, out: *mut Pair) -> i32 {
    // SAFETY: the contract of `RequestVt`.
    let inner = unsafe { inner::<H>(ctx) };
    let Some((name, value)) = inner.head.header_at(index) else { return abi::END };
    // SAFETY: the contract: a place for one pair.
    unsafe { out.write(Pair { name: Slice::new(name), value: Slice::new(value) }) };
    abi::READY
}

unsafe extern "C" fn alloc<H: Head>(ctx: *const c_void, size: usize, align: usize) -> *mut c_void {
    // SAFETY: the contract of `RequestVt`.
    let inner = unsafe { inner::<H>(ctx) };
    inner.arena.alloc(size, align).cast()
}

unsafe extern "C" fn peer<H: Head>(ctx: *const c_void) -> Slice {
    // SAFETY: the contract of `RequestVt`.
    let inner = unsafe { inner::<H>(ctx) };
    Slice::text(inner.peer())
}

unsafe extern "C" fn id<H: Head>(ctx: *const c_void) -> Slice {
    // SAFETY: the contract of `RequestVt`.
    let inner = unsafe { inner::<H>(ctx) };
    Slice::text(inner.id.text())
}

unsafe extern "C" fn url<H: Head>(
    ctx: *const c_void,
    route: Slice,
    values: *const Pair,
    values_len: usize,
    out: *mut Slice,
) -> i32 {
    // SAFETY: the contract of `RequestVt`.
    let inner = unsafe { inner::<H>(ctx) };
    let values = match values_len {
        0 => &[],
        // SAFETY: the plugin lends that many pairs for this call.
        len => unsafe { std::slice::from_raw_parts(values, len) },
    };
    // SAFETY: the plugin lends the name for this call.
    let route = unsafe { route.str() }.unwrap_or_default();
    let values = values.iter().filter_map(|pair| {
        // SAFETY: the plugin lends what the pairs point to, too.
        unsafe { text_of(pair) }
    });
    let values: Vec<(&str, &str)> = values.collect();
    let built = match inner.mount() {
        Some(mount) => mount.url(route, &values),
        None => Err("the request belongs to no app".to_owned()),
    };
    let (code, text) = built.map_or_else(|why| (abi::ERR, why), |url| (abi::READY, url));
    // SAFETY: the contract: a place for one slice.
    unsafe { out.write(inner.arena.slice(&text)) };
    code
}

/// # Safety
/// What the pair points to is valid for `'a`.
unsafe fn text_of<'a>(pair: &Pair) -> Option<(&'a str, &'a str)> {
    // SAFETY: the caller vouches for the name.
    let name = unsafe { pair.name.str() }?;
    // SAFETY: the caller vouches for the value.
    let value = unsafe { pair.value.str() }?;
    Some((name, value))
}

unsafe extern "C" fn log<H: Head>(ctx: *const c_void, level: i32, message: Slice) {
    // SAFETY: the contract of `RequestVt`.
    let inner = unsafe { inner::<H>(ctx) };
    // SAFETY: the plugin lends the message for this call.
    let message = unsafe { message.bytes() }.unwrap_or_default();
    inner.explained.set(inner.explained.get() || level <= abi::LOG_ERROR);
    let plugin = inner.route().map_or("-", |route| route.plugin.name());
    crate::log::plugin(plugin, Some(&**inner.id.text()), level, &String::from_utf8_lossy(message));
}
