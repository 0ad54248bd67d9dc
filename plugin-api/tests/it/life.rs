use crate::client;
use crate::plugin::Db;
use plugin_api::host::{self, Asked};
use plugin_api::prelude::*;
use plugin_api::test::TestClient;
use std::sync::atomic::Ordering;

pub(crate) fn start(db: State<Db>) -> Result<(), Error> {
    db.hits.store(0, Ordering::Relaxed);
    Ok(())
}

pub(crate) fn stop(db: State<Db>) {
    db.hits.store(usize::MAX, Ordering::Relaxed);
}

#[get("/hits")]
pub(crate) fn hits(db: State<Db>) -> String {
    db.hits.fetch_add(1, Ordering::Relaxed).to_string()
}

#[test]
fn each_load_has_a_state_of_its_own() {
    let (one, two) = (client(), client());
    assert_eq!(one.get("/hits").text() + &one.get("/hits").text() + &two.get("/hits").text(), "010");
}

#[test]
fn a_configuration_that_does_not_fit_says_why() {
    let error =
        |config: &str| TestClient::try_new(&crate::plugin::pa_plugin_v1, config).map(drop).unwrap_err();
    assert_eq!(error("{}"), "config: missing field `greeting`");
    assert_eq!(
        error(r#"{"greeting":1}"#),
        "config: `greeting`: invalid type: integer `1`, expected a string"
    );
    assert_eq!(
        error(r#"{"greeting":"","x":1}"#),
        "config: unknown field `x`, expected `greeting` or `broken`"
    );
    assert_eq!(error(r#"{"greeting":"","broken":true}"#), "the database is closed today");
}

#[test]
fn asking_the_host_to_stop_is_ignored_where_there_is_nothing_to_stop() {
    let _client = client();
    assert_eq!((host::run(), host::stop()), (Asked::Ignored, Asked::Ignored));
    assert_eq!(host::plugin_name(), "test");
    host::log(Level::Warn, "a line");
}
