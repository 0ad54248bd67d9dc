use crate::client;
use crate::plugin::{Db, pa_plugin_v1};
use plugin_api::__::{Has, call_load, call_save};
use plugin_api::prelude::*;
use plugin_api::test::{TestClient, manifest_text};
use std::sync::atomic::Ordering::Relaxed;

/// What schema 2 is; schema 1 was the number alone.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sold {
    sold: usize,
}

/// Where an author's mistakes begin.
const CANNOT_BE_SAVED: usize = 1000;
const PANICS: usize = 2000;

#[post("/sell/<n:int>")]
pub(crate) fn sell(n: usize, db: State<Db>) -> String {
    (db.sold.fetch_add(n, Relaxed) + n).to_string()
}

pub(crate) fn save(db: State<Db>) -> Result<Option<Json<Sold>>, Error> {
    match db.sold.load(Relaxed) {
        0 => Ok(None),
        CANNOT_BE_SAVED => Err(abort(500, "the books are closed")),
        PANICS => panic!("who counts so far?"),
        sold => Ok(Some(Json(Sold { sold }))),
    }
}

pub(crate) fn load(db: State<Db>, from: u32, saved: &[u8]) -> Result<(), Error> {
    let sold = match from {
        1 => Json::<usize>::parse(saved)?.0,
        _ => Json::<Sold>::parse(saved)?.0.sold,
    };
    db.sold.store(sold, Relaxed);
    Ok(())
}

const CONFIG: &str = r#"{"greeting":"Hi"}"#;

fn with_state(schema: u32, saved: &str) -> Result<TestClient, String> {
    TestClient::try_with_state(&pa_plugin_v1, CONFIG, schema, saved.as_bytes())
}

#[test]
fn a_swap_hands_the_state_over_and_the_old_generation_serves_on() {
    let old = client();
    assert_eq!(old.post("/sell/3").text(), "3");
    let new = old.swap_to(&pa_plugin_v1);
    assert_eq!((new.post("/sell/1").text(), old.post("/sell/1").text()), ("4".into(), "4".into()));
    assert_eq!(new.save(), br#"{"sold":4}"#);
}

#[test]
fn a_swap_keeps_the_app_its_middleware_and_its_configuration() {
    let old = client().app("admin").with_middleware("middleware::stamp", "{}");
    let new = old.swap_to(&pa_plugin_v1);
    drop(old);
    let response = new.get("/users").send();
    assert_eq!((response.text().as_str(), response.header("x-stamp")), ("0 hits", Some("1")));
    assert_eq!(new.app("back-office").get("/users").text(), "0 hits");
}

#[test]
fn a_state_of_an_older_schema_is_taken_over() {
    assert_eq!(with_state(1, "41").unwrap().post("/sell/1").text(), "42");
    assert_eq!(with_state(2, r#"{"sold":6}"#).unwrap().post("/sell/1").text(), "7");
}

#[test]
fn a_state_that_does_not_fit_is_refused_with_its_reason() {
    let error = |schema, saved| with_state(schema, saved).map(drop).unwrap_err();
    assert_eq!(error(3, "{}"), "load: it accepts the schemas [1, 2], and this is 3");
    assert_eq!(error(2, "{}"), "load: schema 2: missing field `sold` at line 1 column 2");
    assert_eq!(
        error(2, r#"{"sold":"all"}"#),
        "load: schema 2: `sold`: invalid type: string \"all\", expected usize at line 1 column 13"
    );
    assert_eq!(error(1, "7 8"), "load: schema 1: trailing characters at line 1 column 3");
}

#[test]
fn nothing_to_hand_over_is_no_error() {
    assert_eq!(client().try_save(), Ok(None));
    assert_eq!(client().swap_to(&pa_plugin_v1).post("/sell/1").text(), "1");
}

#[test]
fn a_state_that_cannot_be_saved_cancels_the_swap() {
    let client = client();
    client.post(&format!("/sell/{CANNOT_BE_SAVED}")).text();
    assert_eq!(client.try_save().unwrap_err(), "save: the books are closed");
    assert_eq!(client.try_swap_to(&pa_plugin_v1).map(drop).unwrap_err(), "save: the books are closed");
    client.post(&format!("/sell/{}", PANICS - CANNOT_BE_SAVED)).text();
    assert_eq!(client.try_save().unwrap_err(), "save: code -2", "a panic stops at the boundary");
    assert_eq!(client.post("/sell/1").text(), "2001", "and the old generation serves on");
}

#[test]
fn the_manifest_says_what_is_handed_over_and_what_is_watched() {
    let manifest: toml::Table = manifest_text(&pa_plugin_v1).parse().unwrap();
    assert_eq!(manifest["state_schema"].as_integer(), Some(2));
    let numbers = manifest["state_accepts"].as_array().unwrap().iter();
    assert_eq!(numbers.filter_map(toml::Value::as_integer).collect::<Vec<_>>(), [1, 2]);
    let here = |path: &str| format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let paths = manifest["watch"].as_array().unwrap().iter();
    assert_eq!(
        paths.filter_map(toml::Value::as_str).collect::<Vec<_>>(),
        [&here("tests/ui"), &here("Cargo.toml"), "/srv/prices.json"]
    );
}

/// A plugin with one state, for the forms that the functions may have.
struct Small;

impl Has<String> for Small {}

fn instance() -> Instance {
    Instance::new((), String::from("state"))
}

fn bytes(state: State<String>) -> Vec<u8> {
    state.to_uppercase().into_bytes()
}

fn alone() -> Result<Vec<u8>, std::fmt::Error> {
    Ok(b"alone".to_vec())
}

#[test]
fn save_takes_the_state_or_nothing_and_gives_bytes_or_json() {
    let config = |_: State<'_, String>| Json(["j"]);
    assert_eq!(call_save::<Small, _, _>(&bytes, &instance()).unwrap().unwrap(), b"STATE");
    assert_eq!(call_save::<Small, _, _>(&alone, &instance()).unwrap().unwrap(), b"alone");
    assert_eq!(call_save::<Small, _, _>(&config, &instance()).unwrap().unwrap(), br#"["j"]"#);
}

fn lent(state: State<String>, from: u32, saved: &[u8]) -> Result<(), Error> {
    Err(abort(500, format!("{} {from} {saved:?}", *state)))
}

fn owned(state: State<String>, from: u32, saved: Vec<u8>) -> Result<(), Error> {
    lent(state, from, &saved)
}

fn json(state: State<String>, from: u32, Json(saved): Json<Vec<u8>>) -> Result<(), Error> {
    lent(state, from, &saved)
}

fn lent_alone(from: u32, saved: &[u8]) -> Result<(), Error> {
    Err(abort(500, format!("{from} {saved:?}")))
}

fn json_alone(from: u32, saved: Json<Vec<u8>>) -> Result<(), Error> {
    lent_alone(from, &saved)
}

fn accepts_all(_: u32, _: Vec<u8>) {}

#[test]
fn load_takes_bytes_or_json_and_the_state_if_it_wants_it() {
    let says = |result: Result<(), Error>| result.unwrap_err().to_string();
    let instance = instance();
    assert_eq!(says(call_load::<Small, _, _>(&lent, &instance, 1, b"[7]")), "state 1 [91, 55, 93]");
    assert_eq!(says(call_load::<Small, _, _>(&owned, &instance, 2, b"[7]")), "state 2 [91, 55, 93]");
    assert_eq!(says(call_load::<Small, _, _>(&json, &instance, 3, b"[7]")), "state 3 [7]");
    assert_eq!(says(call_load::<Small, _, _>(&lent_alone, &instance, 4, b"")), "4 []");
    assert_eq!(says(call_load::<Small, _, _>(&json_alone, &instance, 5, b"[7]")), "5 [7]");
    let cause = "what was saved: `[0]`: invalid value: integer `700`, expected u8 at line 1 column 4";
    assert_eq!(says(call_load::<Small, _, _>(&json, &instance, 6, b"[700]")), cause);
    assert!(call_load::<Small, _, _>(&accepts_all, &instance, 7, b"").is_ok());
}
