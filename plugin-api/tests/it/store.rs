use crate::client;
use crate::plugin::pa_plugin_v1;
use plugin_api::prelude::*;
use std::thread;

#[derive(Default, Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct Cart {
    items: Vec<String>,
    #[serde(default)]
    gift: bool,
}

#[post("/store/count/<key>")]
pub(crate) fn count(key: &str) -> Result<String, Error> {
    Ok(store::counter(key).add(1)?.to_string())
}

#[post("/store/cart/<user>/<item>")]
pub(crate) fn put(user: &str, item: &str) -> Result<String, Error> {
    let cart = store::value::<Cart>(format!("cart/{user}"));
    let len = cart.update(|cart| {
        cart.items.push(item.to_owned());
        cart.items.len()
    })?;
    Ok(len.to_string())
}

#[get("/store/cart/<user>")]
pub(crate) fn cart(user: &str) -> Result<Option<Json<Cart>>, Error> {
    Ok(store::value(format!("cart/{user}")).get()?.map(Json))
}

#[delete("/store/carts")]
pub(crate) fn clear() -> Result<String, Error> {
    let keys = store::keys("cart/")?;
    for key in &keys {
        assert!(store::remove(key)?);
    }
    Ok(keys.join(" "))
}

#[get("/store/from-a-thread")]
pub(crate) fn from_a_thread() -> Result<String, Error> {
    let sum = thread::spawn(|| store::counter("from a thread").add(1)).join();
    sum.map_or_else(|_| Err(abort(500, "the thread panicked")), |sum| Ok((sum? > 0).to_string()))
}

#[test]
fn counters_and_values_survive_a_swap() {
    let old = client();
    assert_eq!(
        (old.post("/store/count/hits").text(), old.post("/store/count/hits").text()),
        ("1".into(), "2".into())
    );
    old.post("/store/cart/ann/tea").text();
    let new = old.swap_to(&pa_plugin_v1);
    assert_eq!(new.post("/store/count/hits").text(), "3");
    assert_eq!(old.post("/store/count/hits").text(), "4", "both serve during a swap");
    drop(old);
    assert_eq!(new.post("/store/cart/ann/jam").text(), "2");
    assert_eq!(new.get("/store/cart/ann").text(), r#"{"items":["tea","jam"],"gift":false}"#);
}

#[test]
fn each_client_has_a_store_of_its_own_which_its_tests_see() {
    let (one, other) = (client(), client());
    one.post("/store/count/hits").text();
    assert_eq!(store::counter("hits").get().unwrap(), 1, "that of the client that was used last");
    other.post("/store/count/hits").text();
    one.app("admin");
    store::counter("hits").add(10).unwrap();
    assert_eq!(one.post("/store/count/hits").text(), "12");
    assert_eq!(other.post("/store/count/hits").text(), "2");
}

#[test]
fn a_thread_of_the_plugins_own_has_a_store_too() {
    assert_eq!(client().get("/store/from-a-thread").text(), "true");
}

#[test]
fn keys_are_listed_by_prefix_and_removed() {
    let client = client();
    for path in ["/store/cart/bob/tea", "/store/cart/ann/tea", "/store/count/cart"] {
        client.post(path).text();
    }
    assert_eq!(client.delete("/store/carts").text(), "cart/ann cart/bob");
    assert_eq!(client.get("/store/cart/ann").status(), 404);
    assert_eq!(store::keys("").unwrap(), ["cart"]);
}

#[test]
fn a_counter_is_read_without_making_it_and_removed() {
    let _client = client();
    let hits = store::counter("hits");
    assert_eq!((hits.get().unwrap(), store::keys("").unwrap().len()), (0, 0));
    assert_eq!((hits.add(3).unwrap(), hits.add(-5).unwrap(), hits.get().unwrap()), (3, -2, -2));
    assert_eq!((hits.remove().unwrap(), hits.remove().unwrap(), hits.add(1).unwrap()), (true, false, 1));
}

#[test]
fn a_value_is_set_read_and_removed() {
    let _client = client();
    let cart = store::value::<Cart>("cart");
    assert_eq!(cart.get().unwrap(), None);
    let tea = Cart { items: vec!["tea".into()], gift: true };
    cart.set(&tea).unwrap();
    assert_eq!(cart.get().unwrap(), Some(tea));
    assert_eq!((cart.remove().unwrap(), cart.remove().unwrap(), cart.get().unwrap()), (true, false, None));
    assert_eq!(
        format!("{cart:?} {:?}", store::counter("c")),
        r#"Value { key: "cart", .. } Counter { key: "c" }"#
    );
}

#[test]
fn a_field_that_is_new_has_its_default() {
    let _client = client();
    store::value("cart").set(&serde_json::json!({ "items": ["tea"] })).unwrap();
    let cart = store::value::<Cart>("cart").get().unwrap().unwrap();
    assert_eq!(cart, Cart { items: vec!["tea".into()], gift: false });
}

#[test]
fn a_value_of_another_type_is_an_error_that_names_the_key_and_loses_nothing() {
    let _client = client();
    store::value("cart\n7").set(&serde_json::json!({ "items": 7 })).unwrap();
    let cart = store::value::<Cart>("cart\n7");
    let reason = "store: cannot read `cart\\n7` as `it::store::Cart`: `items`: invalid type: integer `7`, expected a \
                  sequence at line 1 column 10";
    assert_eq!(cart.get().unwrap_err().to_string(), reason);
    assert_eq!(cart.update(|cart| cart.gift = true).unwrap_err().to_string(), reason);
    assert_eq!(store::value::<serde_json::Value>("cart\n7").get().unwrap().unwrap()["items"], 7);
    assert_eq!(cart.get().unwrap_err().status(), 500);
}

#[test]
fn a_counter_is_no_value_and_a_value_is_no_counter() {
    let _client = client();
    let (hits, cart) = (store::counter("hits"), store::value::<u32>("cart"));
    hits.add(1).unwrap();
    cart.set(&12_345_678).unwrap();
    let text = |error: Error| error.to_string();
    assert_eq!(
        text(store::value::<u32>("hits").get().unwrap_err()),
        "store: cannot get `hits`: it is a counter"
    );
    assert_eq!(text(store::value("hits").set(&1).unwrap_err()), "store: cannot set `hits`: it is a counter");
    assert_eq!(
        text(store::value::<u32>("hits").update(|_| ()).unwrap_err()),
        "store: cannot get `hits`: it is a counter"
    );
    let not_a_counter = "store: cannot add to `cart`: it is a value, not a counter";
    assert_eq!(text(store::counter("cart").add(1).unwrap_err()), not_a_counter);
    assert_eq!(
        text(store::counter("cart").get().unwrap_err()),
        "store: cannot count `cart`: it is a value, not a counter"
    );
}

#[test]
fn a_key_that_cannot_be_one_is_an_error() {
    let _client = client();
    let text = |key: &str| store::counter(key).add(1).unwrap_err().to_string();
    assert_eq!(text(""), "store: cannot add to ``: the key is empty");
    assert!(text(&"k".repeat(1025)).ends_with("`: the key has 1025 bytes, at most 1024 are allowed"));
    assert_eq!(store::counter("k".repeat(1024)).add(1).unwrap(), 1);
    assert!(store::remove("").is_err() && store::value::<u8>("").set(&1).is_err());
}

#[test]
fn a_full_store_refuses_and_keeps_what_it_has() {
    let client = client();
    client.set_store_bytes(310);
    client.post("/store/cart/ann/tea").text();
    let response = client.post("/store/cart/bob/tea").send();
    assert_eq!((response.status(), response.text().as_str()), (500, ""));
    let why = "error: POST /store/cart/bob/tea: store: cannot set `cart/bob`: the store is full: 166 bytes more, and 166 of \
               310 are used: remove what is not needed, or raise `store_bytes` in [limits]";
    assert_eq!(response.log(), [why]);
    assert!(store::counter("hits").add(1).is_ok(), "something small still fits");
    assert_eq!(client.get("/store/cart/ann").status(), 200);
}

#[test]
fn an_update_that_changes_nothing_writes_nothing() {
    let client = client();
    let cart = store::value::<Cart>("cart");
    cart.set(&Cart::default()).unwrap();
    client.set_store_bytes(0);
    assert_eq!(cart.update(|cart| cart.items.len()).unwrap(), 0);
    assert!(cart.update(|cart| cart.items.push("tea".into())).is_err());
}

#[test]
fn an_update_that_is_refused_by_its_author_changes_nothing() {
    let _client = client();
    let stock = store::value::<u32>("stock");
    let take = || {
        stock.update(|left| match left.checked_sub(1) {
            Some(less) => {
                *left = less;
                Ok(())
            }
            None => Err(abort(409, "sold out")),
        })
    };
    stock.set(&1).unwrap();
    assert!(take().unwrap().is_ok());
    assert_eq!(take().unwrap().unwrap_err().to_string(), "sold out");
    assert_eq!(stock.get().unwrap(), Some(0));
}

#[test]
fn updates_on_many_threads_lose_nothing() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 50;
    let client = client();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    assert_eq!(client.post("/store/cart/all/tea").status(), 200);
                    assert_eq!(client.post("/store/count/all").status(), 200);
                }
            });
        }
    });
    assert_eq!(client.post("/store/cart/all/tea").text(), (THREADS * ROUNDS + 1).to_string());
    assert_eq!(store::counter("all").get().unwrap(), (THREADS * ROUNDS) as i64);
}

#[test]
fn an_update_that_others_are_always_faster_than_gives_up() {
    let _client = client();
    let (mut tries, value) = (0, store::value::<u32>("value"));
    let error = value
        .update(|mine| {
            // Somebody else, each time.
            tries += 1;
            value.set(&tries).unwrap();
            *mine = 0;
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "store: cannot update `value`: others changed it 1000 times meanwhile");
    assert_eq!((tries, value.get().unwrap()), (1000, Some(1000)));
}
