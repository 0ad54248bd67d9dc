//! The store, through its table, as a plugin calls it.
#![allow(unsafe_code, reason = "calls the functions of the table as a plugin does")]

use super::*;
use entry::ENTRY_BYTES;
use plugin_api::abi::{self, Buf, HostStore, STORE_KEY_BYTES_MAX, Slice};
use std::ffi::c_void;

/// A plugin's view of a store.
struct Plugin {
    store: Arc<Store>,
    table: HostStore,
}

/// The text of a buffer, which is released.
fn text(mut buf: Buf) -> String {
    // SAFETY: the buffer was just filled, and is released below.
    let text = String::from_utf8_lossy(unsafe { buf.bytes() }).into_owned();
    // SAFETY: filled by the host, and nobody reads it any more.
    unsafe { buf.release() };
    text
}

impl Plugin {
    fn with_limit(bytes: usize) -> Self {
        let store = Stores::new(bytes).of("shop");
        Self { table: table(&store), store }
    }

    fn new() -> Self {
        Self::with_limit(1 << 20)
    }

    /// The code of a call, or the reason of its refusal.
    fn call(&self, work: impl FnOnce(&HostStore, *mut Buf) -> i32) -> Result<bool, String> {
        let mut err = Buf::EMPTY;
        match work(&self.table, &raw mut err) {
            abi::READY => Ok(true),
            abi::DECLINED => Ok(false),
            abi::ERR => Err(text(err)),
            code => panic!("code {code}"),
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Buf>, String> {
        let mut out = Buf::EMPTY;
        let place = &raw mut out;
        // SAFETY: the key is lent for the call; both are places for a buffer.
        let found = self.call(|table, err| unsafe { (table.get)(table.ctx, Slice::new(key), place, err) });
        found.map(|found| found.then_some(out))
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key.as_bytes()).unwrap().map(text)
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<bool, String> {
        let (key, value) = (Slice::new(key), Slice::new(value));
        // SAFETY: both are lent for the call.
        self.call(|table, err| unsafe { (table.set)(table.ctx, key, value, err) })
    }

    fn remove(&self, key: &str) -> Result<bool, String> {
        // SAFETY: the key is lent for the call.
        self.call(|table, err| unsafe { (table.remove)(table.ctx, Slice::text(key), err) })
    }

    fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, String> {
        let slice = |text: Option<&str>| text.map_or(Slice::ABSENT, Slice::text);
        let (key, expected, value) = (Slice::text(key), slice(expected), slice(value));
        // SAFETY: all are lent for the call.
        self.call(|table, err| unsafe { (table.compare_and_set)(table.ctx, key, expected, value, err) })
    }

    fn add(&self, key: &str, amount: i64) -> Result<i64, String> {
        let mut sum = 0;
        let place = &raw mut sum;
        // SAFETY: the key is lent for the call; the places are for a number and a buffer.
        self.call(|table, err| unsafe { (table.add)(table.ctx, Slice::text(key), amount, place, err) })?;
        Ok(sum)
    }

    fn count(&self, key: &str) -> Result<Option<i64>, String> {
        let mut count = 0;
        let place = &raw mut count;
        // SAFETY: as in `add`.
        let found = self.call(|table, err| unsafe { (table.count)(table.ctx, Slice::text(key), place, err) });
        found.map(|found| found.then_some(count))
    }

    /// The code of a visit that collects keys, and removes each one, until it sees `last`.
    fn visit(&self, prefix: &str, last: &str) -> (i32, Vec<String>) {
        let mut visit = Visit { plugin: self, last, seen: Vec::new() };
        let data = (&raw mut visit).cast();
        // SAFETY: `see` takes a `Visit`, which lives for the call; no reason is asked for.
        let code = unsafe {
            (self.table.visit)(self.table.ctx, Slice::text(prefix), data, see, std::ptr::null_mut())
        };
        (code, visit.seen)
    }
}

struct Visit<'a> {
    plugin: &'a Plugin,
    last: &'a str,
    seen: Vec<String>,
}

unsafe extern "C" fn see(data: *mut c_void, key: Slice) -> i32 {
    // SAFETY: `Plugin::visit` lends a `Visit` for this call.
    let visit = unsafe { &mut *data.cast::<Visit<'_>>() };
    // SAFETY: the host lends the key for this call.
    let key = unsafe { key.str() }.unwrap();
    visit.seen.push(key.to_owned());
    assert!(visit.plugin.remove(key).unwrap());
    if key == visit.last { abi::END } else { abi::READY }
}

#[test]
fn a_value_is_set_replaced_and_removed() {
    let plugin = Plugin::new();
    assert_eq!((plugin.text("cart"), plugin.remove("cart")), (None, Ok(false)));
    assert_eq!(plugin.set(b"cart", b"one"), Ok(true));
    assert_eq!(plugin.text("cart").as_deref(), Some("one"));
    assert_eq!(plugin.set(b"cart", b""), Ok(true));
    assert_eq!(plugin.text("cart").as_deref(), Some(""), "an empty value is one");
    assert_eq!((plugin.remove("cart"), plugin.text("cart")), (Ok(true), None));
}

#[test]
fn a_value_that_was_read_stays_as_it_was() {
    let plugin = Plugin::new();
    plugin.set(b"cart", b"old").unwrap();
    let (one, other) = (plugin.get(b"cart").unwrap().unwrap(), plugin.get(b"cart").unwrap().unwrap());
    assert_eq!(one.ptr, other.ptr, "it is not copied");
    plugin.set(b"cart", b"new").unwrap();
    plugin.remove("cart").unwrap();
    drop(plugin);
    assert_eq!((text(one), text(other)), ("old".into(), "old".into()));
}

#[test]
fn a_plugins_memory_is_copied() {
    let plugin = Plugin::new();
    let mut value = *b"mine";
    plugin.set(b"cart", &value).unwrap();
    value.fill(b'x');
    assert_eq!(plugin.text("cart").as_deref(), Some("mine"));
}

#[test]
fn compare_and_set_sees_what_is_there_and_what_is_not() {
    let plugin = Plugin::new();
    assert_eq!(plugin.compare_and_set("k", Some("a"), Some("b")), Ok(false), "there is none");
    assert_eq!(plugin.compare_and_set("k", None, Some("a")), Ok(true));
    assert_eq!(plugin.compare_and_set("k", None, Some("b")), Ok(false), "there is one");
    assert_eq!(plugin.compare_and_set("k", Some("x"), Some("b")), Ok(false), "it is another one");
    assert_eq!(plugin.compare_and_set("k", Some("a"), Some("b")), Ok(true));
    assert_eq!(plugin.text("k").as_deref(), Some("b"));
    assert_eq!(plugin.compare_and_set("k", Some("a"), None), Ok(false));
    assert_eq!(plugin.compare_and_set("k", None, None), Ok(false), "there is one");
    assert_eq!(plugin.compare_and_set("k", Some("b"), None), Ok(true));
    assert_eq!(plugin.compare_and_set("k", None, None), Ok(true), "there is none, and stays none");
    assert!(plugin.store.is_empty() && plugin.store.used_bytes() == 0);
}

#[test]
fn a_counter_counts_and_wraps_around() {
    let plugin = Plugin::new();
    assert_eq!(plugin.count("hits"), Ok(None), "looking makes none");
    assert_eq!(
        (plugin.add("hits", 0), plugin.add("hits", 3), plugin.add("hits", -5)),
        (Ok(0), Ok(3), Ok(-2))
    );
    assert_eq!(plugin.count("hits"), Ok(Some(-2)));
    assert_eq!((plugin.add("big", i64::MAX), plugin.add("big", 1)), (Ok(i64::MAX), Ok(i64::MIN)));
    assert_eq!((plugin.remove("hits"), plugin.count("hits")), (Ok(true), Ok(None)));
}

#[test]
fn a_value_is_no_counter_and_a_counter_is_no_value() {
    let plugin = Plugin::new();
    plugin.set(b"value", b"12345678").unwrap();
    plugin.add("counter", 1).unwrap();
    let value = |what: &str| format!("cannot {what} `value`: it is a value, not a counter");
    assert_eq!(plugin.add("value", 1), Err(value("add to")));
    assert_eq!(plugin.count("value"), Err(value("count")));
    let counter = |what: &str| format!("cannot {what} `counter`: it is a counter");
    assert_eq!(plugin.get(b"counter").map(drop), Err(counter("get")));
    assert_eq!(plugin.set(b"counter", b"x"), Err(counter("set")));
    assert_eq!(plugin.compare_and_set("counter", Some("x"), Some("y")), Err(counter("set")));
    assert_eq!(plugin.compare_and_set("counter", Some("x"), None), Err(counter("set")));
    assert_eq!((plugin.count("counter"), plugin.text("value").as_deref()), (Ok(Some(1)), Some("12345678")));
}

#[test]
fn a_key_that_is_none_is_refused_with_its_reason() {
    let plugin = Plugin::new();
    let long = [b'k'; STORE_KEY_BYTES_MAX + 1];
    let shown = "k".repeat(80);
    assert_eq!(plugin.set(b"", b"v"), Err("cannot set ``: the key is empty".into()));
    assert_eq!(plugin.set(b"a\xff\n", b"v"), Err("cannot set `a\u{fffd}\\n`: the key is not UTF-8".into()));
    let refusal = format!("cannot set `{shown}`: the key has 1025 bytes, at most 1024 are allowed");
    assert_eq!(plugin.set(&long, b"v"), Err(refusal));
    assert_eq!(plugin.set(&long[1..], b"v"), Ok(true));
    assert!(plugin.remove("").is_err() && plugin.add("", 1).is_err() && plugin.get(b"\xff").is_err());
    assert_eq!(plugin.store.len(), 1);
}

#[test]
fn a_value_that_is_absent_is_not_set() {
    let plugin = Plugin::new();
    let (key, none) = (Slice::text("k"), Slice::ABSENT);
    // SAFETY: the key is lent for the call.
    let set = plugin.call(|table, err| unsafe { (table.set)(table.ctx, key, none, err) });
    assert_eq!(set, Err("cannot set `k`: there is no value: remove it instead".into()));
}

#[test]
fn a_reason_that_nobody_wants_is_not_made() {
    let plugin = Plugin::new();
    let (table, none) = (&plugin.table, std::ptr::null_mut());
    // SAFETY: the slices are lent for the call; no reason is asked for.
    let code = unsafe { (table.set)(table.ctx, Slice::text(""), Slice::text("v"), none) };
    assert_eq!(code, abi::ERR);
    // SAFETY: as above, and no sum.
    let code = unsafe { (table.add)(table.ctx, Slice::text("hits"), 1, std::ptr::null_mut(), none) };
    assert_eq!((code, plugin.count("hits")), (abi::READY, Ok(Some(1))));
}

#[test]
fn keys_are_visited_by_prefix_in_order_and_may_be_removed_meanwhile() {
    let plugin = Plugin::new();
    for key in ["cart/2", "cart/10", "cart/1", "car", "user/1", "cart/ü"] {
        plugin.set(key.as_bytes(), b"").unwrap();
    }
    let (code, seen) = plugin.visit("cart/", "");
    assert_eq!(
        (code, seen),
        (abi::READY, ["cart/1", "cart/10", "cart/2", "cart/ü"].map(str::to_owned).to_vec())
    );
    assert_eq!(plugin.visit("", "car"), (abi::END, vec!["car".into()]), "the visitor ends it");
    assert_eq!(plugin.store.keys(b"").iter().map(|key| &**key).collect::<Vec<_>>(), ["user/1"]);
}

#[test]
fn the_limit_is_exact_and_a_refusal_changes_nothing() {
    let plugin = Plugin::with_limit(2 * ENTRY_BYTES + 20);
    assert_eq!(plugin.set(b"key", b"1234567"), Ok(true));
    assert_eq!(plugin.store.used_bytes(), ENTRY_BYTES + 10);
    let full = |what: &str, key: &str, needed: usize, used: usize| {
        let limit = 2 * ENTRY_BYTES + 20;
        format!(
            "cannot {what} `{key}`: the store is full: {needed} bytes more, and {used} of {limit} are used: \
             remove what is not needed, or raise `store_bytes` in [limits]"
        )
    };
    let used = ENTRY_BYTES + 10;
    assert_eq!(plugin.set(b"k2", b"123456789"), Err(full("set", "k2", ENTRY_BYTES + 11, used)));
    assert_eq!(plugin.add("abc", 1), Err(full("add to", "abc", ENTRY_BYTES + 11, used)));
    assert_eq!(
        plugin.compare_and_set("k2", None, Some("123456789")),
        Err(full("set", "k2", ENTRY_BYTES + 11, used))
    );
    assert_eq!((plugin.store.len(), plugin.store.used_bytes()), (1, used));
    assert_eq!(plugin.add("k2", 1), Ok(1), "it fits to the byte");
    let used = 2 * ENTRY_BYTES + 20;
    assert_eq!(plugin.store.used_bytes(), used);
    assert_eq!(plugin.set(b"key", b"12345678"), Err(full("set", "key", 1, used)));
    assert_eq!((plugin.text("key").as_deref(), plugin.set(b"key", b"7654321")), (Some("1234567"), Ok(true)));
    assert_eq!((plugin.set(b"key", b""), plugin.set(b"key", b"1234567")), (Ok(true), Ok(true)));
    assert_eq!((plugin.remove("key"), plugin.remove("k2")), (Ok(true), Ok(true)));
    assert_eq!(plugin.store.used_bytes(), 0);
}

#[test]
fn a_lower_limit_keeps_what_is_there() {
    let stores = Stores::new(1 << 20);
    let store = stores.of("shop");
    store.set("key", b"value").unwrap();
    stores.set_limit(1);
    assert!(store.set("key", b"larger").is_err() && store.set("other", b"").is_err());
    assert_eq!(store.get("key").unwrap().as_deref(), Some(&b"value"[..]));
    assert!(
        store.set("key", b"v").is_ok() && store.compare_and_set("key", Some(b"v"), Some(b"w")) == Ok(true)
    );
    stores.set_limit(1 << 20);
    assert!(store.set("key", b"larger").is_ok());
}

#[test]
fn each_plugin_has_its_own_until_it_is_forgotten() {
    let stores = Stores::new(1 << 20);
    let (shop, blog) = (stores.of("shop"), stores.of("blog"));
    shop.add("hits", 2).unwrap();
    assert_eq!((blog.count("hits"), stores.of("shop").count("hits")), (Ok(None), Ok(Some(2))));
    assert!(stores.forget("shop") && !stores.forget("shop"));
    assert_eq!((shop.add("hits", 1), stores.of("shop").count("hits")), (Ok(3), Ok(None)));
}
