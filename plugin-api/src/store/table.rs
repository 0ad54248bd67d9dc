//! The functions of the host's `"pa.store/1"`, with Rust's types.
#![allow(unsafe_code, reason = "calls the host's functions through its table")]

use super::failed;
use crate::abi::{self, Buf, HostStore, Slice};
use crate::chunk::OwnedBuf;
use crate::error::Error;
use crate::host;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The host's table, once it was asked for: a counter is too cheap to ask each time.
static TABLE: AtomicPtr<HostStore> = AtomicPtr::new(ptr::null_mut());

/// The host's store.
#[derive(Clone, Copy)]
pub(super) struct Table(&'static HostStore);

impl Table {
    /// For a call about a key.
    pub(super) fn of_host(what: &str, key: &str) -> Result<Self, Error> {
        // SAFETY: null, or the table of a host that lives as long as this code is loaded.
        if let Some(table) = unsafe { TABLE.load(Ordering::Acquire).as_ref() } {
            return Ok(Self(table));
        }
        let table = host::extension::<HostStore>(abi::EXT_STORE).ok_or_else(|| no_store(what, key))?;
        TABLE.store(ptr::from_ref(table).cast_mut(), Ordering::Release);
        Ok(Self(table))
    }

    pub(super) fn get(self, key: &str) -> Result<Option<OwnedBuf>, Error> {
        let mut out = Buf::EMPTY;
        let place = &raw mut out;
        // SAFETY: the key is lent for the call; both are places for a buffer.
        let found = call(|err| unsafe { (self.0.get)(self.0.ctx, Slice::text(key), place, err) })?;
        // SAFETY: READY: the buffer is filled and ours to release; the host outlives this code.
        Ok(found.then(|| unsafe { OwnedBuf::new(out) }))
    }

    pub(super) fn set(self, key: &str, value: &[u8]) -> Result<(), Error> {
        let (key, value) = (Slice::text(key), Slice::new(value));
        // SAFETY: both are lent for the call; the place is for a buffer.
        call(|err| unsafe { (self.0.set)(self.0.ctx, key, value, err) }).map(drop)
    }

    pub(super) fn remove(self, key: &str) -> Result<bool, Error> {
        // SAFETY: the key is lent for the call; the place is for a buffer.
        call(|err| unsafe { (self.0.remove)(self.0.ctx, Slice::text(key), err) })
    }

    pub(super) fn compare_and_set(
        self,
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<bool, Error> {
        let (key, value) = (Slice::text(key), Slice::new(value));
        let expected = expected.map_or(Slice::ABSENT, Slice::new);
        // SAFETY: all are lent for the call; the place is for a buffer.
        call(|err| unsafe { (self.0.compare_and_set)(self.0.ctx, key, expected, value, err) })
    }

    pub(super) fn add(self, key: &str, amount: i64) -> Result<i64, Error> {
        let mut sum = 0;
        let place = &raw mut sum;
        // SAFETY: the key is lent for the call; the places are for a number and a buffer.
        call(|err| unsafe { (self.0.add)(self.0.ctx, Slice::text(key), amount, place, err) })?;
        Ok(sum)
    }

    pub(super) fn count(self, key: &str) -> Result<Option<i64>, Error> {
        let mut count = 0;
        let place = &raw mut count;
        // SAFETY: as in `add`.
        let found = call(|err| unsafe { (self.0.count)(self.0.ctx, Slice::text(key), place, err) })?;
        Ok(found.then_some(count))
    }

    pub(super) fn keys(self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut keys = Vec::<String>::new();
        let data = (&raw mut keys).cast();
        // SAFETY: the prefix is lent for the call; `push` takes the list that it is given; the place is for a buffer.
        call(|err| unsafe { (self.0.visit)(self.0.ctx, Slice::text(prefix), data, push, err) })?;
        Ok(keys)
    }
}

/// Notes a key of a visit.
unsafe extern "C" fn push(keys: *mut c_void, key: Slice) -> i32 {
    // SAFETY: `Table::keys` lends its list to the visit.
    let keys = unsafe { &mut *keys.cast::<Vec<String>>() };
    // SAFETY: the host lends the key for this call.
    keys.extend(unsafe { key.str() }.map(str::to_owned));
    abi::READY
}

/// Whether it was done; not done is [`DECLINED`](abi::DECLINED).
fn call(function: impl FnOnce(*mut Buf) -> i32) -> Result<bool, Error> {
    let mut err = Buf::EMPTY;
    let code = function(&raw mut err);
    // SAFETY: empty, or filled by the host and ours to release; the host outlives this code.
    let err = unsafe { OwnedBuf::new(err) };
    match code {
        abi::READY => Ok(true),
        abi::DECLINED => Ok(false),
        _ => Err(failed(String::from_utf8_lossy(err.bytes()))),
    }
}

fn no_store(what: &str, key: &str) -> Error {
    failed(format_args!(
        "cannot {what} `{}`: this host has no `{}`: it is older than ABI 1.1",
        key.escape_debug(),
        abi::EXT_STORE
    ))
}

#[cfg(test)]
mod tests {
    use crate::store;

    #[test]
    fn without_a_host_that_has_a_store_every_call_says_so() {
        let says = |what: &str| {
            format!("store: cannot {what} `k`: this host has no `pa.store/1`: it is older than ABI 1.1")
        };
        let value = store::value::<u8>("k");
        assert_eq!(value.get().unwrap_err().to_string(), says("get"));
        assert_eq!(value.set(&1).unwrap_err().to_string(), says("set"));
        assert_eq!(value.update(|_| ()).unwrap_err().to_string(), says("update"));
        assert_eq!(value.remove().unwrap_err().to_string(), says("remove"));
        assert_eq!(store::counter("k").add(1).unwrap_err().to_string(), says("add to"));
        assert_eq!(store::counter("k").get().unwrap_err().to_string(), says("count"));
        assert_eq!(store::keys("k").unwrap_err().to_string(), says("visit"));
    }
}
