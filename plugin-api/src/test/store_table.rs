//! `"pa.store/1"` of the test host: the store of the client that the thread uses.
#![allow(unsafe_code, reason = "these functions are called by the plugin through the ABI")]

use super::store::{TestStore, checked, current};
use crate::abi::{self, Buf, HostStore, Slice};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null;

pub(super) const TABLE: HostStore = HostStore {
    size: size_of::<HostStore>() as u32,
    reserved: 0,
    ctx: null(),
    get,
    set,
    remove,
    compare_and_set,
    add,
    count,
    visit,
};

unsafe extern "C" fn get(_: *const c_void, key: Slice, out: *mut Buf, err: *mut Buf) -> i32 {
    // SAFETY: a place for one buffer.
    let out = unsafe { place(out) };
    // SAFETY: the key is lent for this call; `err` is null or a place.
    let call = unsafe { Call::new(key, err) };
    call.answer("get", |store, key| Ok(fill(out, store.get(key)?.map(Buf::from_vec))))
}

unsafe extern "C" fn set(_: *const c_void, key: Slice, value: Slice, err: *mut Buf) -> i32 {
    // SAFETY: lent for this call.
    let value = unsafe { value.bytes() };
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(key, err) };
    call.answer("set", |store, key| store.set(key, value).map(|()| abi::READY))
}

unsafe extern "C" fn remove(_: *const c_void, key: Slice, err: *mut Buf) -> i32 {
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(key, err) };
    call.answer("remove", |store, key| Ok(done(store.remove(key))))
}

unsafe extern "C" fn compare_and_set(
    _: *const c_void,
    key: Slice,
    expected: Slice,
    value: Slice,
    err: *mut Buf,
) -> i32 {
    // SAFETY: lent for this call.
    let expected = unsafe { expected.bytes() };
    // SAFETY: lent for this call.
    let value = unsafe { value.bytes() };
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(key, err) };
    call.answer("set", |store, key| store.compare_and_set(key, expected, value).map(done))
}

unsafe extern "C" fn add(_: *const c_void, key: Slice, amount: i64, out: *mut i64, err: *mut Buf) -> i32 {
    // SAFETY: null, or a place for one number.
    let out = unsafe { place(out) };
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(key, err) };
    call.answer("add to", |store, key| Ok(fill(out, Some(store.add(key, amount)?))))
}

unsafe extern "C" fn count(_: *const c_void, key: Slice, out: *mut i64, err: *mut Buf) -> i32 {
    // SAFETY: a place for one number.
    let out = unsafe { place(out) };
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(key, err) };
    call.answer("count", |store, key| Ok(fill(out, store.count(key)?)))
}

unsafe extern "C" fn visit(
    _: *const c_void,
    prefix: Slice,
    data: *mut c_void,
    visitor: unsafe extern "C" fn(*mut c_void, Slice) -> i32,
    _: *mut Buf,
) -> i32 {
    // SAFETY: lent for this call.
    let keys = current().keys(unsafe { prefix.bytes() }.unwrap_or_default());
    for key in keys {
        // SAFETY: the contract of a visitor; `key` lives for the call.
        let code = unsafe { visitor(data, Slice::text(&key)) };
        if code != abi::READY {
            return code;
        }
    }
    abi::READY
}

fn done(is_done: bool) -> i32 {
    if is_done { abi::READY } else { abi::DECLINED }
}

fn fill<T>(place: Option<&mut MaybeUninit<T>>, found: Option<T>) -> i32 {
    let Some(found) = found else { return abi::DECLINED };
    if let Some(place) = place {
        place.write(found);
    }
    abi::READY
}

/// # Safety
/// Null, or a place for one `T` that nobody else uses for `'a`.
unsafe fn place<'a, T>(place: *mut T) -> Option<&'a mut MaybeUninit<T>> {
    // SAFETY: the caller vouches for it; nothing is read from it.
    unsafe { place.cast::<MaybeUninit<T>>().as_mut() }
}

/// A call about one key.
struct Call<'a> {
    key: &'a [u8],
    err: Option<&'a mut MaybeUninit<Buf>>,
}

impl Call<'_> {
    /// # Safety
    /// The key is lent, and `err` is null or a place for a buffer, for as long as the call lives.
    unsafe fn new(key: Slice, err: *mut Buf) -> Self {
        // SAFETY: the caller vouches for the key.
        let key = unsafe { key.bytes() }.unwrap_or_default();
        // SAFETY: the caller vouches for the place.
        Self { key, err: unsafe { place(err) } }
    }

    /// A refusal becomes a sentence, as the host's.
    fn answer(self, what: &str, work: impl FnOnce(&TestStore, &str) -> Result<i32, String>) -> i32 {
        let cause = match checked(self.key).and_then(|key| work(&current(), key)) {
            Ok(code) => return code,
            Err(cause) => cause,
        };
        if let Some(err) = self.err {
            let text =
                format!("cannot {what} `{}`: {cause}", String::from_utf8_lossy(self.key).escape_debug());
            err.write(Buf::from_vec(text.into_bytes()));
        }
        abi::ERR
    }
}
