use crate::client;
use crate::plugin::Config;
use plugin_api::prelude::*;
use std::io;
use std::time::Duration;

#[get("/boom")]
pub(crate) fn boom() -> String {
    panic!("the {} is on fire", "roof")
}

#[get("/boom/later")]
pub(crate) async fn boom_later() -> String {
    sleep(Duration::from_millis(1)).await;
    panic!("too late")
}

#[get("/missing")]
pub(crate) fn missing() -> Result<String, Error> {
    Err(abort(404, "no such thing"))
}

#[get("/broken")]
pub(crate) fn broken() -> Result<String, io::Error> {
    Err(io::Error::other("the disk is full"))
}

#[get("/denied")]
pub(crate) fn denied() -> Result<(), Error> {
    Err(abort(401, "log in").header("www-authenticate", "Basic"))
}

#[get("/explained")]
pub(crate) fn explained() -> Result<(), Error> {
    Err(abort(503, "come back later").cause("the pool is empty"))
}

#[error(404)]
pub(crate) fn not_found(request: &Request, config: State<Config>) -> String {
    format!("{}, there is no {}", config.greeting, request.path())
}

#[error(418)]
pub(crate) fn teapot() -> (u16, &'static str) {
    (200, "tea")
}

#[test]
fn a_panic_is_a_500_and_a_line_in_the_log() {
    let response = client().get("/boom").send();
    assert_eq!((response.status(), response.text().as_str()), (500, ""));
    assert_eq!(response.log(), ["error: GET /boom: the handler panicked: the roof is on fire"]);
}

#[test]
fn a_panic_after_an_await_is_a_500_too() {
    let response = client().get("/boom/later").send();
    assert_eq!(response.status(), 500);
    assert_eq!(response.log(), ["error: GET /boom/later: the handler panicked: too late"]);
}

#[test]
fn error_handlers_answer_errors_with_their_status() {
    for path in ["/missing", "/nowhere"] {
        let response = client().get(path).send();
        assert_eq!((response.status(), response.text()), (404, format!("Hi, there is no {path}")));
        assert!(!response.is_error());
    }
}

#[test]
fn an_error_of_the_system_is_a_500_whose_cause_is_in_the_log_alone() {
    let response = client().get("/broken").send();
    assert_eq!((response.status(), response.text().as_str()), (500, ""));
    assert_eq!(response.log(), ["error: GET /broken: the disk is full"]);
}

#[test]
fn errors_have_headers_messages_and_causes() {
    let response = client().get("/denied").send();
    assert_eq!((response.status(), response.header("www-authenticate")), (401, Some("Basic")));
    assert!(response.is_error() && response.log().is_empty(), "{response:?}");
    let response = client().get("/explained").send();
    assert_eq!((response.status(), response.text().as_str()), (503, "come back later"));
    assert_eq!(response.log(), ["error: GET /explained: the pool is empty"]);
}

#[test]
fn a_wrong_method_is_a_405_with_the_right_ones() {
    let response = client().delete("/raw").send();
    assert_eq!((response.status(), response.header("allow")), (405, Some("POST,PUT")));
}
