//! The functions of `"pa.store/1"`.
#![allow(unsafe_code, reason = "these functions are called by plugins through the ABI")]

use super::refusal::Refusal;
use super::{Store, Value};
use plugin_api::abi::{self, Buf, STORE_KEY_BYTES_MAX, Slice};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

/// The table of a store, valid for as long as the store lives.
pub(crate) fn table(store: &Store) -> abi::HostStore {
    abi::HostStore {
        size: size_of::<abi::HostStore>() as u32,
        reserved: 0,
        ctx: ptr::from_ref(store).cast(),
        get,
        set,
        remove,
        compare_and_set,
        add,
        count,
        visit,
    }
}

type Ctx = *const c_void;
type Visitor = unsafe extern "C" fn(*mut c_void, Slice) -> i32;

unsafe extern "C" fn get(ctx: Ctx, key: Slice, out: *mut Buf, err: *mut Buf) -> i32 {
    // SAFETY: the contract: a place for one buffer.
    let out = unsafe { place(out) };
    // SAFETY: `ctx` is of our table; the key is lent for this call, `err` a place or null.
    let call = unsafe { Call::new(ctx, key, err) };
    call.answer("get", |store, key| Ok(fill(out, store.get(key)?.map(lent))))
}

unsafe extern "C" fn set(ctx: Ctx, key: Slice, value: Slice, err: *mut Buf) -> i32 {
    // SAFETY: lent for this call.
    let value = unsafe { value.bytes() };
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(ctx, key, err) };
    call.answer("set", |store, key| store.set(key, value.ok_or(Refusal::NoValue)?).map(|()| abi::READY))
}

unsafe extern "C" fn remove(ctx: Ctx, key: Slice, err: *mut Buf) -> i32 {
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(ctx, key, err) };
    call.answer("remove", |store, key| Ok(done(store.remove(key))))
}

unsafe extern "C" fn compare_and_set(
    ctx: Ctx,
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
    let call = unsafe { Call::new(ctx, key, err) };
    call.answer("set", |store, key| store.compare_and_set(key, expected, value).map(done))
}

unsafe extern "C" fn add(ctx: Ctx, key: Slice, amount: i64, out: *mut i64, err: *mut Buf) -> i32 {
    // SAFETY: the contract: a place for one number, or null.
    let out = unsafe { place(out) };
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(ctx, key, err) };
    call.answer("add to", |store, key| Ok(fill(out, Some(store.add(key, amount)?))))
}

unsafe extern "C" fn count(ctx: Ctx, key: Slice, out: *mut i64, err: *mut Buf) -> i32 {
    // SAFETY: the contract: a place for one number.
    let out = unsafe { place(out) };
    // SAFETY: as in `get`.
    let call = unsafe { Call::new(ctx, key, err) };
    call.answer("count", |store, key| Ok(fill(out, store.count(key)?)))
}

/// Never refused: a prefix is any bytes.
unsafe extern "C" fn visit(ctx: Ctx, prefix: Slice, data: *mut c_void, visitor: Visitor, _: *mut Buf) -> i32 {
    // SAFETY: the store outlives its table.
    let store = unsafe { &*ctx.cast::<Store>() };
    // SAFETY: lent for this call.
    let prefix = unsafe { prefix.bytes() }.unwrap_or_default();
    // The keys are collected first: the visitor may use the store, and no lock is held while it does.
    for key in store.keys(prefix) {
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

/// Puts what was found in its place, if the plugin wants it.
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
    store: &'a Store,
    key: &'a [u8],
    err: Option<&'a mut MaybeUninit<Buf>>,
}

impl Call<'_> {
    /// # Safety
    /// `ctx` is that of a table made by [`table`]; the key is lent, and `err` is null or a place for a buffer, for as long
    /// as the call lives.
    unsafe fn new(ctx: Ctx, key: Slice, err: *mut Buf) -> Self {
        // SAFETY: the store outlives its table.
        let store = unsafe { &*ctx.cast::<Store>() };
        // SAFETY: the caller vouches for the key.
        let key = unsafe { key.bytes() }.unwrap_or_default();
        // SAFETY: the caller vouches for the place.
        let err = unsafe { place(err) };
        Self { store, key, err }
    }

    /// A refusal becomes a sentence.
    fn answer(self, what: &str, work: impl FnOnce(&Store, &str) -> Result<i32, Refusal>) -> i32 {
        let refusal = match checked(self.key).and_then(|key| work(self.store, key)) {
            Ok(code) => return code,
            Err(refusal) => refusal,
        };
        if let Some(err) = self.err {
            let text = format!("cannot {what} `{}`: {refusal}", shown(self.key));
            err.write(Buf::from_vec(text.into_bytes()));
        }
        abi::ERR
    }
}

/// What may be a key.
fn checked(key: &[u8]) -> Result<&str, Refusal> {
    match key.len() {
        0 => Err(Refusal::KeyIsEmpty),
        bytes if bytes > STORE_KEY_BYTES_MAX => Err(Refusal::KeyIsLong(bytes)),
        _ => str::from_utf8(key).map_err(|_| Refusal::KeyIsNotText),
    }
}

/// A key as it stands in a message: its beginning, in one line.
fn shown(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(&key[..key.len().min(STORE_KEY_BYTES_MAX)]);
    text.chars().take(KEY_CHARS_SHOWN_MAX).flat_map(char::escape_debug).collect()
}

const KEY_CHARS_SHOWN_MAX: usize = 80;

/// A value on its way out: one count of it, which is given up by `drop`. Pointer and length are all that it takes.
fn lent(value: Value) -> Buf {
    let len = value.len();
    Buf { ptr: Arc::into_raw(value).cast(), len, owner: ptr::null_mut(), drop: Some(drop_value) }
}

unsafe extern "C" fn drop_value(_: *mut c_void, bytes: *const u8, len: usize) {
    // SAFETY: `lent` made both from a count of a value; a buffer is dropped once, with what it came with.
    drop(unsafe { Value::from_raw(ptr::slice_from_raw_parts(bytes, len)) });
}
